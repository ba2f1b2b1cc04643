package sidecar

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// faulty gives a pod whose model server can be given faults once it is ready.
func faulty(t *testing.T, tweaks ...tweak) (p *pod, fault func(http.HandlerFunc)) {
	t.Helper()
	noLeaks(t)
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	address, sound := &swapped{}, runtime.NewServer(rt.Model, oip.Limits{})
	address.set(sound)
	front := httptest.NewServer(address)
	t.Cleanup(front.Close)
	rt.URL = front.URL
	p = startWith(t, rt, tweaks...)
	p.waitReady(t)
	return p, func(f http.HandlerFunc) {
		if f == nil {
			address.set(sound)
			return
		}
		address.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				f(w, r)
				return
			}
			sound.ServeHTTP(w, r)
		}))
	}
}

// drip answers one byte after the other, without end.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// cutMidBody promises more than it sends.
func cutMidBody(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "{")
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// answering gives a model server that answers every try-on with these tensors.
func answering(t *testing.T, tensors ...oip.Tensor) http.HandlerFunc {
	t.Helper()
	body, headerLength, err := oip.EncodeResponse(oip.Response{ModelName: "tryon", Outputs: tensors}, true)
	if err != nil {
		t.Fatal(err)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set(oip.HeaderLength, headerLength)
		_, _ = w.Write(body)
	}
}

func plane(name string, rows, channels int64) oip.Tensor {
	return oip.Tensor{Name: name, Datatype: oip.Uint8, Shape: []int64{rows, netH, netW, channels}, Data: make([]byte, rows*netH*netW*channels)}
}

func TestEveryFaultOfTheModelServerIsTypedOnBothPathsAndPasses(t *testing.T) {
	p, fault := faulty(t, func(o *Options) {
		o.TensorBytes, o.RequestTimeout, o.BodyTimeout = 2<<20, 2*time.Second, 300*time.Millisecond
	})
	image, warped, composite := plane("image", 1, 3), plane("warped_mask", 1, 1), plane("composite_mask", 1, 1)
	tests := map[string]struct {
		fault http.HandlerFunc
		// tryOn and infer are the codes of the two paths; what is well-formed passes through the second.
		tryOn, infer problem.Code
	}{
		"an error 500": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, problem.CodeRuntimeFailed, ""},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		}, problem.CodeRuntimeFailed, ""},
		"a hang":                {hang, problem.CodeDeadlineExceeded, problem.CodeDeadlineExceeded},
		"endless slow bytes":    {drip, problem.CodeDeadlineExceeded, problem.CodeDeadlineExceeded},
		"endless fast bytes":    {endless, problem.CodeRuntimeFailed, problem.CodeRuntimeFailed},
		"a close mid-body":      {cutMidBody, problem.CodeRuntimeUnavailable, problem.CodeRuntimeFailed},
		"a close before a byte": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, problem.CodeRuntimeUnavailable, problem.CodeRuntimeUnavailable},
		"garbage":               {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\x00\xff<html>") }, problem.CodeRuntimeFailed, ""},
		"nothing":               {func(http.ResponseWriter, *http.Request) {}, problem.CodeRuntimeFailed, ""},
		"a black picture":       {answering(t, image, warped, composite), problem.CodeResultRejected, ""},
		"two rows for one":      {answering(t, plane("image", 2, 3), plane("warped_mask", 2, 1), plane("composite_mask", 2, 1)), problem.CodeRuntimeFailed, ""},
		"no row for one":        {answering(t, plane("image", 0, 3), plane("warped_mask", 0, 1), plane("composite_mask", 0, 1)), problem.CodeRuntimeFailed, ""},
		"one channel for three": {answering(t, plane("image", 1, 1), warped, composite), problem.CodeRuntimeFailed, ""},
		"an output that lacks":  {answering(t, image, warped), problem.CodeRuntimeFailed, ""},
		"an output twice":       {answering(t, image, image, warped, composite), problem.CodeRuntimeFailed, ""},
		"a header that is wrong": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(oip.HeaderLength, "-5")
			_, _ = w.Write([]byte("{}"))
		}, problem.CodeRuntimeFailed, ""},
		"deep JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("[", 100_000)) }, problem.CodeRuntimeFailed, ""},
	}
	contentType, body := form(t, usual(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p.waitReady(t)
			fault(tt.fault)
			defer fault(nil)
			resp, out := post(t, p.front, contentType, body)
			if code, err := codeOf(resp, out); err != nil || code != tt.tryOn {
				t.Errorf("a try-on: code %s, %v, %.200s; want %s", code, err, out, tt.tryOn)
			}
			p.waitReady(t)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front+"/v2/models/tryon/infer", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, out = do(t, req)
			if code, err := codeOf(resp, out); tt.infer != "" && (err != nil || code != tt.infer) {
				t.Errorf("an inference: code %s, %v, %.200s; want %s", code, err, out, tt.infer)
			}
			fault(nil)
			p.waitReady(t)
			p.served(t)
		})
	}
	if got := p.queue.Waiting(); got != 0 || p.activity.InFlight() != 0 {
		t.Errorf("%d wait and %d are in flight when all is over", got, p.activity.InFlight())
	}
}
