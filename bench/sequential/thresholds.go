package main

import (
	"fmt"
	"io"
	"math"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// The rule of repeated fixed thresholds: every window of requests gives one measurement, one above the threshold is a failed check, more failed
// checks than the limit roll back, and the rollout is promoted after so many checks. Argo Rollouts calls them count, interval and
// failureLimit (default 0), Flagger steps, interval and threshold (5 in its examples).
const (
	window         = 200
	checks         = 20
	oftenLimit     = 5
	artefactMargin = 0.01
)

// watched is one metric, the artefact rate, as several judges see it while it comes in.
type watched struct {
	margin       float64
	pairs        sequential.Pairs
	windowPairs  sequential.Pairs
	failedChecks int
	// zRejects is set by a test at 5 % that was made for one look.
	zRejects bool
	verdict  sequential.Verdict
}

// block lets the judges look. It gives the measurement when a window has ended, NaN otherwise.
func (w *watched) block(src *source, size int) (float64, error) {
	measured := math.NaN()
	for range size {
		p := src.next(false, false)
		w.pairs.Observe(p.stableArtefact, p.candidateArtefact)
		w.windowPairs.Observe(p.stableArtefact, p.candidateArtefact)
		if w.windowPairs.N() == window {
			measured = difference(w.windowPairs)
			if measured > w.margin {
				w.failedChecks++
			}
			w.windowPairs = sequential.Pairs{}
		}
	}
	w.zRejects = w.zRejects || w.pairs.N() >= 100 && zScore(w.pairs, w.margin) > z[alpha]
	if anyVerdict(w.verdict) && w.verdict != "" {
		return measured, nil
	}
	var err error
	w.verdict, err = sequential.Decide([]sequential.Gate{w.gate()}, alpha)
	return measured, err
}

func (w *watched) gate() sequential.Gate {
	return sequential.Rate{Name: "artefact-rate-difference", Margin: w.margin, Pairs: w.pairs}
}

func difference(p sequential.Pairs) float64 {
	return float64(p.OnlyCandidate-p.OnlyStable) / float64(p.N())
}

// zScore is that of the paired difference beyond the margin (McNemar's test with a margin).
func zScore(p sequential.Pairs, margin float64) float64 {
	mean := difference(p)
	variance := float64(p.OnlyCandidate+p.OnlyStable)/float64(p.N()) - mean*mean
	return (mean - margin) / math.Sqrt(variance/float64(p.N()))
}

// judges by their names, and whether each has rejected.
var judges = []struct {
	name    string
	rejects func(w *watched) bool
}{
	{"fixed threshold, no failed check allowed", func(w *watched) bool { return w.failedChecks > 0 }},
	{"fixed threshold, 5 failed checks allowed", func(w *watched) bool { return w.failedChecks > oftenLimit }},
	{"z-test at 5 %, looked at every block", func(w *watched) bool { return w.zRejects }},
	{"this operator, α = 5 %", func(w *watched) bool { return w.verdict == sequential.Reject }},
}

// rejectedBy gives, for every judge, the share of rollouts that it has rejected after each window.
func rejectedBy(t traffic, windows, rollouts int, seed uint64) ([][]float64, error) {
	counts := make([][][]bool, rollouts)
	err := each(rollouts, func(i int) error {
		src, w := newSource(t, seed, uint64(i)), &watched{margin: artefactMargin}
		for range windows {
			for left := window; left > 0; {
				size := min(left, src.block())
				left -= size
				if _, err := w.block(src, size); err != nil {
					return err
				}
			}
			now := make([]bool, len(judges))
			for k, j := range judges {
				now[k] = j.rejects(w)
			}
			counts[i] = append(counts[i], now)
		}
		return nil
	})
	shares := make([][]float64, len(judges))
	for k := range judges {
		shares[k] = make([]float64, windows)
		for _, c := range counts {
			for i := range c {
				shares[k][i] += indicator(c[i][k]) / float64(rollouts)
			}
		}
	}
	return shares, err
}

// thresholds prints what each judge does to good and bad candidates within the checks of a rollout, and in five times as long.
func thresholds(out io.Writer, rollouts int, seed uint64) error {
	fmt.Fprintf(out, "| judge | equal versions rejected within %d pairs | within %d | 2 points worse rejected within %d | within %d |\n|---|---|---|---|---|\n",
		checks*window, 5*checks*window, checks*window, 5*checks*window)
	equal, err := rejectedBy(shop, 5*checks, rollouts, seed)
	if err != nil {
		return err
	}
	worse, err := rejectedBy(twoPoints(), 5*checks, rollouts, seed)
	if err != nil {
		return err
	}
	for k, j := range judges {
		fmt.Fprintf(out, "| %s | %.2f %% | %.2f %% | %.1f %% | %.1f %% |\n", j.name,
			100*equal[k][checks-1], 100*equal[k][5*checks-1], 100*worse[k][checks-1], 100*worse[k][5*checks-1])
	}
	return nil
}
