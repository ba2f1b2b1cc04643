package judge

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

const (
	// maxInstances bounds the pods that count under one document, maxEnded the shares of earlier ones that are remembered.
	maxInstances = 64
	maxEnded     = 15
	// leastFailures: each stable pod forwards three requests to a pod that is being lost before it holds back, and that is nobody's fault. It
	// makes a rollback rarer, so the bound on wrong ones holds all the more.
	leastFailures = 8
	// wholeMargin is what a candidate with a share of 100 percent may fail at least: nothing is the stable version's to answer then, so that the
	// failures that it would have had itself cannot be told from the candidate's.
	wholeMargin = 0.1
)

var instanceName = regexp.MustCompile(`^[0-9a-f]{32}$`)

// AddForwards adds what pods say they counted of a candidate to what is kept. Totals, not increments: a pod may say the same twice or go unheard for
// a while, and one that is gone has been counted. What cannot be is refused. What was counted under a document that gave the candidate another share
// is summed up once that ends; but when the share was taken away, what it cost is forgotten: pods had failed, which is no fault of the version.
func AddForwards(kept []v1alpha1.ForwardCounts, candidate string, told control.Document, said []control.Forwards) []v1alpha1.ForwardCounts {
	share := told.Candidate
	gives := share != nil && share.Weight > 0 && share.Version == candidate
	var counts []v1alpha1.ForwardCounts
	for _, c := range kept {
		switch {
		case c.Instance == "" || (gives && c.ControlGeneration == told.Generation):
			counts = append(counts, c)
		case gives:
			counts = fold(counts, c)
		}
	}
	for _, f := range said {
		if gives && f.Generation == told.Generation && f.Version == candidate {
			counts = take(counts, f, int32(share.Weight))
		}
	}
	slices.SortStableFunc(counts, func(a, b v1alpha1.ForwardCounts) int { return cmp.Compare(a.Instance, b.Instance) })
	return counts
}

// fold adds what is not counted any more to the sum of its share.
func fold(counts []v1alpha1.ForwardCounts, c v1alpha1.ForwardCounts) []v1alpha1.ForwardCounts {
	c.Instance, c.ControlGeneration = "", 0
	at := slices.IndexFunc(counts, func(s v1alpha1.ForwardCounts) bool { return s.Instance == "" && s.Weight == c.Weight })
	if at < 0 {
		if ended := countOf(counts, true); ended >= maxEnded {
			counts = slices.Delete(counts, 0, 1)
		}
		// Sums stay in front, oldest first.
		return slices.Insert(counts, countOf(counts, true), c)
	}
	sum := counts[at]
	sum.Stable, sum.StableFailed = plus(sum.Stable, c.Stable), plus(sum.StableFailed, c.StableFailed)
	sum.Candidate, sum.CandidateFailed = plus(sum.Candidate, c.Candidate), plus(sum.CandidateFailed, c.CandidateFailed)
	sum.BothFailed = plus(sum.BothFailed, c.BothFailed)
	counts[at] = sum
	return counts
}

func plus(a, b *int64) *int64 { return ptr.To(ptr.Deref(a, 0) + ptr.Deref(b, 0)) }

// countOf counts the sums, or the instances.
func countOf(counts []v1alpha1.ForwardCounts, sums bool) int {
	n := 0
	for _, c := range counts {
		if (c.Instance == "") == sums {
			n++
		}
	}
	return n
}

// take puts what a pod says in the place of what it said before.
func take(counts []v1alpha1.ForwardCounts, f control.Forwards, weight int32) []v1alpha1.ForwardCounts {
	at := slices.IndexFunc(counts, func(c v1alpha1.ForwardCounts) bool { return c.Instance == f.Instance })
	before := control.Forwards{}
	if at >= 0 {
		before = forwards(counts[at])
	}
	if !possible(f) || !grown(before, f) || total(counts)-before.Stable-before.Candidate+f.Stable+f.Candidate > sequential.MaxRequests {
		return counts
	}
	next := v1alpha1.ForwardCounts{
		Instance: f.Instance, ControlGeneration: f.Generation, Weight: weight,
		Stable: ptr.To(f.Stable), StableFailed: ptr.To(f.StableFailed),
		Candidate: ptr.To(f.Candidate), CandidateFailed: ptr.To(f.CandidateFailed), BothFailed: ptr.To(f.BothFailed),
	}
	switch {
	case at >= 0:
		counts[at] = next
	case countOf(counts, false) < maxInstances && f.Stable+f.Candidate > 0:
		counts = append(counts, next)
	}
	return counts
}

