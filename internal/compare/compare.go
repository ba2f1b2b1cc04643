package compare

import (
	"errors"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
)

const (
	// learnFrom is how many answers of the stable version tell what its quality proxies usually are. Before, only hard faults are artefacts. A
	// pair is judged by what was known before it, so the rates of both versions can be compared throughout.
	learnFrom = 100

	// leastPatience and patienceFactor: a version may take this many times as long as the other did, and never less than so long. The candidate is not
	// waited for longer, for it would hold up all that waits. What is a failure of the one has to be a failure of the other: else two versions that
	// stall alike would differ.
	leastPatience  = 2 * time.Second
	patienceFactor = 10
)

// Patience is how long a version is waited for when the other took so long; at most most.
func Patience(other, most time.Duration) time.Duration {
	return min(max(leastPatience, patienceFactor*other), most)
}

// Answer is what became of asking a version.
type Answer struct {
	// Failed tells that it did not answer as its signature promises, in time.
	Failed bool
	Out    oip.Result
	// Took is the time in its model server; Alone tells that the request had it for itself, as was known before it began: what comes meanwhile comes
	// rather beside long runs, and must not decide which times count.
	Took  time.Duration
	Alone bool
}

// failedBeside tells whether a version did not answer, or so much later than the other that it would not have been waited for. The time of a run
// that others shared is not one request's.
func (a Answer) failedBeside(other Answer) bool {
	return a.Failed || !other.Failed && a.Alone && other.Alone && a.Took > Patience(other.Took, a.Took)
}

// Comparer judges pairs in the order in which they come; it is for one goroutine and one epoch.
type Comparer struct {
	meter     quality.Meter
	learnt    []quality.Scores
	reference quality.Reference
}

// Forget makes ready for another epoch, in which answers look otherwise.
func (c *Comparer) Forget() { c.learnt, c.reference = nil, quality.Reference{} }

// Pair is the outcome of one comparison.
type Pair struct {
	stableBad, candidateBad           bool
	measured                          bool
	stableArtefact, candidateArtefact bool
	apart                             quality.Difference
	// stableTook and candidateTook are 0 when the times cannot be compared.
	stableTook, candidateTook time.Duration
}

// Compare judges a pair. Its error means that nothing can be said about it.
func (c *Comparer) Compare(s oip.Signature, in oip.TryOn, stable, candidate Answer) (Pair, error) {
	p := Pair{stableBad: stable.failedBeside(candidate), candidateBad: candidate.failedBeside(stable)}
	if p.stableBad || p.candidateBad {
		return p, nil
	}
	if stable.Alone && candidate.Alone {
		p.stableTook, p.candidateTook = max(1, stable.Took), candidate.Took
	}
	request := quality.Request{Height: s.Height, Width: s.Width, Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask}
	ours, theirs := answerOf(stable.Out), answerOf(candidate.Out)
	before, err1 := c.meter.Measure(request, ours)
	after, err2 := c.meter.Measure(request, theirs)
	apart, err3 := quality.Disagreement(request, ours, theirs)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Pair{}, err
	}
	_, p.stableArtefact = quality.Artefact(before, c.reference)
	_, p.candidateArtefact = quality.Artefact(after, c.reference)
	p.measured, p.apart = true, apart
	c.learn(before, p.stableArtefact)
	return p, nil
}

// Apart is how far the two pictures are apart; false when there are not two.
func (p Pair) Apart() (apart quality.Difference, both bool) { return p.apart, p.measured }

// learn makes the reference once, of the first answers without a hard fault.
func (c *Comparer) learn(stable quality.Scores, artefact bool) {
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

// Add counts the pair. Values outside their bounds, which the proxies do not give, would be refused and not counted.
func (p Pair) Add(t *evidence.Totals) {
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
