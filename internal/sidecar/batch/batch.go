package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
)

// Outcomes of a run, as label values.
const (
	// Answered says that all were.
	Answered = "Answered"
	// Isolated says that the run of several failed, and that they were asked one by one.
	Isolated = "Isolated"
	// Failed says that the run failed, and with it all its members.
	Failed = "Failed"
)

// Model is the model server.
type Model interface {
	// TryOn asks for one or more try-ons at once. Errors are *problem.Problem.
	TryOn(ctx context.Context, rows []oip.TryOn) ([]oip.Result, error)
	// Batch is how many it takes at once.
	Batch() int
}

// Batcher asks the model server. It is safe for concurrent use.
type Batcher struct {
	queue *queue.Queue
	model Model
	shape predict.Shape
	ran   func(outcome string, requests int)
	// again has one in it while a request is asked a second time.
	again chan struct{}
}

// New makes a batcher for requests of one shape. ran is told every run of the model server.
func New(q *queue.Queue, model Model, shape predict.Shape, ran func(outcome string, requests int)) *Batcher {
	return &Batcher{queue: q, model: model, shape: shape, ran: ran, again: make(chan struct{}, 1)}
}

// Answer is what became of a request.
type Answer struct {
	Out oip.Result
	// Began is when the model server was asked, zero when it was not; Took is its time.
	Began time.Time
	Took  time.Duration
	// Alone tells that it had the model server for itself: then the time is that of one request.
	Alone bool
}

// member is a request that may share its run.
type member struct {
	ctx  context.Context
	row  oip.TryOn
	done chan outcome
}

type outcome struct {
	out  oip.Result
	took time.Duration
	err  error
}

// tell gives the member its outcome. The first one counts, and nobody waits for a member that has gone.
func (m *member) tell(o outcome) {
	select {
	case m.done <- o:
	default:
	}
}

// Ask gives what a request is to the queue.
func (b *Batcher) Ask(row oip.TryOn) queue.Ask {
	ask := queue.Ask{Shape: b.shape}
	// Parameters are of a whole run. And a request that names its seed wants the same picture again, which beside others a model need not give.
	if row.Parameters == nil {
		ask.Most = b.model.Batch()
	}
	return ask
}

// TryOn waits for the model server and asks it. Errors are those of the queue when the answer did not begin, else *problem.Problem.
func (b *Batcher) TryOn(ctx context.Context, row oip.TryOn) (Answer, error) {
	m := &member{ctx: ctx, row: row, done: make(chan outcome, 1)}
	ask := b.Ask(row)
	if ask.Most > 1 {
		ask.Member = m
	}
	run, err := b.queue.Enter(ctx, ask)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Began: time.Now()}
	members := run.Members()
	switch {
	case len(members) <= 1:
		return b.lone(run, m, answer)
	case members[0] == any(m):
		// Its own goroutine: the others must not be lost with the first one's client.
		go b.together(run)
	}
	select {
	case o := <-m.done:
		answer.Out, answer.Took = o.out, o.took
		return answer, o.err
	case <-ctx.Done():
		return answer, gone(ctx)
	}
}

// Again asks a second time for a request that was in the model server, or came to it, when that ended. It may be what the model server dies of, so that
// others are kept from it: it shares its run with nobody and is not asked beside another of its kind, and back, called at its turn, says when the
// model server is there again. Errors are those of TryOn, and back's, which have to be *problem.Problem.
func (b *Batcher) Again(ctx context.Context, row oip.TryOn, back func(context.Context) error) (Answer, error) {
	run, err := b.queue.Enter(ctx, queue.Ask{Shape: b.shape})
	if err != nil {
		return Answer{}, err
	}
	// The time that it waits in its run for the model server is not the model server's.
	run.Spoil()
	select {
	case b.again <- struct{}{}:
		defer func() { <-b.again }()
		err = back(ctx)
	case <-ctx.Done():
		err = gone(ctx)
	}
	answer := Answer{Began: time.Now()}
	if err != nil {
		run.Leave()
		return answer, err
	}
	return b.lone(run, &member{ctx: ctx, row: row}, answer)
}

func gone(ctx context.Context) *problem.Problem {
	return problem.Ended(ctx, "The model server did not answer in time.")
}

// lone asks for one member, which has the run for itself.
func (b *Batcher) lone(run *queue.Run, m *member, answer Answer) (Answer, error) {
	defer run.Leave()
	o := b.ask(m.ctx, m)
	answer.Out, answer.Took, answer.Alone = o.out, o.took, run.Alone()
	if o.err != nil {
		b.ran(Failed, 1)
		return answer, o.err
	}
	b.ran(Answered, 1)
	run.Served()
	return answer, nil
}

// ask asks for one member.
func (b *Batcher) ask(ctx context.Context, m *member) outcome {
	start := time.Now()
	out, err := b.model.TryOn(ctx, []oip.TryOn{m.row})
	o := outcome{took: time.Since(start), err: err}
	if err == nil {
		o.out = out[0]
	}
	return o
}

// together asks for all members of a run whose clients are still there.
func (b *Batcher) together(run *queue.Run) {
	defer run.Leave()
	members := staying(run.Members())
	defer func() {
		if cause := recover(); cause != nil {
			tellAll(members, outcome{err: fmt.Errorf("panic: %v\n%s", cause, debug.Stack())})
		}
	}()
	if len(members) == 0 {
		run.Spoil()
		return
	}
	run.Keep(len(members))
	ctx, leave := whileAnyStays(members)
	defer leave()
	rows := make([]oip.TryOn, 0, len(members))
	for _, m := range members {
		rows = append(rows, m.row)
	}
	start := time.Now()
	out, err := b.model.TryOn(ctx, rows)
	took := time.Since(start)
	switch {
	case err == nil:
		run.Served()
		b.ran(Answered, len(members))
		for i, m := range members {
			m.tell(outcome{out: out[i], took: took})
		}
	case len(members) > 1 && failed(err):
		run.Spoil()
		b.ran(Isolated, len(members))
		b.isolate(members)
	default:
		b.ran(Failed, len(members))
		tellAll(members, outcome{took: took, err: err})
	}
}

// staying are the members whose clients have not gone.
func staying(all []any) []*member {
	var members []*member
	for _, a := range all {
		if m := a.(*member); m.ctx.Err() == nil {
			members = append(members, m)
		}
	}
	return members
}

// whileAnyStays gives a context that ends when the last member has gone. It has the first one's values: the trace of a run that several share can be
// that of one of them only.
func whileAnyStays(members []*member) (ctx context.Context, leave func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(members[0].ctx))
	var left atomic.Int64
	stops := make([]func() bool, 0, len(members))
	for _, m := range members {
		stops = append(stops, context.AfterFunc(m.ctx, func() {
			if left.Add(1) == int64(len(members)) {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// failed tells an answer that is an error, for which one member may be to blame, from none: a model server that is gone, full or slow is so for all.
func failed(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p) && p.Code == problem.CodeRuntimeFailed
}

// isolate asks for the members one by one, so that only those fail that are to blame. Each is asked once, and none any more when the model server
// does not answer: it has enough to do.
func (b *Batcher) isolate(members []*member) {
	for i, m := range members {
		if m.ctx.Err() != nil {
			continue
		}
		o := b.ask(m.ctx, m)
		m.tell(o)
		if o.err == nil {
			b.ran(Answered, 1)
			continue
		}
		b.ran(Failed, 1)
		if !failed(o.err) && m.ctx.Err() == nil {
			tellAll(members[i+1:], o)
			return
		}
	}
}

func tellAll(members []*member, o outcome) {
	for _, m := range members {
		m.tell(o)
	}
}
