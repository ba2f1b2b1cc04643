package sidecar

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// lock is a door before a real runtime: it holds the first inference until it is opened, and lets a fault have its way with what comes later.
type lock struct {
	real  *swapped
	again func() http.Handler
	armed atomic.Bool
	held  chan struct{}
	open  chan struct{}
	fault func(w http.ResponseWriter, r *http.Request, rows int) bool

	mu   sync.Mutex
	rows []int
}

func (l *lock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || !l.armed.Load() {
		l.real.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	request, err := oip.DecodeRequest(body, r.Header.Get(oip.HeaderLength), oip.Limits{})
	if err != nil {
		oip.WriteError(w, err)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	rows := int(request.Inputs[0].Shape[0])
	l.mu.Lock()
	l.rows = append(l.rows, rows)
	first := len(l.rows) == 1
	l.mu.Unlock()
	if first {
		close(l.held)
		<-l.open
	}
	if l.fault == nil || !l.fault(w, r, rows) {
		l.real.ServeHTTP(w, r)
	}
}

// locked runs a sidecar with one run at a time before a door to a real runtime.
func locked(t *testing.T, fault func(w http.ResponseWriter, r *http.Request, rows int) bool, tweaks ...tweak) (*pod, *lock) {
	t.Helper()
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	l := &lock{real: &swapped{}, held: make(chan struct{}), open: make(chan struct{}), fault: fault}
	l.again = func() http.Handler { return runtime.NewServer(rt.Model, oip.Limits{}) }
	l.real.set(l.again())
	front := httptest.NewServer(l)
	t.Cleanup(front.Close)
	rt.URL = front.URL
	p := startWith(t, rt, append([]tweak{func(o *Options) { o.Concurrent, o.Batch = 1, 4 }}, tweaks...)...)
	p.waitReady(t)
	l.armed.Store(true)
	return p, l
}

// crowd sends a request, and so many others while it is in the runtime; then it opens the door and gives all replies in this order.
func (p *pod) crowd(t *testing.T, l *lock, bodies [][]byte, contentTypes []string) ([]*http.Response, [][]byte) {
	t.Helper()
	replies, outs := make([]*http.Response, len(bodies)), make([][]byte, len(bodies))
	var all sync.WaitGroup
	for i := range bodies {
		all.Go(func() { replies[i], outs[i] = post(t, p.front, contentTypes[i], bodies[i]) })
		if i == 0 {
			<-l.held
			continue
		}
		until(t, "waiting", func() bool { return p.queue.Waiting() == i })
	}
	close(l.open)
	all.Wait()
	return replies, outs
}

// wardrobe makes requests that differ in the size of the person, and so in their answers.
func wardrobe(t *testing.T, n int) (bodies [][]byte, contentTypes []string) {
	t.Helper()
	for i := range n {
		contentType, body := form(t, with(usual(t), "person", pngOf(t, person(180+20*i, 240))))
		bodies, contentTypes = append(bodies, body), append(contentTypes, contentType)
	}
	return bodies, contentTypes
}

func TestASharedRunGivesEachShopperTheAnswerOfALoneOne(t *testing.T) {
	p, l := locked(t, nil)
	bodies, contentTypes := wardrobe(t, 6)
	replies, shared := p.crowd(t, l, bodies, contentTypes)
	if got, want := l.rows, []int{1, 4, 1}; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("the runtime was asked for %v, want %v", got, want)
	}
	for i := range bodies {
		resp, lone := post(t, p.front, contentTypes[i], bodies[i])
		if replies[i].StatusCode != http.StatusOK || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %.200s", replies[i].Status, shared[i])
		}
		a, b := decodePNG(t, shared[i]), decodePNG(t, lone)
		if a.Rect != b.Rect {
			t.Fatalf("answer %d is of size %v, want %v", i, a.Rect, b.Rect)
		}
		for k := range a.Pix {
			if d := int(a.Pix[k]) - int(b.Pix[k]); d > 2 || d < -2 {
				t.Fatalf("answer %d differs by %d levels", i, d)
			}
		}
	}
}

func TestARunThatFailsIsAskedAgainOneByOne(t *testing.T) {
	p, l := locked(t, func(w http.ResponseWriter, _ *http.Request, rows int) bool {
		if rows > 1 {
			w.WriteHeader(http.StatusInternalServerError)
		}
		return rows > 1
	})
	bodies, contentTypes := wardrobe(t, 4)
	replies, outs := p.crowd(t, l, bodies, contentTypes)
	for i, resp := range replies {
		if resp.StatusCode != http.StatusOK {
			t.Errorf("request %d: %s %.200s", i, resp.Status, outs[i])
		}
	}
	if got := len(l.rows); got != 5 {
		t.Errorf("the runtime was asked %v, want one, three, and three times one", l.rows)
	}
}

