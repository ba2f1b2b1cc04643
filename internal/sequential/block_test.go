package sequential

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestImpossibleDifferencesAreRefused(t *testing.T) {
	tests := map[string]Differences{
		"not a number":               {N: 1, Sum: math.NaN(), SumSquares: 1, Max: 1},
		"infinite":                   {N: 1, Sum: math.Inf(1), SumSquares: 1, Max: 1},
		"squares not a number":       {N: 1, Sum: 0.5, SumSquares: math.NaN(), Max: 1},
		"extremes not a number":      {N: 1, Sum: 0.5, SumSquares: 0.25, Min: math.NaN(), Max: 1},
		"negative count":             {N: -1},
		"huge count":                 {N: MaxRequests + 1},
		"sums without pairs":         {Sum: 1},
		"sum beyond the maximum":     {N: 10, Sum: 6, SumSquares: 5, Min: -0.5, Max: 0.5},
		"sum below the minimum":      {N: 10, Sum: -6, SumSquares: 5, Min: -0.5, Max: 0.5},
		"squares too small":          {N: 10, Sum: 5, SumSquares: 2, Min: -1, Max: 1},
		"squares too large":          {N: 10, Sum: 0, SumSquares: 11, Min: -1, Max: 1},
		"negative squares":           {N: 10, Sum: 0, SumSquares: -1, Min: -1, Max: 1},
		"extremes out of range":      {N: 1, Sum: 2, SumSquares: 4, Min: 2, Max: 2},
		"extremes the wrong way":     {N: 2, Sum: 0, SumSquares: 0.5, Min: 0.5, Max: -0.5},
		"more than a state can hold": {N: MaxRequests, Min: 0, Max: 0},
	}
	state := Differences{N: 2, Sum: 0.5, SumSquares: 0.25, Min: 0, Max: 0.5}
	for name, block := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := state.Add(block); !errors.Is(err, ErrInvalid) || got != state {
				t.Errorf("%+v, %v: want the state unchanged and %v", got, err, ErrInvalid)
			}
		})
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), -0.1, 1.1} {
		if got := state; !errors.Is(got.Observe(0.5, x), ErrInvalid) || got != state {
			t.Errorf("a score of %g is counted", x)
		}
	}
}

