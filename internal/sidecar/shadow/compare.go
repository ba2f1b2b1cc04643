package shadow

import (
	"github.com/braincreators/tryon-operator/internal/compare"
)

// comparer judges pairs, each among those of its epoch; it is used by one goroutine.
type comparer struct {
	compare.Comparer
	epoch *epoch
}

func stableOutcome(s Sample) string {
	if s.Failed {
		return string(failed)
	}
	return string(answered)
}

// compare judges a pair. Its error means that nothing can be said about it.
func (c *comparer) compare(j job, got answer) (compare.Pair, error) {
	if c.epoch != j.epoch {
		c.epoch = j.epoch
		c.Forget()
	}
	s := j.sample
	return c.Compare(s.Signature, s.In,
		compare.Answer{Failed: s.Failed, Out: s.Out, Took: s.Took, Alone: s.Alone},
		compare.Answer{Failed: got.outcome != answered, Out: got.out, Took: got.took, Alone: got.alone})
}