func TestARuntimeThatDiesInASharedRunIsAskedOnceMoreByItsMembers(t *testing.T) {
	var died atomic.Int64
	p, l := locked(t, func(w http.ResponseWriter, r *http.Request, rows int) bool {
		dies := rows > 1 && died.Add(1) == 1
		if dies {
			closeMidBody(w, r)
		}
		return dies
	})
	bodies, contentTypes := wardrobe(t, 4)
	replies, outs := p.crowd(t, l, bodies, contentTypes)
	for i, resp := range replies {
		if resp.StatusCode != http.StatusOK {
			t.Errorf("request %d: %s %.200s", i, resp.Status, outs[i])
		}
	}
}

func TestWhoSharedARunWithARequestThatKillsTheRuntimeIsAnswered(t *testing.T) {
	const killer = 2
	var poison []byte
	var deaths atomic.Int64
	var l *lock
	p, l := locked(t, func(w http.ResponseWriter, r *http.Request, _ int) bool {
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if err != nil || !bytes.Contains(body, poison) {
			return false
		}
		deaths.Add(1)
		l.die()
		closeMidBody(w, r)
		return true
	})
	in, err := picture.Prepare(p.runtime.Signature, person(180+20*killer, 240), shirt(150, 200, paper), nil)
	if err != nil {
		t.Fatal(err)
	}
	poison = in.Person
	bodies, contentTypes := wardrobe(t, 4)
	replies, outs := p.crowd(t, l, bodies, contentTypes)
	for i, resp := range replies {
		if i == killer {
			if code, err := codeOf(resp, outs[i]); err != nil || code != problem.CodeRuntimeUnavailable || resp.Header.Get("Retry-After") == "" {
				t.Errorf("the killer: %s, %v, want %s with Retry-After", code, err, problem.CodeRuntimeUnavailable)
			}
			continue
		}
		if resp.StatusCode != http.StatusOK {
			t.Errorf("request %d: %s %.200s", i, resp.Status, outs[i])
		}
	}
	if got := deaths.Load(); got != 2 || l.rows[1] != 3 {
		t.Errorf("the runtime died %d times, asked for %v; want twice, first of a run of 3", got, l.rows)
	}
}

// die cuts every connection until the runtime has been looked at in vain; then it is back as another process.
func (l *lock) die() {
	alive, looks := l.again, atomic.Int64{}
	l.real.set(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// A client may ask a second time by itself when a connection is cut.
		if r.Method == http.MethodGet && looks.Add(1) == 3 {
			l.real.set(alive())
		}
		panic(http.ErrAbortHandler)
	}))
}

func TestARuntimeThatAlwaysDiesFailsEachRequestWithATypedErrorTheSecondTime(t *testing.T) {
	var asked atomic.Int64
	p, l := locked(t, func(w http.ResponseWriter, r *http.Request, rows int) bool {
		dies := asked.Add(int64(rows)) > 1
		if dies {
			closeMidBody(w, r)
		}
		return dies
	})
	bodies, contentTypes := wardrobe(t, 4)
	replies, outs := p.crowd(t, l, bodies, contentTypes)
	for i, resp := range replies[1:] {
		if code, err := codeOf(resp, outs[i+1]); err != nil || code != problem.CodeRuntimeUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Errorf("member %d: %s, %v, want %s with Retry-After", i, code, err, problem.CodeRuntimeUnavailable)
		}
	}
	if got := asked.Load(); replies[0].StatusCode != http.StatusOK || got != 1+2*3 {
		t.Errorf("the runtime was asked for %d try-ons, want one, and three twice", got)
	}
	l.armed.Store(false)
	p.waitReady(t)
	if resp, out := post(t, p.front, contentTypes[0], bodies[0]); resp.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s %.200s", resp.Status, out)
	}
}

func TestTheTimeOfASharedRunIsNotComparedWithACandidates(t *testing.T) {
	p, l := locked(t, nil, operated)
	candidate := start(t, runtimetest.Graph{}, func(o *Options) { o.Version = "tops-v2" })
	p.compareWith(t, 1, candidate.front)
	bodies, contentTypes := wardrobe(t, 4)
	p.crowd(t, l, bodies, contentTypes)
	until(t, "the pairs", func() bool { return p.report(t).Pairs == 4 })
	if got := p.report(t); got.Latency.N() != 1 || got.Artefacts.N() != 4 {
		t.Errorf("%d latencies and %d artefacts of a lone run and a shared one of three, want 1 and 4", got.Latency.N(), got.Artefacts.N())
	}
}

