package sidecar

import (
	"archive/zip"
	"bytes"
	"image/png"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// capturing has every answered request captured into a folder.
func capturing(dir string) tweak {
	return func(o *Options) { o.Capture, o.CapturePercent = "file://"+dir, 100 }
}

// captured reads what is in the folder, the newest first.
func captured(t *testing.T, dir string) []capture.Request {
	t.Helper()
	f, err := capture.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	entries, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []capture.Request
	for _, e := range entries {
		r, err := f.Read(t.Context(), e.Name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func (p *pod) tryOnOnce(t *testing.T, header ...string) {
	t.Helper()
	contentType, body := form(t, usual(t))
	if resp, out := post(t, p.front, contentType, body, header...); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %.200s", resp.Status, out)
	}
}

func TestAnAnsweredRequestIsCapturedAsTheModelSawIt(t *testing.T) {
	dir := t.TempDir()
	p := start(t, runtimetest.Graph{}, capturing(dir))
	began := time.Now().Truncate(time.Millisecond)
	p.tryOnOnce(t, "Cookie", "session=alice", "X-Forwarded-For", "203.0.113.7")
	until(t, "the capture", func() bool { return len(captured(t, dir)) == 1 })
	got := captured(t, dir)[0]
	if got.Version != "tops-v1" || got.TakenAt.Before(began) || got.Signature.Height != netH || len(got.In.Person) != 3*netH*netW || len(got.Image) != 3*netH*netW || got.Compared != nil {
		t.Errorf("captured %s at %s, %dx%d, %d and %d bytes, compared %v", got.Version, got.TakenAt, got.Signature.Width, got.Signature.Height, len(got.In.Person), len(got.Image), got.Compared)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil || bytes.Contains(body, []byte("alice")) || bytes.Contains(body, []byte("203.0.113.7")) {
			t.Errorf("%s: %v; it says who the shopper is", file.Name(), err)
		}
	}
	until(t, "the count", func() bool { return strings.Contains(p.metricsText(t), "tryon_sidecar_captured_total 1") })
}

func TestAPodSaysHowMuchIsCaptured(t *testing.T) {
	dir := t.TempDir()
	p := start(t, runtimetest.Graph{}, capturing(dir))
	p.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) == 1 })
	// Its own next sweep is a minute off. Another pod's first one sees the file too.
	other := start(t, runtimetest.Graph{}, capturing(dir))
	until(t, "the count", func() bool { return strings.Contains(other.metricsText(t), "tryon_sidecar_capture_files 1") })
}

func TestWhoOptsOutIsNotCaptured(t *testing.T) {
	dir := t.TempDir()
	p := start(t, runtimetest.Graph{}, capturing(dir))
	for _, said := range []string{"no", "NO", "never", "false"} {
		p.tryOnOnce(t, "Tryon-Capture", said)
	}
	// It comes after them, so that what is there then is all there will be.
	p.tryOnOnce(t, "Tryon-Capture", "yes")
	until(t, "the capture", func() bool { return strings.Contains(p.metricsText(t), "tryon_sidecar_captured_total 1") })
	if got := len(captured(t, dir)); got != 1 {
		t.Errorf("%d requests are captured, want the last alone", got)
	}
}

func TestAnOptOutHoldsAlsoWhereTheCandidateAnswers(t *testing.T) {
	dir := t.TempDir()
	candidate := start(t, runtimetest.Graph{}, capturing(dir), func(o *Options) { o.Version = "tops-v2" })
	stable := start(t, runtimetest.Graph{})
	if _, err := stable.router.Apply(control.New(1, &control.Candidate{Version: "tops-v2", Address: candidate.front, Weight: 100})); err != nil {
		t.Fatal(err)
	}
	stable.tryOnOnce(t, "Tryon-Capture", "no")
	stable.tryOnOnce(t)
	until(t, "the capture", func() bool { return strings.Contains(candidate.metricsText(t), "tryon_sidecar_captured_total 1") })
	if got := captured(t, dir); len(got) != 1 || got[0].Version != "tops-v2" {
		t.Errorf("%d requests are captured", len(got))
	}
}

func TestWhatWasNotAnsweredIsNotCaptured(t *testing.T) {
	dir := t.TempDir()
	p, fault := faulty(t, capturing(dir))
	// The model server answers, but with a picture that no shopper is shown.
	fault(answering(t, plane("image", 1, 3), plane("warped_mask", 1, 1), plane("composite_mask", 1, 1)))
	contentType, body := form(t, usual(t))
	resp, out := post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeResultRejected {
		t.Fatalf("code %s, %v", code, err)
	}
	fault(nil)
	p.waitReady(t)
	p.tryOnOnce(t)
	until(t, "the capture", func() bool { return strings.Contains(p.metricsText(t), "tryon_sidecar_captured_total 1") })
	if got := len(captured(t, dir)); got != 1 {
		t.Errorf("%d requests are captured, want the answered one alone", got)
	}
}

