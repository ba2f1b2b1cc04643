package sidecar

import (
	"bytes"
	"encoding/json"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

func TestAPodIsNotReadyUntilTheGoldenRequestsAreAnsweredAsRecorded(t *testing.T) {
	tests := map[string]struct {
		damage func(t *testing.T, dir string)
		want   string
	}{
		"no golden set": {func(t *testing.T, dir string) { remove(t, dir) }, "golden"},
		"another index": {func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "index.json"), []byte(`{"schema":"x"}`))
		}, "schema"},
		"no requests": {func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "index.json"), []byte(`{"schema":"tryon.golden/v1","tolerance":2,"requests":[]}`))
		}, "0 requests"},
		"a tolerance that tolerates all": {func(t *testing.T, dir string) { editIndex(t, dir, func(i *golden.Index) { i.Tolerance = 255 }) }, "tolerance"},
		"a path that leads outside": {func(t *testing.T, dir string) {
			editIndex(t, dir, func(i *golden.Index) { i.Requests[0].Person = "../../x.png" })
		}, "escapes"},
		"a picture of another size": {func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "00-image.png"), pngOf(t, person(40, 40)))
		}, "want 72x96"},
		"a picture that is none": {func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, "00-image.png"), []byte("x")) }, "00-image.png"},
		"another answer": {func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "00-image.png"), pngOf(t, person(netW, netH)))
		}, "otherwise than recorded"},
		"another warped mask": {func(t *testing.T, dir string) {
			editIndex(t, dir, func(i *golden.Index) { i.Requests[0].WarpedMask = blank(t, dir) })
		}, "the warped mask differs"},
		"another composite mask": {func(t *testing.T, dir string) {
			editIndex(t, dir, func(i *golden.Index) { i.Requests[0].CompositeMask = blank(t, dir) })
		}, "the composite mask differs"},
		"another answer to the second request": {func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, "01-image.png"), pngOf(t, person(netW, netH)))
			editIndex(t, dir, func(i *golden.Index) {
				i.Requests = append(i.Requests, i.Requests[0])
				i.Requests[1].Name, i.Requests[1].Image = "two", "01-image.png"
			})
		}, `"two": golden request answered otherwise`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
			writeGolden(t, rt)
			tt.damage(t, filepath.Join(rt.Dir, "golden"))
			p := startWith(t, rt)
			until(t, "a verdict", func() bool { return strings.Contains(p.ready().Error(), tt.want) })
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ops+"/readyz", nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, out := do(t, req); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(out), tt.want) {
				t.Errorf("%s %s, want 503 that says %q", resp.Status, out, tt.want)
			}
			contentType, body := form(t, usual(t))
			resp, out := post(t, p.front, contentType, body)
			if code, err := codeOf(resp, out); err != nil || code != problem.CodeRuntimeUnavailable {
				t.Errorf("a try-on: %s, %v, want %s", code, err, problem.CodeRuntimeUnavailable)
			}
		})
	}
}

// blank writes a mask of nothing.
func blank(t *testing.T, dir string) (name string) {
	t.Helper()
	writeFile(t, filepath.Join(dir, "blank.png"), pngOf(t, image.NewGray(image.Rect(0, 0, netW, netH))))
	return "blank.png"
}

func remove(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
}

func editIndex(t *testing.T, dir string, edit func(*golden.Index)) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index golden.Index
	if err := json.Unmarshal(body, &index); err != nil {
		t.Fatal(err)
	}
	edit(&index)
	if body, err = json.Marshal(index); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "index.json"), body)
}

// swapped is an address whose server can be replaced, as a restarted process replaces another behind the same port.
type swapped struct{ handler atomic.Pointer[http.Handler] }

func (s *swapped) set(h http.Handler) { s.handler.Store(&h) }

func (s *swapped) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*s.handler.Load()).ServeHTTP(w, r)
}

func TestAfterARuntimeRestartTheGoldenRequestsAreAskedAgain(t *testing.T) {
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	other := t.TempDir()
	runtimetest.Graph{Height: netH, Width: netW, Bias: 30}.WriteWeights(t, other)
	address := &swapped{}
	address.set(runtime.NewServer(rt.Model, oip.Limits{}))
	front := httptest.NewServer(address)
	defer front.Close()
	rt.URL = front.URL
	p := startWith(t, rt)
	p.waitReady(t)
	address.set(runtime.NewServer(runtimetest.OpenModel(t, other, runtime.Bounds{}), oip.Limits{}))
	until(t, "not ready", func() bool { err := p.ready(); return err != nil && strings.Contains(err.Error(), "otherwise") })
	address.set(runtime.NewServer(rt.Model, oip.Limits{}))
	p.waitReady(t)
}

func TestTheLastMismatchIsToldWhileTheGoldenRequestsAreAskedAgain(t *testing.T) {
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	writeFile(t, filepath.Join(rt.Dir, "golden", "00-image.png"), pngOf(t, person(netW, netH)))
	asked, proceed, finished := make(chan struct{}), make(chan struct{}), make(chan struct{})
	real := runtime.NewServer(rt.Model, oip.Limits{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			select {
			case asked <- struct{}{}:
				<-proceed
			case <-finished:
			}
		}
		real.ServeHTTP(w, r)
	}))
	defer front.Close()
	defer close(finished)
	rt.URL = front.URL
	p := startWith(t, rt)
	for _, want := range []string{"being asked", "otherwise than recorded", "otherwise than recorded"} {
		<-asked
		if err := p.ready(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("while the requests are asked the reason is %v, want %q", err, want)
		}
		proceed <- struct{}{}
	}
}

