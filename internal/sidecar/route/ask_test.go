package route

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestWhatIsForwardedIsSentNowhereElse(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	candidate := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer candidate.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, candidate.URL, strings.NewReader("a shopper's picture"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || elsewhere.Load() != 0 {
		t.Errorf("%s, and %d requests were sent on", resp.Status, elsewhere.Load())
	}
}
