package runtime_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
)

func pixels(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

func client(t *testing.T, url string) *oip.Client {
	t.Helper()
	c, err := oip.NewClient(url, oip.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARealGraphAnswersOverTheBinaryExtension(t *testing.T) {
	s := runtimetest.Start(t, runtimetest.Graph{Height: 8, Width: 8}, runtime.Bounds{})
	mask := pixels(64, 0)
	mask[9] = 255
	got, err := client(t, s.URL).TryOn(t.Context(), s.Signature, 1, oip.TryOn{Person: pixels(192, 10), Garment: pixels(192, 200), GarmentMask: mask})
	if err != nil {
		t.Fatal(err)
	}
	if got.Image[0] != 10 || got.Image[27] != 200 || got.WarpedMask[9] != 255 || got.CompositeMask[0] != 0 {
		t.Errorf("image %v, masks %v %v: the garment is not where its mask is", got.Image[:30], got.WarpedMask[:10], got.CompositeMask[:10])
	}
}

func TestTheBatchIsDynamic(t *testing.T) {
	s := runtimetest.Start(t, runtimetest.Graph{Height: 8, Width: 8}, runtime.Bounds{Batch: 3})
	in := oip.TryOn{Person: pixels(3*192, 10), Garment: pixels(3*192, 200), GarmentMask: pixels(3*64, 255)}
	got, err := client(t, s.URL).TryOn(t.Context(), s.Signature, 3, in)
	if err != nil || len(got.Image) != 3*192 {
		t.Fatalf("%d bytes, %v; want 576", len(got.Image), err)
	}
	in = oip.TryOn{Person: pixels(4*192, 10), Garment: pixels(4*192, 200), GarmentMask: pixels(4*64, 255)}
	if _, err = client(t, s.URL).TryOn(t.Context(), s.Signature, 4, in); oip.CodeOf(err) != oip.CodeShape {
		t.Errorf("a batch over the bound: %v, want %s", err, oip.CodeShape)
	}
}

func jsonTensor(name string, channels int, value string) string {
	row := strings.Repeat(value+",", 64*channels)
	return fmt.Sprintf(`{"name":%q,"datatype":"UINT8","shape":[1,8,8,%d],"data":[%s]}`, name, channels, strings.TrimSuffix(row, ","))
}

func TestARealGraphAnswersInJSON(t *testing.T) {
	s := runtimetest.Start(t, runtimetest.Graph{Height: 8, Width: 8}, runtime.Bounds{})
	body := fmt.Sprintf(`{"id":"a","inputs":[%s,%s,%s],"outputs":[{"name":"image"}]}`,
		jsonTensor("person", 3, "7"), jsonTensor("garment", 3, "9"), jsonTensor("garment_mask", 1, "255"))
	resp, err := http.Post(s.URL+"/v2/models/tryon/infer", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, _ := io.ReadAll(resp.Body)
	var got struct {
		ID      string
		Outputs []struct {
			Name string
			Data []int
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if got.ID != "a" || len(got.Outputs) != 1 || got.Outputs[0].Name != "image" || got.Outputs[0].Data[0] != 9 {
		t.Errorf("answer %.200s", raw)
	}
}

func TestRequestsThatBreakTheSignatureAreRefused(t *testing.T) {
	s := runtimetest.Start(t, runtimetest.Graph{Height: 8, Width: 8}, runtime.Bounds{})
	good := func() oip.Request {
		return oip.Request{Inputs: []oip.Tensor{
			{Name: "person", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 3}, Data: pixels(192, 1)},
			{Name: "garment", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 3}, Data: pixels(192, 1)},
			{Name: "garment_mask", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 1}, Data: pixels(64, 1)},
		}}
	}
	tests := map[string]struct {
		damage func(*oip.Request)
		want   oip.Code
	}{
		"a missing tensor": {func(r *oip.Request) { r.Inputs = r.Inputs[:2] }, oip.CodeTensor},
		"an unknown tensor": {func(r *oip.Request) {
			r.Inputs = append(r.Inputs, oip.Tensor{Name: "x", Datatype: oip.Uint8, Shape: []int64{1}, Data: pixels(1, 0)})
		}, oip.CodeTensor},
		"another datatype":      {func(r *oip.Request) { r.Inputs[0].Datatype = oip.Int8 }, oip.CodeDatatype},
		"another resolution":    {func(r *oip.Request) { r.Inputs[0].Shape = []int64{1, 8, 4, 6} }, oip.CodeShape},
		"another rank":          {func(r *oip.Request) { r.Inputs[0].Shape = []int64{1, 192} }, oip.CodeShape},
		"rows that differ":      {func(r *oip.Request) { r.Inputs[2].Shape[0], r.Inputs[2].Data = 2, pixels(128, 1) }, oip.CodeShape},
		"no rows":               {func(r *oip.Request) { emptyRows(r) }, oip.CodeShape},
		"an output of a dream":  {func(r *oip.Request) { r.Outputs = []string{"flow"} }, oip.CodeTensor},
		"the same output twice": {func(r *oip.Request) { r.Outputs = []string{"image", "image"} }, oip.CodeDuplicate},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := good()
			tt.damage(&req)
			if _, err := client(t, s.URL).Infer(t.Context(), "tryon", req); oip.CodeOf(err) != tt.want {
				t.Errorf("error %v, want code %s", err, tt.want)
			}
		})
	}
	if _, err := client(t, s.URL).Infer(t.Context(), "tryon", good()); err != nil {
		t.Errorf("the undamaged request: %v", err)
	}
}

func emptyRows(r *oip.Request) {
	for i := range r.Inputs {
		r.Inputs[i].Shape[0], r.Inputs[i].Data = 0, nil
	}
}

func TestAFullQueueRefusesAtOnceAndADeadlineEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := &heldSession{release: make(chan struct{})}
		model := runtime.NewModel(oip.NewSignature(8, 8), session, runtime.Bounds{Concurrent: 1, Waiting: 1, Timeout: time.Minute})
		req := oip.Request{Inputs: []oip.Tensor{
			{Name: "person", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 3}, Data: pixels(192, 1)},
			{Name: "garment", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 3}, Data: pixels(192, 1)},
			{Name: "garment_mask", Datatype: oip.Uint8, Shape: []int64{1, 8, 8, 1}, Data: pixels(64, 1)},
		}}
		ask := func() chan error {
			answer := make(chan error, 1)
			go func() { _, err := model.Infer(t.Context(), req); answer <- err }()
			synctest.Wait()
			return answer
		}
		running, waiting, refused := ask(), ask(), ask()
		if err := <-refused; oip.CodeOf(err) != oip.CodeOverloaded {
			t.Errorf("a third request: %v, want %s at once", err, oip.CodeOverloaded)
		}
		start := time.Now()
		for name, answer := range map[string]chan error{"running": running, "waiting": waiting} {
			if err := <-answer; oip.CodeOf(err) != oip.CodeDeadline || time.Since(start) > time.Minute {
				t.Errorf("the %s request: %v after %s, want %s", name, err, time.Since(start), oip.CodeDeadline)
			}
		}
		closed := make(chan error, 1)
		go func() { closed <- model.Close() }()
		synctest.Wait()
		if session.closed {
			t.Error("the session was closed under a run")
		}
		close(session.release)
		if err := <-closed; err != nil || !session.closed {
			t.Errorf("closing: %v, closed %v", err, session.closed)
		}
	})
}

// heldSession is a session that ends when the test says so; real ones end too fast to fill a queue behind.
type heldSession struct {
	release chan struct{}
	closed  bool
}

func (h *heldSession) Run(int, [][]byte, [][]byte) error {
	<-h.release
	return nil
}

func (h *heldSession) Close() error {
	h.closed = true
	return nil
}
