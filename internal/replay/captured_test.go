package replay_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/evaluate"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/replay"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/task"
)

// known is how many requests there are without captured ones.
const known = testRows + 2

// keep gives the bench a place of captured requests.
func (b *bench) keep(uri string) *capture.Folder {
	b.Helper()
	folder, err := capture.Open(b.Context(), uri)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = folder.Close() })
	b.task.Capture = &task.Capture{URI: uri, Shown: "claim shoppers, folder storefront", AgeSeconds: 3600}
	return folder
}

// keepDir gives it one in a folder.
func (b *bench) keepDir() (*capture.Folder, string) {
	b.Helper()
	dir := b.TempDir()
	return b.keep("file://" + dir), dir
}

// first is the first request of the test split.
func (b *bench) first() oip.TryOn {
	b.Helper()
	store, err := artefact.Open(b.Context(), b.task.Store)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	split, err := evaluate.OpenRequests(b.Context(), store, b.task.Source.URI, b.task.Digest, oip.NewSignature(height, width))
	if err != nil {
		b.Fatal(err)
	}
	defer split.Close()
	_, in, err := split.Read(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	return in
}

// shopper asked for a try-on some time ago, and was answered by an earlier version. Another number is another person.
func (b *bench) shopper(number byte, ago time.Duration) capture.Request {
	b.Helper()
	in := b.first()
	in.Person = append([]byte{}, in.Person...)
	in.Person[3] ^= number
	in.Parameters = map[string]any{"seed": int64(number)}
	return capture.Request{
		TakenAt: time.Now().Add(-ago), Version: "tops-v0", Signature: oip.NewSignature(height, width), In: in, Image: make([]byte, 3*height*width),
	}
}

// put captures a request and gives the name of its file.
func (b *bench) put(folder *capture.Folder, r capture.Request) string {
	b.Helper()
	file, err := folder.Put(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return file.Name
}

func (b *bench) read(folder *capture.Folder, name string) capture.Request {
	b.Helper()
	r, err := folder.Read(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// said checks what was said to people.
func (b *bench) said(words ...string) {
	b.Helper()
	for _, w := range words {
		if !strings.Contains(b.log.String(), w) {
			b.Errorf("the log lacks %q:\n%s", w, b.log.String())
		}
	}
}

// fileName is one of ours for a file of that age.
func fileName(ago time.Duration, n int) string {
	return fmt.Sprintf("%s-%016x.zip", time.Now().Add(-ago).UTC().Format("20060102T150405.000Z"), n)
}

func TestCapturedRequestsArePutOnceEachAndTheirFilesTellWhatCameOfThem(t *testing.T) {
	for place, uri := range map[string]func(t *testing.T) string{
		"a folder": func(t *testing.T) string { return "file://" + t.TempDir() },
		"a bucket": func(t *testing.T) string {
			s := s3test.Start(t)
			t.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", s.AccessKey)
			t.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", s.SecretKey)
			return s.URI("shop/storefront")
		},
	} {
		t.Run(place, func(t *testing.T) {
			b := newBench(t)
			folder := b.keep(uri(t))
			one := b.put(folder, b.shopper(1, 3*time.Minute))
			other := b.put(folder, b.shopper(2, 2*time.Minute))
			again := b.put(folder, b.shopper(2, 4*time.Minute))
			golden := b.shopper(0, time.Minute)
			repeated := b.put(folder, golden)
			_, r := b.counted()
			if r.Pairs != known+2 || r.Errors.BothGood != known+2 || r.Latency.N() != known+2 {
				t.Errorf("%d pairs, errors %+v, %d latencies; want %d", r.Pairs, r.Errors, r.Latency.N(), known+2)
			}
			for _, name := range []string{one, other} {
				got := b.read(folder, name)
				c := got.Compared
				if c == nil || c.Epoch != epoch || c.Version != "tops-v2" || len(c.Image) != 3*height*width || bytes.Equal(c.Image, make([]byte, len(c.Image))) {
					t.Fatalf("%s: compared %+v", name, c)
				}
				// Both servers have the same graph.
				if got.Version != "tops-v1" || !bytes.Equal(got.Image, c.Image) || c.Garment != 0 || c.Outside != 0 {
					t.Errorf("%s: answered by %s, %g and %g apart", name, got.Version, c.Garment, c.Outside)
				}
				if got.In.Parameters["seed"] == nil {
					t.Errorf("%s lost its seed", name)
				}
			}
			for _, name := range []string{again, repeated} {
				if got := b.read(folder, name); got.Compared != nil || got.Version != "tops-v0" {
					t.Errorf("%s was written again, although it was not put: %+v", name, got.Compared)
				}
			}
			b.said("captured requests in claim shoppers, folder storefront: 2 put, 2 known already\n")
		})
	}
}

func TestWithoutAnAnswerOfTheCandidateTheFileSaysThatItHasNone(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	name := b.put(folder, b.shopper(1, time.Minute))
	b.task.Candidate.Runtime, b.ready = "http://127.0.0.1:1", 500*time.Millisecond
	_, r := b.counted()
	if r.Errors.OnlyCandidate != known+1 {
		t.Errorf("errors %+v", r.Errors)
	}
	if got := b.read(folder, name); got.Compared == nil || got.Compared.Image != nil || got.Compared.Epoch != epoch || got.Version != "tops-v1" {
		t.Errorf("version %s, compared %+v", got.Version, got.Compared)
	}
}

func TestWhatTheStableVersionDoesNotAnswerIsCountedAndNotShown(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	name := b.put(folder, b.shopper(1, time.Minute))
	// Before it there are the first request once more, and three golden ones.
	b.task.Stable.Runtime = b.proxy("tops-v1", b.task.Stable.Runtime, func(n int, w http.ResponseWriter) bool {
		if n == 5 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return n == 5
	})
	_, r := b.counted()
	if r.Errors.OnlyStable != 1 || r.Pairs != known+1 {
		t.Errorf("%d pairs, errors %+v", r.Pairs, r.Errors)
	}
	if got := b.read(folder, name); got.Compared != nil || got.Version != "tops-v0" {
		t.Errorf("version %s, compared %+v", got.Version, got.Compared)
	}
}

func TestHowFarTheAnswersAreApartIsInTheFile(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	name := b.put(folder, b.shopper(1, time.Minute))
	darker := runtimetest.Start(b, runtimetest.Graph{Height: height, Width: width, Bias: -40}, runtime.Bounds{})
	b.task.Candidate.Runtime = darker.URL
	b.counted()
	got := b.read(folder, name)
	if got.Compared == nil || got.Compared.Garment+got.Compared.Outside <= 0 || bytes.Equal(got.Image, got.Compared.Image) {
		t.Errorf("compared %+v", got.Compared)
	}
}

func TestAPairThatTheShadowHasCountedIsNotCountedAgain(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	compared := func(number byte, in string, replayed bool) string {
		r := b.shopper(number, time.Minute)
		r.Compared = &capture.Compared{Epoch: in, Version: "tops-v2", Garment: 0.5, Replayed: replayed}
		return b.put(folder, r)
	}
	shadowed := compared(1, epoch, false)
	// An earlier attempt at this replay, whose evidence is lost, and the shadow of another judgement do not count.
	compared(2, epoch, true)
	compared(3, "another", false)
	if _, r := b.counted(); r.Pairs != known+2 {
		t.Errorf("%d pairs, want %d", r.Pairs, known+2)
	}
	if got := b.read(folder, shadowed); got.Compared == nil || got.Compared.Garment != 0.5 {
		t.Errorf("what the shadow compared is written over: %+v", got.Compared)
	}
	b.said("2 put, 1 compared in shadow already\n")
}

func TestOnlyRequestsOfTheModelsResolutionThatAreStillKeptArePut(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	put := b.put(folder, b.shopper(1, 59*time.Minute))
	old := b.put(folder, b.shopper(2, 61*time.Minute))
	early := b.put(folder, b.shopper(3, -time.Hour))
	small := b.shopper(4, time.Minute)
	small.Signature = oip.NewSignature(8, 8)
	small.In.Person, small.In.Garment, small.In.GarmentMask, small.Image = make([]byte, 192), make([]byte, 192), make([]byte, 64), make([]byte, 192)
	foreign := b.put(folder, small)
	if _, r := b.counted(); r.Pairs != known+1 {
		t.Errorf("%d pairs", r.Pairs)
	}
	if got := b.read(folder, put); got.Compared == nil {
		t.Error("a request that is still kept is not compared")
	}
	for _, name := range []string{old, early, foreign} {
		if got := b.read(folder, name); got.Compared != nil {
			t.Errorf("%s is compared", name)
		}
	}
	b.said("1 put, 1 of another resolution\n")
}

func TestFilesThatAreNoCapturedRequestsCostNoEvidence(t *testing.T) {
	b := newBench(t)
	folder, dir := b.keepDir()
	good := b.put(folder, b.shopper(1, 30*time.Minute))
	whole, err := os.ReadFile(filepath.Join(dir, good))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, body []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fileName(time.Minute, 1), nil)
	write(fileName(time.Minute, 2), whole[:len(whole)/2])
	write(fileName(time.Minute, 3), bomb(t))
	write(fileName(time.Minute, 4), []byte("<html>no zip</html>"))
	for i := range 10_000 {
		write(fmt.Sprintf("junk-%05d.zip", i), nil)
	}
	if err := os.Symlink(filepath.Join(dir, good), filepath.Join(dir, fileName(time.Minute, 5))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, fileName(time.Minute, 6)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, r := b.counted(); r.Pairs != known+1 {
		t.Errorf("%d pairs", r.Pairs)
	}
	b.said("1 put, 4 damaged\n")
}

// bomb is an archive whose document unpacks to 64 MiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	w, err := archive.Create("capture.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 64<<20)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestNoMoreThanTheNewest2000ArePut(t *testing.T) {
	b := newBench(t)
	folder, dir := b.keepDir()
	left := b.put(folder, b.shopper(1, 50*time.Minute))
	for i := range 1999 {
		if err := os.WriteFile(filepath.Join(dir, fileName(10*time.Minute, i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put := b.put(folder, b.shopper(2, 40*time.Minute))
	if _, r := b.counted(); r.Pairs != known+1 {
		t.Errorf("%d pairs", r.Pairs)
	}
	if b.read(folder, put).Compared == nil || b.read(folder, left).Compared != nil {
		t.Error("not the newest are put")
	}
	b.said("1 put, 1999 damaged, 1 older ones left out\n")
}

func TestAPlaceThatCannotBeReadIsNoEvidenceAndTheMessageNamesIt(t *testing.T) {
	for name, spoil := range map[string]func(b *bench, dir string){
		"no such folder": func(b *bench, dir string) { b.task.Capture.URI += "/gone" },
		"no place":       func(b *bench, dir string) { b.task.Capture.URI = "ftp://shop" },
		"a folder that is none": func(b *bench, dir string) {
			b.task.Capture.URI += "/file"
			if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
				b.Fatal(err)
			}
		},
		"a bucket that is not there": func(b *bench, _ string) {
			b.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", "id")
			b.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", "secret")
			b.task.Capture.URI = "s3://shop/storefront?endpoint=http://127.0.0.1:1&region=r&s3ForcePathStyle=true"
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			_, dir := b.keepDir()
			spoil(b, dir)
			e := b.run(t.Context())
			if e.Verdict != report.Errored || e.Reason != replay.ReasonRequestsUnavailable || !strings.Contains(e.Message, "captured requests in claim shoppers, folder storefront: ") {
				t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
			}
		})
	}
}

// keepBehind gives the bench a bucket behind a proxy that may refuse a request.
func (b *bench) keepBehind(refuses func(*http.Request) bool) *capture.Folder {
	b.Helper()
	server := s3test.Start(b.T)
	b.Setenv(task.EnvCapture+"AWS_ACCESS_KEY_ID", server.AccessKey)
	b.Setenv(task.EnvCapture+"AWS_SECRET_ACCESS_KEY", server.SecretKey)
	folder := b.keep(server.URI("storefront"))
	pass := runtimetest.Proxy(b, server.Endpoint)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses(r) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>not now</Message></Error>")
			return
		}
		pass.ServeHTTP(w, r)
	}))
	b.Cleanup(proxy.Close)
	server.Endpoint = proxy.URL
	b.task.Capture.URI = server.URI("storefront")
	return folder
}

func TestAPlaceThatBreaksWhileItIsReadIsNoEvidence(t *testing.T) {
	b := newBench(t)
	var broken atomic.Bool
	folder := b.keepBehind(func(*http.Request) bool { return broken.Load() })
	for i := range byte(12) {
		b.put(folder, b.shopper(i+1, time.Duration(i+1)*time.Minute))
	}
	// Before the second captured request the stable version has answered five others.
	b.task.Stable.Runtime = b.proxy("tops-v1", b.task.Stable.Runtime, func(n int, _ http.ResponseWriter) bool {
		broken.Store(n >= 6)
		return false
	})
	e := b.run(t.Context())
	if e.Verdict != report.Errored || e.Reason != replay.ReasonRequestsUnavailable || !strings.Contains(e.Message, "claim shoppers, folder storefront") {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}

func TestARequestThatCannotBeReadIsLeftOut(t *testing.T) {
	b := newBench(t)
	var hidden atomic.Value
	folder := b.keepBehind(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, fmt.Sprint(hidden.Load())) })
	for i := range byte(3) {
		hidden.Store(b.put(folder, b.shopper(i+1, time.Duration(i+1)*time.Minute)))
	}
	if _, r := b.counted(); r.Pairs != known+2 {
		t.Errorf("%d pairs", r.Pairs)
	}
	b.said("2 put, 1 not readable\n", "AccessDenied")
}