// A runtime's faults that the real one cannot be made to have, after it was ready.
func TestARuntimesFaultsGetTheirTypedErrorInTime(t *testing.T) {
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	address := &swapped{}
	real := runtime.NewServer(rt.Model, oip.Limits{})
	address.set(real)
	front := httptest.NewServer(address)
	defer front.Close()
	rt.URL = front.URL
	p := startWith(t, rt, func(o *Options) { o.TensorBytes = 4 << 20 })
	p.waitReady(t)
	small := func(t *testing.T) []byte {
		body, _, err := oip.EncodeResponse(oip.Response{ModelName: "tryon", Outputs: []oip.Tensor{{Name: "image", Datatype: oip.Uint8, Shape: []int64{1}, Data: []byte{1}}}}, false)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}(t)
	tests := map[string]struct {
		fault http.HandlerFunc
		want  problem.Code
	}{
		"an error 500":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, problem.CodeRuntimeFailed},
		"a close mid-body":          {closeMidBody, problem.CodeRuntimeUnavailable},
		"an endless answer":         {endless, problem.CodeRuntimeFailed},
		"an answer that is no JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, problem.CodeRuntimeFailed},
		"an answer of other shape":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(small) }, problem.CodeRuntimeFailed},
		"busy": {func(w http.ResponseWriter, _ *http.Request) {
			oip.WriteError(w, oip.Refuse(oip.CodeOverloaded, "full"))
		}, problem.CodeOverloaded},
		"an answer before the body": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, problem.CodeRuntimeFailed},
	}
	contentType, body := form(t, usual(t))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p.waitReady(t)
			address.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					tt.fault(w, r)
					return
				}
				real.ServeHTTP(w, r)
			}))
			resp, out := post(t, p.front, contentType, body)
			if code, err := codeOf(resp, out); err != nil || code != tt.want {
				t.Errorf("code %s, %v, %.200s; want %s", code, err, out, tt.want)
			}
			address.set(real)
		})
	}
	if resp, out := post(t, p.front, contentType, body); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s %.200s", resp.Status, out)
	}
}

func TestAHangingRuntimeEndsWithTheDeadline(t *testing.T) {
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	address := &swapped{}
	address.set(runtime.NewServer(rt.Model, oip.Limits{}))
	front := httptest.NewServer(address)
	defer front.Close()
	rt.URL = front.URL
	p := startWith(t, rt, func(o *Options) { o.RequestTimeout = 500 * time.Millisecond })
	p.waitReady(t)
	address.set(http.HandlerFunc(hang))
	contentType, body := form(t, usual(t))
	start := time.Now()
	resp, out := post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeDeadlineExceeded {
		t.Errorf("code %s, %v, want %s", code, err, problem.CodeDeadlineExceeded)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestTheInferenceProtocolPassesThrough(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	client, err := oip.NewClient(p.front, oip.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := client.Ready(t.Context())
	if err != nil {
		t.Errorf("ready: %q, %v", instance, err)
	}
	meta, err := client.Metadata(t.Context(), "tryon")
	if err != nil || len(meta.Inputs) != 3 || meta.Inputs[0].Shape[1] != netH {
		t.Errorf("metadata: %+v, %v", meta, err)
	}
	pixels := bytes.Repeat([]byte{9}, netH*netW*3)
	out, err := client.TryOn(t.Context(), p.model.Signature(), 1, oip.TryOn{Person: pixels, Garment: pixels, GarmentMask: pixels[:netH*netW]})
	if err != nil || out.Image[0] != 9 {
		t.Errorf("inference: %v", err)
	}
}

func TestHostileInferenceRequestsStopHere(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.TensorBytes = 1 << 20 })
	tests := map[string]struct {
		method, path, body string
		wantStatus         int
	}{
		"a model name that climbs":   {http.MethodPost, "/v2/models/../../admin/infer", "{}", http.StatusBadRequest},
		"an escaped climb":           {http.MethodPost, "/v2/models/%2e%2e%2fadmin/infer", "{}", http.StatusBadRequest},
		"an empty model name":        {http.MethodPost, "/v2/models//infer", "{}", http.StatusBadRequest},
		"a path of the repository":   {http.MethodPost, "/v2/repository/index", "{}", http.StatusNotFound},
		"a DELETE":                   {http.MethodDelete, "/v2/models/tryon", "", http.StatusMethodNotAllowed},
		"a body over the limit":      {http.MethodPost, "/v2/models/tryon/infer", strings.Repeat(" ", 1<<20+1), http.StatusRequestEntityTooLarge},
		"another model":              {http.MethodPost, "/v2/models/other/infer", "{}", http.StatusNotFound},
		"a body that is no JSON":     {http.MethodPost, "/v2/models/tryon/infer", "{", http.StatusBadRequest},
		"a body of another protocol": {http.MethodPost, "/v2/models/tryon/infer", `{"instances":[]}`, http.StatusBadRequest},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, p.front, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = tt.path
			if resp, out := do(t, req); resp.StatusCode != tt.wantStatus {
				t.Errorf("%s %s, want %d", resp.Status, out, tt.wantStatus)
			}
		})
	}
}