func TestImpossibleCountsAreRefused(t *testing.T) {
	pairs := Pairs{BothGood: 5}
	for _, block := range []Pairs{{OnlyStable: -1}, {BothBad: MaxRequests + 1}, {BothGood: math.MaxInt64, BothBad: math.MaxInt64}, {BothGood: MaxRequests}} {
		if got, err := pairs.Add(block); !errors.Is(err, ErrInvalid) || got != pairs {
			t.Errorf("%+v: %+v, %v", block, got, err)
		}
	}
	streams := Streams{{Percent: 10, Stable: 9, Candidate: 1}}
	for name, block := range map[string]Streams{
		"no share":         {{Percent: 0, Stable: 1}},
		"the whole share":  {{Percent: 100, Stable: 1}},
		"twice":            {{Percent: 10}, {Percent: 10}},
		"unsorted":         {{Percent: 20}, {Percent: 10}},
		"negative":         {{Percent: 10, Stable: -1}},
		"more bad than is": {{Percent: 10, Candidate: 1, CandidateBad: 2}},
		"too many":         {{Percent: 10, Stable: MaxRequests}, {Percent: 20, Stable: MaxRequests}},
		"full afterwards":  {{Percent: 20, Stable: MaxRequests}},
		"too many shares":  make(Streams, MaxShares+1),
	} {
		if got, err := streams.Add(block); !errors.Is(err, ErrInvalid) || !cmp.Equal(got, streams) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestStreamsAreKeptApartByShare(t *testing.T) {
	a := Streams{{Percent: 50, Stable: 5, Candidate: 5, CandidateBad: 1}}
	b := Streams{{Percent: 10, Stable: 9, StableBad: 2, Candidate: 1}, {Percent: 50, Stable: 1, Candidate: 1}}
	want := Streams{{Percent: 10, Stable: 9, StableBad: 2, Candidate: 1}, {Percent: 50, Stable: 6, Candidate: 6, CandidateBad: 1}}
	for range 2 {
		got, err := a.Add(b)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%v, %s", err, cmp.Diff(want, got))
		}
		a, b = b, a
	}
}

func TestImpossibleLatenciesAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"not JSON":               `{`,
		"an unknown field":       `{"ratio":1.1,"n":0,"first":0,"later":[],"slower":[],"faster":[],"x":1}`,
		"no ratio":               `{"n":1,"first":0,"later":[],"slower":[],"faster":[]}`,
		"negative count":         `{"ratio":1.1,"n":-1,"first":0,"later":[],"slower":[],"faster":[]}`,
		"huge count":             `{"ratio":1.1,"n":99999999999,"first":0,"later":[],"slower":[],"faster":[]}`,
		"first edge too far":     `{"ratio":1.1,"n":1,"first":1000,"later":[],"slower":[],"faster":[]}`,
		"first edge negative":    `{"ratio":1.1,"n":1,"first":-1,"later":[],"slower":[],"faster":[]}`,
		"lengths differ":         `{"ratio":1.1,"n":1,"first":0,"later":[1],"slower":[],"faster":[0]}`,
		"more later than pairs":  `{"ratio":1.1,"n":1,"first":0,"later":[2],"slower":[0],"faster":[0]}`,
		"rising":                 `{"ratio":1.1,"n":2,"first":0,"later":[1,2],"slower":[0,0],"faster":[0,0]}`,
		"candidate rising":       `{"ratio":1.1,"n":2,"first":0,"later":[1,1],"slower":[0,1],"faster":[0,0]}`,
		"more faster than later": `{"ratio":1.1,"n":2,"first":0,"later":[1],"slower":[0],"faster":[2]}`,
		"negative at an edge":    `{"ratio":1.1,"n":2,"first":0,"later":[1],"slower":[-1],"faster":[0]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var l Latencies
			if err := json.Unmarshal([]byte(body), &l); err == nil || l != (Latencies{}) {
				t.Errorf("read as %d pairs, %v", l.N(), err)
			}
		})
	}
	state, err := NewLatencyState(0.95, 1.1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := state.Add(block(t, 1.2, 1)); !errors.Is(err, ErrInvalid) || got != state {
		t.Errorf("a block of another ratio: %v", err)
	}
	l := block(t, 1.1, 3)
	if err := l.Observe(0, time.Second); !errors.Is(err, ErrInvalid) || l.N() != 3 {
		t.Errorf("a latency of 0: %v", err)
	}
}

// block draws pairs of try-on latencies.
func block(t *testing.T, ratio float64, n int) Latencies {
	t.Helper()
	l, err := NewLatencies(ratio)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(uint64(n), 1))
	for range n {
		draw := func() time.Duration { return time.Duration(4e8 * math.Exp(0.5*rng.NormFloat64())) }
		if err := l.Observe(draw(), draw()); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func TestLatenciesCountWhatIsBeyondEveryEdge(t *testing.T) {
	l, err := NewLatencies(2)
	if err != nil {
		t.Fatal(err)
	}
	pairs := [][2]time.Duration{{100 * time.Millisecond, 300 * time.Millisecond}, {time.Second, time.Second}, {time.Hour, time.Microsecond}, {50 * time.Millisecond, 100 * time.Millisecond}}
	for _, p := range pairs {
		if err := l.Observe(p[0], p[1]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range edges {
		var later, slower, faster int64
		for _, p := range pairs {
			s, c := p[0].Seconds() > edge(i), p[1].Seconds()/2 > edge(i)
			if s {
				later++
			}
			if c && !s {
				slower++
			}
			if s && !c {
				faster++
			}
		}
		if l.later[i] != later || l.slower[i] != slower || l.faster[i] != faster {
			t.Fatalf("edge %d (%g s): %d, %d, %d, want %d, %d, %d", i, edge(i), l.later[i], l.slower[i], l.faster[i], later, slower, faster)
		}
	}
}

func TestLatenciesSurviveTheWireWithinTheirBounds(t *testing.T) {
	for n, most := range map[int]int{0: 100, 1: 200, 50: 2 << 10, 1000: 2 << 10} {
		want := block(t, 1.1, n)
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Latencies
		if err := json.Unmarshal(body, &got); err != nil || got != want {
			t.Errorf("%d pairs do not survive: %v", n, err)
		}
		if len(body) > most {
			t.Errorf("%d pairs take %d bytes, want at most %d", n, len(body), most)
		}
	}
}

func TestALatencyStateStaysSmall(t *testing.T) {
	s, err := NewLatencyState(0.95, 1.1)
	if err != nil {
		t.Fatal(err)
	}
	big := block(t, 1.1, 1000)
	for range 100 {
		if s, err = s.Add(big); err != nil {
			t.Fatal(err)
		}
	}
	body, err := json.Marshal(s)
	if err != nil || len(body) > 4<<10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	var got LatencyState
	if err := json.Unmarshal(body, &got); err != nil || got != s {
		t.Errorf("the state does not survive: %v", err)
	}
}

func TestABlockIsNotJudgedAtTheThresholdThatItMakes(t *testing.T) {
	s, err := NewLatencyState(0.95, 1.1)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = s.Add(block(t, 1.1, 500)); err != nil || s.Judged != 0 {
		t.Fatalf("the first block is judged: %d, %v", s.Judged, err)
	}
	late, err := NewLatencies(1.1)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := late.Observe(20*time.Second, 20*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = s.Add(late); err != nil || s.Judged != 100 || s.Later != 100 || s.Slower != 0 || s.Faster != 0 {
		t.Errorf("all 100 exceed the earlier threshold: %d, %d, %d, %d, %v", s.Judged, s.Later, s.Slower, s.Faster, err)
	}
}

func FuzzLatencies(f *testing.F) {
	f.Add([]byte(`{"ratio":1.1,"n":2,"first":10,"later":[1],"slower":[1],"faster":[0]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var l Latencies
		if err := json.Unmarshal(body, &l); err != nil {
			return
		}
		s, err := NewLatencyState(0.95, l.Ratio())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if s, err = s.Add(l); err != nil {
				return
			}
		}
		j, err := Judge([]Gate{Quantile{Name: "latency-p95-ratio", Evidence: &s}}, 0.05, 1)
		if err != nil || j.Message == "" {
			t.Errorf("%+v, %v", j, err)
		}
	})
}
