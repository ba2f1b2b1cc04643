package compare_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

const (
	side = 48
	// usually is how many answers tell what is usual.
	usually = 100
)

var signature = oip.NewSignature(side, side)

// request is a red square that is put on a grey gradient, and worn the right answer.
func request() (in oip.TryOn, worn oip.Result) {
	person, garment, mask := make([]byte, 3*side*side), bytes.Repeat([]byte{250}, 3*side*side), make([]byte, side*side)
	for i := range mask {
		x, y := i%side, i/side
		copy(person[3*i:], []byte{byte(60 + x), byte(60 + y), byte(60 + x/2 + y/2)})
		if x > 12 && x < 36 && y > 14 && y < 42 {
			mask[i] = 255
			copy(garment[3*i:], []byte{200, byte(30 + y), byte(30 + x)})
		}
	}
	image := bytes.Clone(person)
	for i, m := range mask {
		if m != 0 {
			copy(image[3*i:3*i+3], garment[3*i:])
		}
	}
	return oip.TryOn{Person: person, Garment: garment, GarmentMask: mask}, oip.Result{Image: image, WarpedMask: mask, CompositeMask: mask}
}

// answered is the right answer after 100 ms, changed.
func answered(change ...func(*compare.Answer)) compare.Answer {
	_, worn := request()
	worn.Image = bytes.Clone(worn.Image)
	a := compare.Answer{Out: worn, Took: 100 * time.Millisecond, Alone: true}
	for _, c := range change {
		c(&a)
	}
	return a
}

func failed(a *compare.Answer) { *a = compare.Answer{Failed: true, Took: time.Second, Alone: true} }

func black(a *compare.Answer) { clear(a.Out.Image) }

func beside(a *compare.Answer) { a.Alone = false }

func took(d time.Duration) func(*compare.Answer) { return func(a *compare.Answer) { a.Took = d } }

// painted has another head than the photo: no hard fault, but nothing that is usual.
func painted(a *compare.Answer) {
	for i := range 3 * side * 10 {
		a.Out.Image[i] = 255 - a.Out.Image[i]
	}
}

// count compares a pair and gives what it adds to the evidence.
func count(t *testing.T, c *compare.Comparer, stable, candidate compare.Answer) evidence.Totals {
	t.Helper()
	in, _ := request()
	p, err := c.Compare(signature, in, stable, candidate)
	if err != nil {
		t.Fatal(err)
	}
	totals, err := evidence.NewTotals(1.1)
	if err != nil {
		t.Fatal(err)
	}
	p.Add(&totals)
	return totals
}

func TestAPairAddsWhatCanBeSaidOfIt(t *testing.T) {
	for name, tt := range map[string]struct {
		stable, candidate compare.Answer
		errors, artefacts sequential.Pairs
		latencies         int64
		apart             bool
	}{
		"both are right":                        {answered(), answered(), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 1, false},
		"the candidate's picture is black":      {answered(), answered(black), sequential.Pairs{BothGood: 1}, sequential.Pairs{OnlyCandidate: 1}, 1, true},
		"the stable one's picture is black":     {answered(black), answered(), sequential.Pairs{BothGood: 1}, sequential.Pairs{OnlyStable: 1}, 1, true},
		"both pictures are black":               {answered(black), answered(black), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothBad: 1}, 1, false},
		"the candidate fails":                   {answered(), answered(failed), sequential.Pairs{OnlyCandidate: 1}, sequential.Pairs{}, 0, false},
		"the stable version fails":              {answered(failed), answered(), sequential.Pairs{OnlyStable: 1}, sequential.Pairs{}, 0, false},
		"both fail":                             {answered(failed), answered(failed), sequential.Pairs{BothBad: 1}, sequential.Pairs{}, 0, false},
		"the stable one shared its run":         {answered(beside), answered(), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 0, false},
		"the candidate shared its run":          {answered(), answered(beside), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 0, false},
		"the candidate is much later":           {answered(), answered(took(2100 * time.Millisecond)), sequential.Pairs{OnlyCandidate: 1}, sequential.Pairs{}, 0, false},
		"the stable one is much later":          {answered(took(2100 * time.Millisecond)), answered(), sequential.Pairs{OnlyStable: 1}, sequential.Pairs{}, 0, false},
		"many shared the stable one's run":      {answered(took(2100*time.Millisecond), beside), answered(), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 0, false},
		"one is late beside a failure":          {answered(took(time.Minute)), answered(failed), sequential.Pairs{OnlyCandidate: 1}, sequential.Pairs{}, 0, false},
		"no time has passed by this clock":      {answered(took(0)), answered(), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 1, false},
		"a picture is odd and nothing is usual": {answered(), answered(painted), sequential.Pairs{BothGood: 1}, sequential.Pairs{BothGood: 1}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := count(t, &compare.Comparer{}, tt.stable, tt.candidate)
			if diff := cmp.Diff([]sequential.Pairs{tt.errors, tt.artefacts}, []sequential.Pairs{got.Errors, got.Artefacts}); diff != "" || got.Pairs != 1 {
				t.Errorf("%d pairs; errors and artefacts (-want +got):\n%s", got.Pairs, diff)
			}
			if got.Latency.N() != tt.latencies {
				t.Errorf("%d latencies, want %d", got.Latency.N(), tt.latencies)
			}
			if apart := got.Disagreement.Garment.Sum > 0.1; apart != tt.apart {
				t.Errorf("disagreement %+v, apart: want %v", got.Disagreement, tt.apart)
			}
		})
	}
}

