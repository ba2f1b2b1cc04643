package browse

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
