package main

import (
	"fmt"
	"io"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// scenario is a kind of rollout and the verdict that is wrong for it.
type scenario struct {
	name string
	traffic
	margins
	horizon int
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
		{"A/A, margins of the sample, three gates", shop, sampleMargins, 3000, true},
		{"A/A, no slack at all: latency at most 1.00", shop, margins{latency: 1}, 3000, true},
		{"A/A, no slack at all: errors and artefacts", shop, margins{errors: at(0), artefacts: at(0)}, 10_000, true},
		{"p95 at its margin 1.10", latencyAt, margins{latency: 1.1}, 3000, false},
		{"p95 at its margin, drifting load", drifting(latencyAt), margins{latency: 1.1}, 3000, false},
		{"errors at their margin 0.002", errorsAt, margins{errors: at(0.002)}, 20_000, false},
		{"artefacts at their margin 0.01", artefactsAt, margins{artefacts: at(0.01)}, 10_000, false},
		{"artefacts at their margin, drifting rates", drifting(artefactsAt), margins{artefacts: at(0.01)}, 10_000, false},
		{"quality proxy at its margin 0.02, skewed", scoresAt, margins{mean: at(0.02)}, 5000, false},
		{"outside the assumptions: same p95, wider spread", wide, margins{latency: 1}, 3000, false},
		{"outside the assumptions: slow spells of 200 requests", spells, margins{latency: 1.1}, 3000, false},
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

// wrongVerdicts prints how often each scenario ends in a verdict that is wrong.
func wrongVerdicts(out io.Writer, rollouts int, seed uint64) error {
	fmt.Fprintln(out, "| rollouts | pairs | wrongly promoted | wrongly rejected |")
	fmt.Fprintln(out, "|---|---|---|---|")
	for _, sc := range scenarios() {
		t, err := sc.run(rollouts, seed)
		if err != nil {
			return fmt.Errorf("simulating %s: %w", sc.name, err)
		}
		promoted := fmt.Sprintf("%.2f %%", 100*float64(t.promoted)/float64(rollouts))
		if sc.past {
			promoted = "–"
		}
		fmt.Fprintf(out, "| %s | %d | %s | %.2f %% |\n", sc.name, sc.horizon, promoted, 100*float64(t.rejected)/float64(rollouts))
	}
	return nil
}
