package replay

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of a replay that could not be made. A replay never fails: its evidence is judged elsewhere.
const (
	// ReasonBadTask: the task itself makes no sense.
	ReasonBadTask = "BadTask"
	// ReasonRequestsUnavailable: golden requests, captured ones, dataset or store could not be read, or are not the pinned ones.
	ReasonRequestsUnavailable = "RequestsUnavailable"
	// ReasonStableUnavailable: the stable version's model server did not get ready, or does not answer. What the candidate's does not is evidence.
	ReasonStableUnavailable = "StableUnavailable"
	// ReasonStopped: it was asked to end.
	ReasonStopped = "Stopped"
)

// choosing is how many latencies choose the threshold at which the others are judged.
const choosing = 40

// Options is what Run needs besides the world.
type Options struct {
	Task task.Replay
	// Log takes words for people.
	Log io.Writer
	// Ready is how long the model servers may take to become ready; 0 means 5 minutes.
	Ready time.Duration
}

// because is an end without evidence.
func because(reason string, err error) error { return report.Errored.Because(reason, err) }

// Run compares, and says what was counted.
func Run(ctx context.Context, o Options) report.Envelope {
	if o.Ready == 0 {
		o.Ready = 5 * time.Minute
	}
	summary, err := run(ctx, o)
	if err == nil {
		var e report.Envelope
		if e, err = report.New(report.KindReplay, o.Task.Key, report.Passed, summary); err == nil {
			return e
		}
	}
	if ctx.Err() != nil {
		err = because(ReasonStopped, err)
	}
	return report.End(report.KindReplay, o.Task.Key, err, ReasonRequestsUnavailable)
}

// session is one replay.
type session struct {
	o                 Options
	signature         oip.Signature
	stable, candidate *oip.Client
	comparer          compare.Comparer
	totals            evidence.Totals
	// usual is the longest that the stable version took, and warm tells that both have answered once.
	usual time.Duration
	warm  bool
	said  time.Time
	// early is the report after the first latencies. Package sequential judges latencies at a threshold that earlier ones chose, so they
	// have to come in two pieces.
	early []evidence.Report
}

func run(ctx context.Context, o Options) (*report.ReplaySummary, error) {
	s := &session{o: o, said: time.Now()}
	var err error
	if s.totals, err = evidence.NewTotals(o.Task.LatencyRatio); err != nil {
		return nil, because(ReasonBadTask, err)
	}
	if s.signature, err = readSignature(o.Task.Stable.Weights); err != nil {
		return nil, because(ReasonRequestsUnavailable, err)
	}
	if err := s.connect(ctx); err != nil {
		return nil, because(ReasonStableUnavailable, err)
	}
	k := &known{t: o.Task, log: o.Log, signature: s.signature, seen: map[[sha256.Size]byte]bool{}}
	if err := k.each(ctx, s.put); err != nil {
		return nil, err
	}
	packed, err := evidence.Pack(append(s.early, s.report(int64(len(s.early)+1)))...)
	if err != nil {
		return nil, because(ReasonBadTask, err)
	}
	fmt.Fprintf(o.Log, "tryon-worker replay: %d requests, each put to both versions once\n", s.totals.Pairs)
	return &report.ReplaySummary{Pairs: s.totals.Pairs, Evidence: packed}, nil
}

// report says what was counted so far.
func (s *session) report(sequence int64) evidence.Report {
	t := s.o.Task
	return evidence.Report{
		Schema: evidence.Schema, Epoch: t.Epoch, Stable: t.Stable.Version, Candidate: t.Candidate.Version,
		Instance: evidence.ReplayInstance(t.Epoch), Sequence: sequence, TakenAt: time.Now().UTC(), Totals: s.totals,
	}
}

// connect waits for the stable version's model server, and a little for the candidate's, which may never come.
func (s *session) connect(ctx context.Context) error {
	var err error
	limits := oip.Limits{}
	if s.stable, err = oip.NewClient(s.o.Task.Stable.Runtime, limits, nil); err != nil {
		return err
	}
	if s.candidate, err = oip.NewClient(s.o.Task.Candidate.Runtime, limits, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Ready)
	defer cancel()
	if err := s.stable.WaitReady(ctx); err != nil {
		return err
	}
	_ = s.candidate.WaitReady(ctx)
	return nil
}

// put puts one request to both versions and counts the pair. A model server's first run takes longer than any other, so the first request is
// put once before.
func (s *session) put(ctx context.Context, in oip.TryOn) (*outcome, error) {
	if !s.warm {
		first := s.ask(ctx, s.stable, in, s.o.Task.Timeout())
		if first.Failed {
			return nil, because(ReasonStableUnavailable, errors.New("the stable version does not answer its first request"))
		}
		s.usual, s.warm = first.Took, true
		s.ask(ctx, s.candidate, in, compare.Patience(s.usual, s.o.Task.Timeout()))
	}
	stable, candidate := s.both(ctx, in)
	if ctx.Err() != nil {
		return nil, because(ReasonStopped, ctx.Err())
	}
	out := &outcome{stable: stable, candidate: candidate, pair: s.count(in, stable, candidate)}
	if time.Since(s.said) > 5*time.Second {
		s.said = time.Now()
		fmt.Fprintf(s.o.Log, "tryon-worker replay: %d requests\n", s.totals.Pairs)
	}
	return out, nil
}

// count judges a pair. One that cannot be judged says nothing, and is nil.
func (s *session) count(in oip.TryOn, stable, candidate compare.Answer) *compare.Pair {
	pair, err := s.comparer.Compare(s.signature, in, stable, candidate)
	if err != nil {
		s.totals.Dropped.Unmeasured++
		return nil
	}
	pair.Add(&s.totals)
	if s.early == nil && s.totals.Latency.N() == choosing {
		s.early = []evidence.Report{s.report(1)}
	}
	return &pair
}

// both asks one after the other, each first in turn: whoever comes second finds the caches of the machine as the first left them.
func (s *session) both(ctx context.Context, in oip.TryOn) (stable, candidate compare.Answer) {
	ask := func() { stable = s.ask(ctx, s.stable, in, s.o.Task.Timeout()) }
	if s.totals.Pairs%2 == 0 {
		ask()
		ask = nil
	}
	candidate = s.ask(ctx, s.candidate, in, compare.Patience(s.usual, s.o.Task.Timeout()))
	if ask != nil {
		ask()
	}
	if !stable.Failed {
		s.usual = max(s.usual, stable.Took)
	}
	return stable, candidate
}

// ask puts one request to one version.
func (s *session) ask(ctx context.Context, c *oip.Client, in oip.TryOn, patience time.Duration) compare.Answer {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	out, err := c.TryOn(ctx, s.signature, 1, in)
	return compare.Answer{Failed: err != nil, Out: out, Took: max(1, time.Since(start)), Alone: true}
}