func TestAnAnswerThatCannotBeLeftInTheFileCostsNoEvidence(t *testing.T) {
	b := newBench(t)
	var writes atomic.Int32
	folder := b.keepBehind(func(r *http.Request) bool {
		if r.Method == http.MethodPut {
			writes.Add(1)
		}
		return r.Method == http.MethodPut
	})
	var names []string
	for i := range byte(10) {
		names = append(names, b.put(folder, b.shopper(i+1, time.Duration(i+1)*time.Minute)))
	}
	if _, r := b.counted(); r.Pairs != known+10 {
		t.Errorf("%d pairs", r.Pairs)
	}
	for _, name := range names {
		if b.read(folder, name).Compared != nil {
			t.Errorf("%s was written", name)
		}
	}
	if n := writes.Load(); n != 8 {
		t.Errorf("%d files were tried to be written, want 8 and then no more", n)
	}
	b.said("10 put\n", "the answers to 10 captured requests could not be left in claim shoppers, folder storefront and will not be shown: ", "AccessDenied")
}

func TestAReplayThatIsStoppedAmongCapturedRequestsSaysSo(t *testing.T) {
	b := newBench(t)
	folder, _ := b.keepDir()
	for i := range byte(3) {
		b.put(folder, b.shopper(i+1, time.Duration(i+1)*time.Minute))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.task.Candidate.Runtime = b.proxy("tops-v2", b.task.Candidate.Runtime, func(n int, _ http.ResponseWriter) bool {
		if n == 6 {
			cancel()
		}
		return false
	})
	if e := b.run(ctx); e.Verdict != report.Errored || e.Reason != replay.ReasonStopped || len(e.Summary) > 0 {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}
