package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// scenario is a kind of rollout and the verdict that is wrong for it.
type scenario struct {
	name string
	traffic
	margins
	horizon int
	// part of the rollouts is simulated: 1 all, 10 a tenth.
	part int
	// past lets the watch go on after a promotion, as an impatient reader might.
	past bool
}

func with(change func(t *traffic)) traffic {
	t := shop
	change(&t)
	return t
}

func drifting(t traffic) traffic { t.drift = true; return t }

// scenarios are rollouts of candidates that are as good as the stable version, or exactly at a margin.
func scenarios() []scenario {
	latencyAt := with(func(t *traffic) { t.slower = 1.1 })
	errorsAt := with(func(t *traffic) { t.moreErrors = 0.002 })
	artefactsAt := with(func(t *traffic) { t.moreArtefacts = 0.01 })
	scoresAt := with(func(t *traffic) { t.worse = 0.02 })
	wide := with(func(t *traffic) { t.spikes, t.wider = 0, 1.3 })
	spells := with(func(t *traffic) { t.slower, t.spells = 1.1, 0.2 })
	return []scenario{
		{"A/A, margins of the sample, three gates", shop, sampleMargins, 2000, 1, true},
		{"p95 at its margin 1.10", latencyAt, margins{latency: 1.1}, 2000, 1, false},
		{"artefacts at their margin 0.01", artefactsAt, margins{artefacts: at(0.01)}, 4000, 1, false},
		{"errors at their margin 0.002", errorsAt, margins{errors: at(0.002)}, 5000, 1, false},
		{"quality proxy at its margin 0.02, skewed", scoresAt, margins{mean: at(0.02)}, 2000, 1, false},
		{"artefacts at their margin, rates swing by half", drifting(artefactsAt), margins{artefacts: at(0.01)}, 4000, 4, false},
		{"the same in a weighted rollout, 10 %", drifting(artefactsAt), margins{artefacts: at(0.01), percent: 10}, 10_000, 4, false},
		{"p95 at its margin, load swings by half", drifting(latencyAt), margins{latency: 1.1}, 2000, 10, false},
		{"A/A without slack: errors and artefacts, margin 0", shop, margins{errors: at(0), artefacts: at(0)}, 4000, 10, true},
		{"A/A without slack: p95, margin 1.00", shop, margins{latency: 1}, 2000, 10, true},
		{"outside the assumptions: same p95, other shape", wide, margins{latency: 1}, 2000, 10, false},
		{"outside the assumptions: slow spells of one version", spells, margins{latency: 1.1}, 2000, 10, false},
	}
}

// tally counts the verdicts of many rollouts.
type tally struct{ promoted, rejected int }

// run judges rollouts of a scenario.
func (sc scenario) run(rollouts int, seed uint64) (tally, error) {
	stops := anyVerdict
	if sc.past {
		stops = onlyRejection
	}
	verdicts := make([]sequential.Verdict, rollouts)
	err := each(rollouts, func(i int) (err error) {
		verdicts[i], _, err = rollout(newSource(sc.traffic, seed, uint64(i)), sc.margins, sc.horizon, stops)
		return err
	})
	var t tally
	for _, v := range verdicts {
		switch v {
		case sequential.Promote:
			t.promoted++
		case sequential.Reject:
			t.rejected++
		}
	}
	return t, err
}

// wrongVerdicts prints how often each scenario whose name contains only ends in a verdict that is wrong.
func wrongVerdicts(out io.Writer, only string, rollouts int, seed uint64) error {
	fmt.Fprintln(out, "| candidate | rollouts | pairs | wrongly promoted | wrongly rejected |")
	fmt.Fprintln(out, "|---|---|---|---|---|")
	for _, sc := range scenarios() {
		if !strings.Contains(sc.name, only) {
			continue
		}
		t, err := sc.run(rollouts/sc.part, seed)
		if err != nil {
			return fmt.Errorf("simulating %s: %w", sc.name, err)
		}
		share := func(n int) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(rollouts/sc.part)) }
		promoted := share(t.promoted)
		if sc.past {
			promoted = "–"
		}
		fmt.Fprintf(out, "| %s | %d | %d | %s | %s |\n", sc.name, rollouts/sc.part, sc.horizon, promoted, share(t.rejected))
	}
	return nil
}
