package sidecar

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

func TestAPanicIsOneFailedRequest(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	w := httptest.NewRecorder()
	p.answer(w, httptest.NewRequest(http.MethodGet, "/", nil), metrics.RouteOther, "", func(http.ResponseWriter, *http.Request) error {
		panic("index out of range")
	})
	if code, err := codeOf(w.Result(), w.Body.Bytes()); err != nil || code != problem.CodeInternal {
		t.Errorf("code %s, %v, want %s", code, err, problem.CodeInternal)
	}
	if got := p.Status(); got.InFlight != 0 || got.Errors[string(problem.CodeInternal)] != 1 {
		t.Errorf("status %+v, want nothing in flight and one error counted", got)
	}
}
