package shadow

import (
	"errors"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
)

// learnFrom is how many answers of this pod's own version tell what its quality proxies usually are. Before, only hard faults are artefacts. A
// pair is judged by what was known before it, so the rates of both versions can be compared throughout.
const learnFrom = 100

// comparer judges pairs; it is used by one goroutine.
type comparer struct {
	meter     quality.Meter
	epoch     *epoch
	learnt    []quality.Scores
	reference quality.Reference
}

// pair is the outcome of one comparison.
type pair struct {
	stableBad, candidateBad           bool
	measured                          bool
	stableArtefact, candidateArtefact bool
	apart                             quality.Difference
	// stableTook and candidateTook are 0 when the times cannot be compared.
	stableTook, candidateTook time.Duration
}

func stableOutcome(s Sample) string {
	if s.Failed {
		return string(failed)
	}
	return string(answered)
}

// compare judges a pair. Its error means that nothing can be said about it.
func (c *comparer) compare(j job, got answer) (pair, error) {
	s := j.sample
	p := pair{stableBad: s.Failed, candidateBad: got.outcome != answered}
	if p.stableBad || p.candidateBad {
		return p, nil
	}
	if s.Alone && got.alone {
		p.stableTook, p.candidateTook = max(1, s.Took), got.took
	}
	request := quality.Request{
		Height: s.Signature.Height, Width: s.Signature.Width, Person: s.In.Person, Garment: s.In.Garment, GarmentMask: s.In.GarmentMask,
	}
	ours, theirs := answerOf(s.Out), answerOf(got.out)
	stable, err1 := c.meter.Measure(request, ours)
	candidate, err2 := c.meter.Measure(request, theirs)
	apart, err3 := quality.Disagreement(request, ours, theirs)
	if err := errors.Join(err1, err2, err3); err != nil {
		return pair{}, err
	}
	c.begin(j.epoch)
	_, p.stableArtefact = quality.Artefact(stable, c.reference)
	_, p.candidateArtefact = quality.Artefact(candidate, c.reference)
	p.measured, p.apart = true, apart
	c.learn(stable, p.stableArtefact)
	return p, nil
}

// begin forgets what another epoch's answers looked like.
func (c *comparer) begin(e *epoch) {
	if c.epoch != e {
		c.epoch, c.learnt, c.reference = e, nil, quality.Reference{}
	}
}

// learn makes the reference once, of the first answers without a hard fault.
func (c *comparer) learn(stable quality.Scores, artefact bool) {
	if artefact || len(c.learnt) == learnFrom {
		return
	}
	c.learnt = append(c.learnt, stable)
	if len(c.learnt) == learnFrom {
		c.reference = quality.MakeReference(c.learnt)
	}
}

func answerOf(out oip.Result) quality.Answer {
	return quality.Answer{Image: out.Image, WarpedMask: out.WarpedMask, CompositeMask: out.CompositeMask}
}

// add counts the pair. Values outside their bounds, which the proxies do not give, would be refused and not counted.
func (p pair) add(t *evidence.Totals) {
	t.Pairs++
	t.Errors.Observe(p.stableBad, p.candidateBad)
	if p.measured {
		t.Artefacts.Observe(p.stableArtefact, p.candidateArtefact)
		_ = t.Disagreement.Garment.Observe(0, p.apart.Garment)
		_ = t.Disagreement.Outside.Observe(0, p.apart.Outside)
	}
	if p.stableTook > 0 {
		_ = t.Latency.Observe(p.stableTook, p.candidateTook)
	}
}
