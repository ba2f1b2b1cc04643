package browse

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

func TestReportsAreServedAndNothingElseIs(t *testing.T) {
	store, err := artefact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for name, body := range map[string]string{
		"evaluations/ab/report.html": "<title>Evaluation of tops-v1 &amp; more</title><p>scores</p>",
		"stages/cd/stage.json":       "{}",
		"datasets/ef/manifest.json":  "{}",
	} {
		if err := store.PutDocument(t.Context(), name, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(Handler(store))
	t.Cleanup(server.Close)
	tests := map[string]struct {
		path     string
		wantCode int
		wantBody string
	}{
		"the list names the HTML reports": {"/", http.StatusOK, "evaluations/ab/report.html"},
		"the list has the pages' titles":  {"/", http.StatusOK, "<b>Evaluation of tops-v1 &amp; more</b>"},
		"a report":                        {"/evaluations/ab/report.html", http.StatusOK, "<p>scores</p>"},
		"a manifest":                      {"/datasets/ef/manifest.json", http.StatusOK, "{}"},
		"a stage document is not shown":   {"/stages/cd/stage.json", http.StatusNotFound, ""},
		"a blob is not shown":             {"/blobs/sha256/ab", http.StatusNotFound, ""},
		"a report that does not exist":    {"/evaluations/zz/report.html", http.StatusNotFound, ""},
		"a way out of the store":          {"/evaluations/..%2f..%2fetc%2fpasswd.json", http.StatusNotFound, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			res := httptest.NewRecorder()
			Handler(store).ServeHTTP(res, httptest.NewRequest(http.MethodGet, test.path, nil))
			if res.Code != test.wantCode || !strings.Contains(res.Body.String(), test.wantBody) {
				t.Errorf("GET %s is %d %q, want %d with %q", test.path, res.Code, res.Body, test.wantCode, test.wantBody)
			}
			if policy := res.Header().Get("Content-Security-Policy"); res.Code == http.StatusOK && !strings.HasPrefix(policy, "default-src 'none'") {
				t.Errorf("GET %s has content security policy %q", test.path, policy)
			}
		})
	}
}

func TestNothingCanBeWritten(t *testing.T) {
	store, err := artefact.Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		res := httptest.NewRecorder()
		Handler(store).ServeHTTP(res, httptest.NewRequest(method, "/evaluations/ab/report.html", strings.NewReader("x")))
		if res.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s is %d, want %d", method, res.Code, http.StatusMethodNotAllowed)
		}
	}
}

// counted says how a store is read.
type counted struct {
	*artefact.Store
	mu                    sync.Mutex
	now, most, heads, all int
	limit                 int64
	// full is closed once as many are read at once as may be; the first wait for it.
	full chan struct{}
}

func (c *counted) ReadDocument(ctx context.Context, name string, limit int64) ([]byte, error) {
	c.mu.Lock()
	c.all++
	c.mu.Unlock()
	return c.Store.ReadDocument(ctx, name, limit)
}

func (c *counted) ReadHead(ctx context.Context, name string, limit int64) ([]byte, error) {
	c.mu.Lock()
	c.heads, c.now, c.limit = c.heads+1, c.now+1, max(c.limit, limit)
	if c.most = max(c.most, c.now); c.now == atOnce && c.heads == atOnce {
		close(c.full)
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.now--
	}()
	select {
	case <-c.full:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.Store.ReadHead(ctx, name, limit)
}

func TestTheListReadsTheHeadsOfSomePagesSomeAtATime(t *testing.T) {
	store, err := artefact.Create(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	for i := range maxTitles + 6 {
		body := fmt.Sprintf("<title>Report %03d</title>%s", i, strings.Repeat("picture", 1<<10))
		if err := store.PutDocument(t.Context(), fmt.Sprintf("evaluations/%03d/report.html", i), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c, res := &counted{Store: store, full: make(chan struct{})}, httptest.NewRecorder()
	Handler(c).ServeHTTP(res, httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx))
	if c.heads != maxTitles || c.all != 0 || c.most != atOnce || c.limit > maxHead {
		t.Errorf("%d heads of at most %d bytes, up to %d at once, and %d whole pages were read", c.heads, c.limit, c.most, c.all)
	}
	body := res.Body.String()
	for i, want := range map[int]string{0: "<b>Report 000</b>", maxTitles - 1: "<b>Report 063</b>", maxTitles: "<b>Report</b>"} {
		if line := fmt.Sprintf("evaluations/%03d/report.html", i); !strings.Contains(body, want) || !strings.Contains(body, line) {
			t.Errorf("the list lacks %q or %s", want, line)
		}
	}
}
