package judgement

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judgement/judgementtest"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/strict"
	"github.com/braincreators/tryon-operator/internal/task"
)

// scene is a judgement of a deployment that captures requests.
type scene struct {
	*testing.T
	store  *artefact.Store
	folder *capture.Folder
	dir    string
	job    task.Judgement
	epoch  string
	now    time.Time
	// requests were answered by both versions, each a minute before the one before it.
	requests []capture.Request
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneAt(t, "file://"+t.TempDir())
}

func newSceneAt(t *testing.T, place string) *scene {
	t.Helper()
	store, uri := openStore(t)
	folder, err := capture.Open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = folder.Close() })
	s := &scene{T: t, store: store, folder: folder, dir: strings.TrimPrefix(place, "file://")}
	s.job = judgementtest.Task(t, judgementtest.Candidate{Slower: 1}, uri, "", "")
	s.job.Capture = &task.Capture{URI: place, Shown: shownPlace, AgeSeconds: 24 * 3600}
	s.now = s.job.Decided.Add(time.Minute)
	frozen, err := evidence.DecodeFrozen(s.job.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	s.epoch = frozen.Epoch
	shop := judgementtest.NewShop(t, 7, shopHeight, shopWidth)
	ours, theirs := shop.Answers(t, 1), shop.Answers(t, 6)
	for i := range ours {
		request := quality.Request{Height: shopHeight, Width: shopWidth, Person: ours[i].In.Person, Garment: ours[i].In.Garment, GarmentMask: ours[i].In.GarmentMask}
		apart, err := quality.Disagreement(request, answerOf(ours[i].Out), answerOf(theirs[i].Out))
		if err != nil {
			t.Fatal(err)
		}
		s.requests = append(s.requests, capture.Request{
			TakenAt: s.job.Decided.Add(-time.Duration(i+1) * time.Minute), Version: "tops-v1", Signature: oip.NewSignature(shopHeight, shopWidth),
			In: ours[i].In, Image: ours[i].Out.Image,
			Compared: &capture.Compared{Epoch: s.epoch, Version: "tops-v2", Image: theirs[i].Out.Image, Garment: apart.Garment, Outside: apart.Outside},
		})
	}
	return s
}

// put captures a request and gives its name.
func (s *scene) put(r capture.Request) string {
	s.Helper()
	file, err := s.folder.Put(s.Context(), r)
	if err != nil {
		s.Fatal(err)
	}
	return file.Name
}

// putAll captures all requests, the newest first.
func (s *scene) putAll() (names []string) {
	s.Helper()
	for _, r := range s.requests {
		names = append(names, s.put(r))
	}
	return names
}

// apart is the i-th request with another disagreement and another time.
func (s *scene) apart(i int, garment float64, taken time.Time) capture.Request {
	r := s.requests[i%len(s.requests)]
	c := *r.Compared
	c.Garment, r.Compared, r.TakenAt = garment, &c, taken
	return r
}

// made makes the report and gives the summary, the permanent page, its document and the pages in the place of captured requests.
func (s *scene) made() (report.JudgementSummary, string, Document, map[string]string) {
	s.Helper()
	e := Run(s.Context(), Options{Task: s.job, Now: s.now, Log: io.Discard})
	var summary report.JudgementSummary
	if err := e.Into(report.KindJudgement, &summary); err != nil || e.Verdict != report.Passed {
		s.Fatalf("%+v: %v", e, err)
	}
	folder := task.JudgementFolder(s.job.Key)
	page, err := s.store.ReadDocument(s.Context(), folder+"report.html", 16<<20)
	if err != nil {
		s.Fatal(err)
	}
	body, err := s.store.ReadDocument(s.Context(), folder+"report.json", 1<<20)
	if err != nil {
		s.Fatal(err)
	}
	var d Document
	if err := strict.Decode(body, 1<<20, &d); err != nil {
		s.Fatal(err)
	}
	return summary, string(page), d, s.pages()
}

// pages are the pages in the place of captured requests by their names.
func (s *scene) pages() map[string]string {
	s.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "*.html"))
	if err != nil {
		s.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range found {
		body, err := os.ReadFile(name)
		if err != nil {
			s.Fatal(err)
		}
		all[filepath.Base(name)] = string(body)
		if *pages != "" {
			if err := os.WriteFile(filepath.Join(*pages, s.Name()+"-captured.html"), body, 0o600); err != nil {
				s.Fatal(err)
			}
		}
	}
	return all
}

// only is the one page that there is.
func (s *scene) only(pages map[string]string) (name, page string) {
	s.Helper()
	if len(pages) != 1 {
		s.Fatalf("%d pages", len(pages))
	}
	for name, page = range pages {
		break
	}
	return name, page
}

// inOrder are the names of the requests that a page shows.
func inOrder(page string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`<span>([0-9TZ.]+-[0-9a-f]{16}\.zip)</span>`).FindAllStringSubmatch(page, -1) {
		names = append(names, m[1])
	}
	return names
}

func (s *scene) write(name string, body []byte) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), body, 0o600); err != nil {
		s.Fatal(err)
	}
}

func fileName(at time.Time, n int) string {
	return fmt.Sprintf("%s-%016x.zip", at.UTC().Format("20060102T150405.000Z"), n)
}

// bomb is an archive whose document unpacks to 64 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	w, err := archive.Create("capture.json")
	if err == nil {
		_, err = w.Write(make([]byte, 64<<20))
	}
	if err != nil || archive.Close() != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wrongSize is a request whose document promises larger pictures than it has.
func wrongSize(t *testing.T, whole []byte) []byte {
	t.Helper()
	in, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		w, err := archive.Create(f.Name)
		if err == nil {
			_, err = w.Write(bytes.Replace(body, []byte(`"height":128`), []byte(`"height":4096`), 1))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
