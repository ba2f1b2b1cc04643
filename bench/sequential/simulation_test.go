package main

import (
	"encoding/xml"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/judge"
)

const testSeed = 7

// mostOf is a count that n trials of probability p exceed less than once in a thousand test runs.
func mostOf(n int, p float64) int {
	mean := float64(n) * p
	return int(mean + 3.1*math.Sqrt(mean*(1-p)))
}

func TestWrongVerdictsAreRarerThanAlpha(t *testing.T) {
	for _, sc := range scenarios() {
		if strings.HasPrefix(sc.name, "outside") {
			continue // no promise is made
		}
		t.Run(sc.name, func(t *testing.T) {
			const rollouts = 200
			got, err := sc.run(rollouts, testSeed)
			if err != nil {
				t.Fatal(err)
			}
			if most := mostOf(rollouts, alpha); got.promoted > most && !sc.past || got.rejected > most {
				t.Errorf("of %d rollouts %d were promoted and %d rejected, want at most %d each", rollouts, got.promoted, got.rejected, most)
			}
		})
	}
}

// A simulation that can only pass would prove nothing: judges that are too eager must fail by the same count.
func TestTheSimulationSeesATestThatIsTooEager(t *testing.T) {
	shares, err := rejectedBy(with(func(t *traffic) { t.moreArtefacts = 0.01 }), 20, 200, testSeed)
	if err != nil {
		t.Fatal(err)
	}
	for k, j := range judges {
		share := shares[k][19]
		if eager := j.name != "this operator, α = 5 %"; eager != (int(share*200) > mostOf(200, alpha)) {
			t.Errorf("%s rejects %.1f %% of the candidates at the margin", j.name, 100*share)
		}
	}
}

func TestDifferencesAreFoundWithTheSamplesOfAFixedTest(t *testing.T) {
	for _, q := range questions() {
		t.Run(q.name, func(t *testing.T) {
			times, err := q.times(100, testSeed)
			if err != nil {
				t.Fatal(err)
			}
			var mean float64
			for _, n := range times {
				mean += float64(n) / float64(len(times))
			}
			if fixed := q.fixedHorizon(0.9); mean > 1.5*fixed {
				t.Errorf("found after %.0f pairs on average; the fixed test takes %.0f", mean, fixed)
			}
			if !slices.IsSorted(times) || times[len(times)-1] == 50_000 {
				t.Errorf("not found at all in some rollouts: the last times are %v", times[95:])
			}
		})
	}
}

// What is proven at one α is promised at that one.
func TestTheSimulatedLevelIsTheOperators(t *testing.T) {
	if alpha != judge.Alpha {
		t.Errorf("α is %g in the simulation and %g in the operator", alpha, judge.Alpha)
	}
}

func TestASeedDecidesEveryNumber(t *testing.T) {
	q := questions()[6]
	first, err := q.times(20, testSeed)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := q.times(20, testSeed); err != nil || !slices.Equal(first, again) {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
}

func TestFiguresAreWellFormed(t *testing.T) {
	dir := t.TempDir()
	if err := figures(dir, 20, testSeed); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"statistics-watching.svg", "statistics-wrong.svg"} {
		picture, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var svg struct {
			Paths []struct{} `xml:"path"`
		}
		if err := xml.Unmarshal(picture, &svg); err != nil || len(svg.Paths) < 8 || strings.Contains(string(picture), "NaN") {
			t.Errorf("%s: %d paths, %v", name, len(svg.Paths), err)
		}
	}
}