func forwards(c v1alpha1.ForwardCounts) control.Forwards {
	return control.Forwards{
		Instance: c.Instance, Generation: c.ControlGeneration,
		Stable: ptr.Deref(c.Stable, 0), StableFailed: ptr.Deref(c.StableFailed, 0),
		Candidate: ptr.Deref(c.Candidate, 0), CandidateFailed: ptr.Deref(c.CandidateFailed, 0), BothFailed: ptr.Deref(c.BothFailed, 0),
	}
}

func total(counts []v1alpha1.ForwardCounts) int64 {
	var n int64
	for _, c := range counts {
		n += ptr.Deref(c.Stable, 0) + ptr.Deref(c.Candidate, 0)
	}
	return n
}

// possible refuses numbers that no pod can have counted.
func possible(f control.Forwards) bool {
	return instanceName.MatchString(f.Instance) &&
		f.Stable <= sequential.MaxRequests && f.Candidate <= sequential.MaxRequests &&
		0 <= f.StableFailed && f.StableFailed <= f.Stable &&
		0 <= f.BothFailed && f.BothFailed <= f.CandidateFailed && f.CandidateFailed <= f.Candidate
}

func grown(before, f control.Forwards) bool {
	return f.Stable >= before.Stable && f.StableFailed >= before.StableFailed &&
		f.Candidate >= before.Candidate && f.CandidateFailed >= before.CandidateFailed && f.BothFailed >= before.BothFailed
}

// ForwardsAgainst says what the counts show against the candidate: that it fails requests more often than the stable version by more than the gate of
// errors allows, whether there is one or not. Empty when they do not show it. For a candidate within that margin it is said with a probability of
// at most Alpha, however often and at whatever shares it is asked.
func ForwardsAgainst(gates []v1alpha1.LiveGate, counts []v1alpha1.ForwardCounts) string {
	questions, asked, failed, err := failures(gates, counts)
	if err != nil || failed < leastFailures {
		return ""
	}
	if verdict, err := sequential.Decide(questions, Alpha); err != nil || verdict != sequential.Reject {
		return ""
	}
	judgement, _ := sequential.Judge(questions, Alpha, 0)
	return fmt.Sprintf("it failed %d of %d requests that were forwarded to it: %s", failed, asked, judgement.Message)
}

// failures are the questions about the counts.
func failures(gates []v1alpha1.LiveGate, counts []v1alpha1.ForwardCounts) (questions []sequential.Gate, asked, failed int64, err error) {
	var streams sequential.Streams
	var pairs sequential.Pairs
	for _, c := range counts {
		f := forwards(c)
		asked, failed = asked+f.Candidate, failed+f.CandidateFailed
		if c.Weight == 100 {
			pairs, err = pairs.Add(sequential.Pairs{
				OnlyCandidate: f.CandidateFailed - f.BothFailed, BothBad: f.BothFailed, BothGood: f.Candidate - f.CandidateFailed,
			})
		} else {
			streams, err = streams.Add(sequential.Streams{{
				Percent: int(c.Weight), Stable: f.Stable, StableBad: f.StableFailed, Candidate: f.Candidate, CandidateBad: f.CandidateFailed,
			}})
		}
		if err != nil {
			return nil, 0, 0, fmt.Errorf("adding forwards: %w", err)
		}
	}
	margin := errorsMargin(gates)
	return []sequential.Gate{
		sequential.Rate{Name: string(v1alpha1.LiveErrors), Margin: margin, Streams: streams},
		sequential.Rate{Name: string(v1alpha1.LiveErrors), Margin: max(margin, wholeMargin), Pairs: pairs},
	}, asked, failed, nil
}