func TestAPairSaysHowFarItsPicturesAreApart(t *testing.T) {
	in, _ := request()
	var c compare.Comparer
	for name, tt := range map[string]struct {
		candidate compare.Answer
		both      bool
		garment   bool
		outside   bool
	}{
		"not at all":           {answered(), true, false, false},
		"nowhere but the head": {answered(painted), true, false, true},
		"everywhere":           {answered(black), true, true, true},
		"it has none":          {answered(failed), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := c.Compare(signature, in, answered(), tt.candidate)
			if err != nil {
				t.Fatal(err)
			}
			if got, both := p.Apart(); both != tt.both || (got.Garment > 0) != tt.garment || (got.Outside > 0) != tt.outside {
				t.Errorf("%+v, %t, want apart in the garment: %v, outside: %v", got, both, tt.garment, tt.outside)
			}
		})
	}
}

func TestNothingIsSaidOfAPairThatCannotBeMeasured(t *testing.T) {
	short := answered(func(a *compare.Answer) { a.Out.Image = a.Out.Image[1:] })
	for name, pair := range map[string][2]compare.Answer{"stable": {short, answered()}, "candidate": {answered(), short}} {
		t.Run(name, func(t *testing.T) {
			in, _ := request()
			p, err := new(compare.Comparer).Compare(signature, in, pair[0], pair[1])
			if !errors.Is(err, quality.ErrShape) {
				t.Errorf("error %v, want one that wraps %v", err, quality.ErrShape)
			}
			if apart, both := p.Apart(); both || apart != (quality.Difference{}) {
				t.Errorf("%+v, %t", apart, both)
			}
		})
	}
}

func TestWhatIsUsualIsLearntFromTheStableVersionAlone(t *testing.T) {
	var c compare.Comparer
	for i := range usually {
		if got := count(t, &c, answered(), answered(painted)); got.Artefacts.BothGood != 1 {
			t.Fatalf("pair %d: %+v; an artefact before anything is usual", i, got.Artefacts)
		}
		// A black picture is no example of what is usual, nor is one that failed.
		count(t, &c, answered(black), answered())
		count(t, &c, answered(failed), answered())
	}
	for name, tt := range map[string]struct {
		stable, candidate compare.Answer
		want              sequential.Pairs
	}{
		"the candidate's is unusual": {answered(), answered(painted), sequential.Pairs{OnlyCandidate: 1}},
		"the stable one's is":        {answered(painted), answered(), sequential.Pairs{OnlyStable: 1}},
		"neither is":                 {answered(), answered(), sequential.Pairs{BothGood: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := count(t, &c, tt.stable, tt.candidate).Artefacts; got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
	c.Forget()
	if got := count(t, &c, answered(), answered(painted)).Artefacts; got.BothGood != 1 {
		t.Errorf("%+v; another epoch uses what was learnt in this one", got)
	}
}

func TestACandidateIsWaitedForInProportion(t *testing.T) {
	for _, tt := range []struct{ stable, most, want time.Duration }{
		{0, time.Minute, 2 * time.Second},
		{100 * time.Millisecond, time.Minute, 2 * time.Second},
		{300 * time.Millisecond, time.Minute, 3 * time.Second},
		{time.Second, time.Minute, 10 * time.Second},
		{20 * time.Second, time.Minute, time.Minute},
		{0, time.Second, time.Second},
	} {
		if got := compare.Patience(tt.stable, tt.most); got != tt.want {
			t.Errorf("after %s, at most %s: %s, want %s", tt.stable, tt.most, got, tt.want)
		}
	}
}

func TestASlowerCandidateCountsAsSlower(t *testing.T) {
	got := count(t, &compare.Comparer{}, answered(), answered(took(500*time.Millisecond)))
	if stable, candidate := got.Latency.Quantiles(0.5); candidate < 2*stable {
		t.Errorf("half of the answers took %g s, and of the candidate %g s; want 0.1 and 0.5", stable, candidate)
	}
}
