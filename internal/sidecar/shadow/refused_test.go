package shadow

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

func TestACandidateSendsAShoppersPicturesNowhereElse(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		good(same)(w, r)
	}))
	defer other.Close()
	candidate := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer candidate.Close()
	report, _ := compareOne(t, candidate.URL, sample())
	if want := (sequential.Pairs{OnlyCandidate: 1}); elsewhere.Load() != 0 || report.Errors != want {
		t.Errorf("%d copies were sent on, errors %+v", elsewhere.Load(), report.Errors)
	}
}

func TestAPairThatCannotBeMeasuredIsCounted(t *testing.T) {
	server := httptest.NewServer(good(same))
	defer server.Close()
	s := sample()
	s.Out.Image = s.Out.Image[:10]
	report, events := compareOne(t, server.URL, s)
	if diff := cmp.Diff([]string{dropUnmeasured}, events); diff != "" || report.Dropped.Unmeasured != 1 || report.Pairs != 0 {
		t.Errorf("%d pairs, dropped %+v %s", report.Pairs, report.Dropped, diff)
	}
}