func TestWithoutCaptureNothingIsWritten(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	p.tryOnOnce(t)
	if p.recorder != nil {
		t.Error("a pod that was not told to captures")
	}
}

func TestWhatIsComparedIsCapturedWithTheCandidatesPicture(t *testing.T) {
	dir := t.TempDir()
	stable := start(t, runtimetest.Graph{}, operated, capturing(dir))
	candidate := start(t, runtimetest.Graph{Bias: 30}, func(o *Options) { o.Version = "tops-v2" })
	stable.compareWith(t, 1, candidate.front)
	stable.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) == 1 })
	got := captured(t, dir)[0]
	if got.Compared == nil {
		t.Fatal("it has no pair")
	}
	if c := got.Compared; c.Epoch != "e1" || c.Version != "tops-v2" || len(c.Image) != len(got.Image) || bytes.Equal(c.Image, got.Image) || c.Outside < 20./255 {
		t.Errorf("epoch %s, version %s, %d bytes, %g and %g apart", c.Epoch, c.Version, len(c.Image), c.Garment, c.Outside)
	}
}

func TestACandidateThatIsGoneKeepsNothingFromBeingCaptured(t *testing.T) {
	dir := t.TempDir()
	stable := start(t, runtimetest.Graph{}, operated, capturing(dir))
	stable.compareWith(t, 1, "http://127.0.0.1:9")
	stable.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) == 1 })
	if c := captured(t, dir)[0].Compared; c == nil || c.Image != nil || c.Version != "tops-v2" {
		t.Errorf("compared %+v, want a pair without the candidate's picture", c)
	}
}

func TestAFolderThatIsGoneCostsNoRequest(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p := start(t, runtimetest.Graph{}, capturing(dir))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	p.tryOnOnce(t)
	until(t, "the drop", func() bool {
		return strings.Contains(p.metricsText(t), `tryon_sidecar_capture_dropped_total{reason="Unwritten"} 1`)
	})
	p.tryOnOnce(t)
}

func TestAPodServesWithoutTheFolderAndCapturesOnceItIsThere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "captures")
	p := start(t, runtimetest.Graph{}, capturing(dir))
	says := func(want string) func() bool {
		return func() bool {
			c := p.Status().Capture
			return c != nil && strings.Contains(c.Trouble, want) && (want == "") == (c.Trouble == "")
		}
	}
	until(t, "the trouble", says("no such file or directory"))
	p.tryOnOnce(t)
	until(t, "the drop", func() bool {
		return strings.Contains(p.metricsText(t), `tryon_sidecar_capture_dropped_total{reason="Unwritten"} 1`)
	})
	if !p.Status().Ready {
		t.Error("the pod is not ready")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// One request has it look again, or the look before it found the folder already.
	p.tryOnOnce(t)
	until(t, "the end of the trouble", says(""))
	p.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) > 0 })
}

func TestAPodThatKeepsNothingSaysNothingOfIt(t *testing.T) {
	if got := start(t, runtimetest.Graph{}).Status().Capture; got != nil {
		t.Errorf("it says %+v", got)
	}
}

func TestACapturedPictureOpensAnywhere(t *testing.T) {
	dir := t.TempDir()
	p := start(t, runtimetest.Graph{}, capturing(dir))
	p.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) == 1 })
	files, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, name := range []string{"person.png", "garment.png", "garment-mask.png", "image.png"} {
		picture, err := png.Decode(bytes.NewReader(unzip(t, files[0], name)))
		if err != nil || picture.Bounds().Dx() != netW || picture.Bounds().Dy() != netH {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func unzip(t *testing.T, file, name string) []byte {
	t.Helper()
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	f, err := archive.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestNothingIsCapturedBeforeThePermitIsThere(t *testing.T) {
	dir, permit := t.TempDir(), filepath.Join(t.TempDir(), "permit")
	p := start(t, runtimetest.Graph{}, capturing(dir), func(o *Options) { o.CapturePermit = permit })
	until(t, "it says that it could", func() bool {
		s := p.Status()
		return s.Capture != nil && s.Capture.Held && s.Capture.Trouble == ""
	})
	p.tryOnOnce(t)
	if err := os.WriteFile(permit, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "it says that it does", func() bool { return !p.Status().Capture.Held })
	p.tryOnOnce(t)
	until(t, "the capture", func() bool { return len(captured(t, dir)) > 0 })
	if got := captured(t, dir); len(got) != 1 {
		t.Errorf("%d are captured, want the one after the permit", len(got))
	}
}
