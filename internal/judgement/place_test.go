package judgement

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestAPlaceThatCannotBeReadOrWrittenIsANoteInTheReport(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(s *scene)
		want  string
	}{
		"no such folder": {func(s *scene) { s.job.Capture.URI += "/gone" }, "could not be read"},
		"no place":       {func(s *scene) { s.job.Capture.URI = "ftp://shop" }, "could not be read"},
		"a bucket that is not there": {func(s *scene) {
			s.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", "id")
			s.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", "secret")
			s.job.Capture.URI = "s3://shop/storefront?endpoint=http://127.0.0.1:1&region=r&s3ForcePathStyle=true"
		}, "could not be read"},
		"a page that cannot be written": {func(s *scene) {
			name := s.requests[5].TakenAt.UTC().Format("20060102T150405.000Z-") + strings.TrimPrefix(s.job.Key, "sha256:")[:16] + ".html"
			if err := os.MkdirAll(filepath.Join(s.dir, name, "in the way"), 0o700); err != nil {
				s.Fatal(err)
			}
		}, "The page of captured requests could not be left in"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.putAll()
			c.spoil(s)
			e := Run(t.Context(), Options{Task: s.job, Now: s.now, Log: io.Discard})
			page, err := s.store.ReadDocument(t.Context(), task.JudgementFolder(s.job.Key)+"report.html", 16<<20)
			if err != nil || e.Verdict != report.Passed {
				t.Fatalf("%+v: %v", e, err)
			}
			wants(t, string(page), c.want, shownPlace, "tops-v2 judged against tops-v1")
		})
	}
}

func TestThePageOfCapturedRequestsNeedsNothingElseAndNoNameGetsOutOfItsPlace(t *testing.T) {
	s := newScene(t)
	evil := `"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>`
	s.job.Deployment, s.job.Namespace, s.job.Outcome, s.job.Rule, s.job.Reason, s.job.Capture.Shown = evil, evil, evil, evil, evil, evil
	s.job.Candidate.Name = evil
	s.requests[0].Version, s.requests[0].Compared.Version = evil, evil
	s.putAll()
	_, _, _, pages := s.made()
	_, page := s.only(pages)
	for _, bad := range []string{"<script", "<img src=http", "<link", "@import", "url("} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, src := range regexp.MustCompile(`(?:src|href)="([^"]{0,24})`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(src[1], "data:image/jpeg;base64,") {
			t.Errorf("the page fetches %q", src[1])
		}
	}
	wants(t, page, "default-src 'none'", "&lt;script&gt;", "</html>")
}

func TestAPlaceThatBreaksWhileItIsReadGivesThePageWhatWasRead(t *testing.T) {
	for name, c := range map[string]struct {
		refused      func(n int) bool
		shown        int
		page, report string
	}{
		"one is refused":  {func(n int) bool { return n == 2 }, 11, "1 captured request in " + shownPlace + " could not be read, and 0 older ones were not tried", "11 captured requests of shoppers are shown"},
		"all but two are": {func(n int) bool { return n > 2 }, 2, "8 captured requests in " + shownPlace + " could not be read, and 2 older ones were not tried", "2 captured requests of shoppers are shown"},
		"all are":         {func(int) bool { return true }, 0, "", "could not be read, so none of a shopper is shown anywhere"},
	} {
		t.Run(name, func(t *testing.T) {
			server := s3test.Start(t)
			t.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", server.AccessKey)
			t.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", server.SecretKey)
			s := newSceneAt(t, server.URI("storefront"))
			s.dir = filepath.Join(server.Folder, "storefront")
			for i := range 12 {
				s.put(s.apart(i, 0.1, s.job.Decided.Add(-time.Duration(i)*time.Minute)))
			}
			pass, reads := runtimetest.Proxy(t, server.Endpoint), atomic.Int32{}
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, ".zip") {
					if c.refused(int(reads.Add(1))) {
						w.WriteHeader(http.StatusForbidden)
						return
					}
				}
				pass.ServeHTTP(w, r)
			}))
			defer proxy.Close()
			server.Endpoint = proxy.URL
			s.job.Capture.URI = server.URI("storefront")
			_, report, d, pages := s.made()
			if d.Captured.Shown != c.shown {
				t.Errorf("%+v", d.Captured)
			}
			wants(t, report, c.report)
			if c.shown == 0 {
				return
			}
			_, page := s.only(pages)
			wants(t, page, c.page)
		})
	}
}

func TestABucketOfCapturedRequestsGetsItsPageAndTheStoreDoesNot(t *testing.T) {
	server := s3test.Start(t)
	t.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", server.SecretKey)
	s := newSceneAt(t, server.URI("shop/storefront"))
	s.dir = filepath.Join(server.Folder, "shop/storefront")
	s.putAll()
	_, _, d, pages := s.made()
	if name, page := s.only(pages); name != d.Captured.Page || len(inOrder(page)) != 6 {
		t.Errorf("%s; %+v", name, d.Captured)
	}
	err := filepath.WalkDir(strings.TrimPrefix(s.job.Store, "file://"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		if bytes.Contains(body, []byte("data:image")) {
			t.Errorf("%s in the store has a picture", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