// What the model server takes at once is found out before the pod is ready.
func TestAsManyShareARunAsTheModelServerAnswersLikeOne(t *testing.T) {
	other := t.TempDir()
	runtimetest.Graph{Height: netH, Width: netW, Bias: 30}.WriteWeights(t, other)
	biased := runtime.NewServer(runtimetest.OpenModel(t, other, runtime.Bounds{}), oip.Limits{})
	for name, tt := range map[string]struct {
		bounds runtime.Bounds
		wanted int
		door   func(w http.ResponseWriter, r *http.Request, real http.Handler)
		want   int
	}{
		"as many as wanted":         {runtime.Bounds{}, 6, nil, 6},
		"no more than its bound":    {runtime.Bounds{Batch: 3}, 8, nil, 2},
		"one where none are wanted": {runtime.Bounds{}, 1, nil, 1},
		"one where its metadata says so": {runtime.Bounds{}, 8, func(w http.ResponseWriter, r *http.Request, real http.Handler) {
			answer := httptest.NewRecorder()
			real.ServeHTTP(answer, r)
			body := answer.Body.Bytes()
			if r.Method == http.MethodGet && r.URL.Path == "/v2/models/tryon" {
				body = bytes.ReplaceAll(body, []byte("-1"), []byte("1"))
			}
			for key, values := range answer.Header() {
				w.Header()[key] = values
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(body)
		}, 1},
		"one where several are answered otherwise": {runtime.Bounds{}, 8, func(w http.ResponseWriter, r *http.Request, real http.Handler) {
			if r.Method == http.MethodPost && r.ContentLength > 2*7*netH*netW {
				real = biased
			}
			real.ServeHTTP(w, r)
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, tt.bounds)
			writeGolden(t, rt)
			if tt.door != nil {
				real := runtimetest.Proxy(t, rt.URL)
				front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.door(w, r, real) }))
				t.Cleanup(front.Close)
				rt.URL = front.URL
			}
			p := startWith(t, rt, func(o *Options) { o.Batch = tt.wanted })
			p.waitReady(t)
			if got := p.model.Batch(); got != tt.want {
				t.Errorf("%d share a run, want %d", got, tt.want)
			}
		})
	}
}

func TestNoMoreShareARunThanARequestMayHaveBytes(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.Batch, o.TensorBytes = 1000, 64<<10+5*7*netH*netW })
	if got := p.model.Batch(); got != 5 {
		t.Errorf("%d share a run, want the 5 that have room", got)
	}
}

// loadOf reads what a pod says of its load as the manager does.
func (p *pod) loadOf(t *testing.T) control.Load {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ops+"/control", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, out := do(t, req)
	status, err := control.DecodeStatus(out)
	if err != nil || status.Load == nil {
		t.Fatalf("%v: %s", err, out)
	}
	return *status.Load
}

func TestAPodSaysItsLoadWithItsStatus(t *testing.T) {
	p, l := locked(t, nil, func(o *Options) { o.Batch, o.Waiting = 1, 1 })
	if got := p.loadOf(t); got != (control.Load{}) {
		t.Errorf("an idle pod that has been asked its golden requests says %+v", got)
	}
	contentType, body := form(t, usual(t))
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { post(t, p.front, contentType, body) })
	}
	<-l.held
	until(t, "waiting", func() bool { return p.queue.Waiting() == 1 })
	before := p.loadOf(t)
	resp, out := post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeOverloaded || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third request: %s, %v, want %s with Retry-After", code, err, problem.CodeOverloaded)
	}
	after := p.loadOf(t)
	if before.BacklogSeconds <= 0 || before.ArrivalsPerSecond <= 0 || before.Busy <= 0 || before.Busy > 1 {
		t.Errorf("with one in the runtime and one waiting: %+v", before)
	}
	// The window moves on meanwhile, so there is only more by less than a half.
	if after.ArrivalsPerSecond < 1.1*before.ArrivalsPerSecond {
		t.Errorf("a refused request is not among the arrivals: %+v, then %+v", before, after)
	}
	close(l.open)
	all.Wait()
	if text := p.metricsText(t); !bytes.Contains([]byte(text), []byte("tryon_sidecar_arrivals_ratio")) || !bytes.Contains([]byte(text), []byte("tryon_sidecar_busy_ratio")) {
		t.Error("the metrics do not have it")
	}
}

// A flood that does not come as far as the queue is work that arrived all the same; the operator's own questions and copies are none.
func TestWhoIsTurnedAwayAtTheDoorIsAnArrival(t *testing.T) {
	p := start(t, runtimetest.Graph{}, func(o *Options) { o.InFlight = 1 })
	contentType, body := form(t, usual(t))
	release := p.occupy(t)
	defer release()
	resp, out := post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeOverloaded {
		t.Fatalf("%s, %v, want %s", code, err, problem.CodeOverloaded)
	}
	if got := p.loadOf(t); got.ArrivalsPerSecond <= 0 {
		t.Errorf("%+v", got)
	}
}

// occupy takes the only place for a request at work.
func (p *pod) occupy(t *testing.T) (release func()) {
	t.Helper()
	visit, err := p.gate.Admit(1, 1)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader([]byte("x")))
	if _, err := visit.ReadBody(httptest.NewRecorder(), req); err != nil {
		t.Fatal(err)
	}
	return visit.Leave
}
