package shadow

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// Options of a Mirror.
type Options struct {
	// Version is what this pod serves.
	Version string
	// Copies and Bytes bound the copies that wait, and their tensors with those of the one being compared.
	Copies int
	Bytes  int64
	// Patience is the most time that a candidate is given for one answer.
	Patience time.Duration
	// Paired and Dropped are told what became of a copy, for the metrics.
	Paired  func(stable, candidate string, took time.Duration)
	Dropped func(reason string)
}

// Sample is a request that this pod has answered, or should have.
type Sample struct {
	Signature oip.Signature
	In        oip.TryOn
	// Out is the model's answer; empty when it Failed.
	Out    oip.Result
	Failed bool
	// Had is the most time that the model server had: until the request's deadline. The candidate has no more.
	Had time.Duration
	// Took is the time in the model server; Alone tells that the request had it for itself.
	Took  time.Duration
	Alone bool
	// Done, unless it is nil, is told once what the comparison came to, nil when there was none. It must not wait.
	Done func(*capture.Compared)
}

func (s Sample) done(c *capture.Compared) {
	if s.Done != nil {
		s.Done(c)
	}
}

func (s Sample) bytes() int64 {
	n := 0
	for _, tensor := range [][]byte{s.In.Person, s.In.Garment, s.In.GarmentMask, s.Out.Image, s.Out.WarpedMask, s.Out.CompositeMask} {
		n += len(tensor)
	}
	return int64(n)
}

// Mirror copies requests to a candidate. Its methods are safe for concurrent use; one Run does the work.
type Mirror struct {
	options Options
	client  *http.Client
	pace    *rate.Limiter
	ring    chan job

	mu    sync.Mutex
	bytes int64
	epoch *epoch
}

// epoch is what was counted for one question.
type epoch struct {
	shadow   control.Shadow
	instance string
	sequence int64
	totals   evidence.Totals
}

// job is one copy on its way.
type job struct {
	epoch   *epoch
	address string
	sample  Sample
}

// Reasons of the metrics, those of evidence.Drops and one for copies that outlived their epoch.
const (
	dropFull       = "Full"
	dropTooFast    = "TooFast"
	dropBusy       = "CandidateBusy"
	dropUnmeasured = "Unmeasured"
	dropEnded      = "EpochEnded"
)

// New makes a mirror; nothing is asked before Run.
func New(o Options) *Mirror {
	return &Mirror{
		options: o, client: newClient(), ring: make(chan job, o.Copies),
		// What the ledger believes, so that a fast pod's evidence is thinned out here instead of being refused there.
		pace: rate.NewLimiter(evidence.MaxPairsPerSecond, evidence.MaxPairsPerSecond/10),
	}
}

// Close closes idle connections.
func (m *Mirror) Close() { m.client.CloseIdleConnections() }

// Offer takes a copy if there is room. It never waits: it is called by those who answer shoppers. The tensors must not be changed afterwards.
func (m *Mirror) Offer(shadow control.Shadow, s Sample) {
	if !m.take(shadow, s) {
		s.done(nil)
	}
}

// take puts a copy into the ring if there is room.
func (m *Mirror) take(shadow control.Shadow, s Sample) bool {
	size := s.bytes()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.begin(shadow)
	switch {
	case !m.pace.Allow():
		e.totals.Dropped.TooFast++
		m.options.Dropped(dropTooFast)
	case m.bytes+size > m.options.Bytes || len(m.ring) == cap(m.ring) || m.complete(e):
		e.totals.Dropped.Full++
		m.options.Dropped(dropFull)
	default:
		m.bytes += size
		// Only this line sends, under the lock and with room left, so it cannot block.
		m.ring <- job{epoch: e, address: shadow.Address, sample: s}
		return true
	}
	return false
}

// complete tells whether an epoch counts no more: with the copies that wait and the one being compared it would have more pairs than a report may
// have, and no report of this pod would be read again.
func (m *Mirror) complete(e *epoch) bool {
	return e.totals.Pairs+int64(len(m.ring))+1 >= sequential.MaxRequests
}

// Report says what was counted for a shadow since this pod first heard of its epoch.
func (m *Mirror) Report(shadow control.Shadow, now time.Time) evidence.Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.begin(shadow)
	e.sequence++
	return evidence.Report{
		Schema: evidence.Schema, Epoch: shadow.Epoch, Stable: m.options.Version, Candidate: shadow.Version,
		Instance: e.instance, Sequence: e.sequence, TakenAt: now.UTC(), Totals: e.totals,
	}
}

// begin gives the epoch of a shadow; what was counted for another question is forgotten. The share and the address may change within an epoch.
func (m *Mirror) begin(shadow control.Shadow) *epoch {
	if e := m.epoch; e != nil && e.shadow.Epoch == shadow.Epoch && e.shadow.Version == shadow.Version && e.shadow.LatencyRatio == shadow.LatencyRatio {
		return e
	}
	m.epoch = &epoch{shadow: shadow, instance: control.NewInstance()}
	// A control document with another ratio is refused, so there is no error; without a ratio no latency would be counted.
	m.epoch.totals, _ = evidence.NewTotals(shadow.LatencyRatio)
	return m.epoch
}

// Run compares until ctx ends.
func (m *Mirror) Run(ctx context.Context) {
	c := &comparer{}
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-m.ring:
			j.sample.done(m.handle(ctx, c, j))
			m.mu.Lock()
			m.bytes -= j.sample.bytes()
			m.mu.Unlock()
		}
	}
}

// handle compares a copy and counts the pair; nil when nothing can be said about it.
func (m *Mirror) handle(ctx context.Context, c *comparer, j job) *capture.Compared {
	if !m.count(j.epoch, nothing) {
		return nil
	}
	start := time.Now()
	got := m.ask(ctx, j)
	if ctx.Err() != nil {
		// This pod is stopping: nothing can be said about the candidate.
		return nil
	}
	if got.outcome == busy {
		if m.count(j.epoch, func(t *evidence.Totals) { t.Dropped.Busy++ }) {
			m.options.Dropped(dropBusy)
		}
		return nil
	}
	pair, err := c.compare(j, got)
	if err != nil {
		if m.count(j.epoch, func(t *evidence.Totals) { t.Dropped.Unmeasured++ }) {
			m.options.Dropped(dropUnmeasured)
		}
		return nil
	}
	if m.count(j.epoch, pair.Add) {
		m.options.Paired(stableOutcome(j.sample), string(got.outcome), time.Since(start))
	}
	apart, _ := pair.Apart()
	return &capture.Compared{Epoch: j.epoch.shadow.Epoch, Version: j.epoch.shadow.Version, Image: bytes.Clone(got.out.Image), Garment: apart.Garment, Outside: apart.Outside}
}

// nothing is counted of a copy whose epoch is only asked for.
func nothing(*evidence.Totals) {}

// count adds to an epoch's totals, unless the epoch has ended.
func (m *Mirror) count(e *epoch, add func(*evidence.Totals)) (current bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e != m.epoch {
		m.options.Dropped(dropEnded)
		return false
	}
	add(&e.totals)
	return true
}
