package recorder

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/sidecar/share"
)

// Folder is where captured requests are kept; capture.Folder is one.
type Folder interface {
	Put(ctx context.Context, r capture.Request) (capture.Entry, error)
	Sweep(ctx context.Context, now time.Time, b capture.Bounds) (capture.Swept, error)
	Close() error
}

// Options of a Recorder.
type Options struct {
	// Open opens the folder; Run does, until it succeeds.
	Open func(ctx context.Context) (Folder, error)
	// Permitted says whether requests may be kept; until it does, nothing is written. Nil permits.
	Permitted func() bool
	// Percent is the share of answered requests that is captured, 1..100.
	Percent int
	// Bounds of the folder.
	Bounds capture.Bounds
	// Waiting and Bytes bound the requests that wait to be written, and their pixels.
	Waiting int
	Bytes   int64
	// Kept is told the size of the folder after each sweep, Captured of each request that was written, and Dropped of each that was not.
	Kept     func(files int, bytes int64)
	Captured func()
	Dropped  func(reason string)
}

// Reasons for which a request that was to be captured is not.
const (
	// DropFull: too many wait.
	DropFull = "Full"
	// DropTooFast: more than one a second.
	DropTooFast = "TooFast"
	// DropUnwritten: the folder did not take it.
	DropUnwritten = "Unwritten"
)

const (
	// perSecond and burst bound what a pod captures: each request costs a compression and a file.
	perSecond = 1
	burst     = 5
	// patience is what writing a request, and a sweep, may take.
	patience = 30 * time.Second
	// sweepEvery is how old the last sweep gets; a quarter of the age where that is less. A sweep lists the whole folder, 20 requests to S3
	// for 20,000 files, so it must not follow each file that is written; and nothing may outlive its age for longer than this.
	sweepEvery = time.Minute
	// permitEvery is how often the permit is looked for.
	permitEvery = time.Second
)

// Recorder captures requests. Its methods are safe for concurrent use; one Run does the work. A nil Recorder captures nothing.
type Recorder struct {
	options Options
	deal    share.Deal
	pace    *rate.Limiter
	queue   chan capture.Request
	// held is true until there is a permit, which is never taken back.
	held atomic.Bool

	mu    sync.Mutex
	bytes int64
	found troubles

	// folder is nil until it is open, swept is when it was swept last, written the bytes that this pod has added since, and complained is when
	// the log said last what is wrong; they are Run's.
	folder     Folder
	swept      time.Time
	written    int64
	complained time.Time
}

// New makes a recorder; nothing is written before Run.
func New(o Options) *Recorder {
	r := &Recorder{options: o, pace: rate.NewLimiter(perSecond, burst), queue: make(chan capture.Request, o.Waiting)}
	r.held.Store(o.Permitted != nil && !o.Permitted())
	return r
}

// Held says that nothing is kept yet for want of a permit.
func (r *Recorder) Held() bool { return r.held.Load() }

// Choose tells whether the request just answered is one of those to capture. of is the percentage of all answered requests that Choose is
// asked about, so that the share of all is right.
func (r *Recorder) Choose(of int) bool {
	return r != nil && of > 0 && !r.Held() && r.deal.Next(min(100, r.options.Percent*100/of))
}

// Offer takes a request if there is room. It never waits: it is called by those who answer shoppers. The pixels must not be changed afterwards.
func (r *Recorder) Offer(q capture.Request) {
	if reason := r.take(q); reason != "" {
		r.options.Dropped(reason)
	}
}

func (r *Recorder) take(q capture.Request) (dropped string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.pace.Allow() {
		return DropTooFast
	}
	if n := size(q); r.bytes+n > r.options.Bytes || len(r.queue) == cap(r.queue) {
		return DropFull
	}
	r.bytes += size(q)
	// Only this line sends, under the lock and with room left, so it cannot block.
	r.queue <- q
	return ""
}

func size(q capture.Request) int64 {
	n := len(q.In.Person) + len(q.In.Garment) + len(q.In.GarmentMask) + len(q.Image)
	if q.Compared != nil {
		n += len(q.Compared.Image)
	}
	return int64(n)
}

// Run writes and sweeps until ctx ends. What waits then is not written: a pod that stops has other things to do.
func (r *Recorder) Run(ctx context.Context) {
	if r == nil {
		return
	}
	defer r.close()
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() { r.await(ctx) })
	for {
		wait := r.every()
		if r.open(ctx) {
			if r.due(time.Now()) {
				r.sweep(ctx, time.Now())
			}
			wait -= time.Since(r.swept)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case q := <-r.queue:
			r.write(ctx, q)
			r.mu.Lock()
			r.bytes -= size(q)
			r.mu.Unlock()
		}
	}
}

func (r *Recorder) every() time.Duration {
	return max(time.Second, min(sweepEvery, r.options.Bounds.Age/4))
}

// due tells whether the folder has to be swept. The number of files needs no look of its own: a sweep leaves room for more than a pod adds in
// sweepEvery.
func (r *Recorder) due(now time.Time) bool {
	return r.swept.IsZero() || now.Sub(r.swept) >= r.every() || r.written > r.options.Bounds.Spare()
}

// await waits for the permit. Meanwhile the folder is opened and swept, which tells whether it can be used.
func (r *Recorder) await(ctx context.Context) {
	ticker := time.NewTicker(permitEvery)
	defer ticker.Stop()
	for r.Held() {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.held.Store(!r.options.Permitted())
		}
	}
}

// open opens the folder unless it is: it may appear later, and its keys may be put right.
func (r *Recorder) open(ctx context.Context) bool {
	if r.folder != nil {
		return true
	}
	folder, err := r.options.Open(ctx)
	if err == nil {
		r.folder = folder
	}
	r.remember(ctx, &r.found.open, "Opening the folder of captured requests failed", err)
	return err == nil
}

func (r *Recorder) close() {
	if r.folder != nil {
		_ = r.folder.Close()
	}
}

func (r *Recorder) write(ctx context.Context, q capture.Request) {
	if r.folder == nil || r.Held() {
		r.options.Dropped(DropUnwritten)
		return
	}
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	file, err := r.folder.Put(bounded, q)
	r.written += file.Bytes
	r.remember(ctx, &r.found.put, "Capturing a request failed", err)
	if err != nil {
		r.options.Dropped(DropUnwritten)
		return
	}
	r.options.Captured()
}

// sweep counts as done whatever comes of it: a folder that cannot be listed is not to be asked at each request.
func (r *Recorder) sweep(ctx context.Context, now time.Time) {
	r.swept, r.written = now, 0
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	swept, err := r.folder.Sweep(bounded, now, r.options.Bounds)
	r.remember(ctx, &r.found.sweep, "Sweeping captured requests failed", err)
	if err == nil {
		r.options.Kept(swept.Kept, swept.KeptBytes)
	}
}
