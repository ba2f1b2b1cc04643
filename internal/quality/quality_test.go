package quality

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// drawn is a request and an answer of any pixels, with masks of a torso's size.
func drawn(height, width int) (Request, Answer) {
	random := rand.New(rand.NewPCG(uint64(height), uint64(width)))
	bytes := func(n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(random.Uint32())
		}
		return out
	}
	mask := func() []byte {
		out := make([]byte, height*width)
		for y := height / 4; y < height*3/4; y++ {
			for x := width / 4; x < width*3/4; x++ {
				out[y*width+x] = 255
			}
		}
		return out
	}
	n := height * width
	return Request{Height: height, Width: width, Person: bytes(3 * n), Garment: bytes(3 * n), GarmentMask: mask()},
		Answer{Image: bytes(3 * n), WarpedMask: mask(), CompositeMask: mask()}
}

func TestTensorsOfTheWrongSizeAreRefused(t *testing.T) {
	cases := map[string]func(r *Request, a *Answer){
		"no pixels":                func(r *Request, a *Answer) { *r, *a = Request{}, Answer{} },
		"zero height":              func(r *Request, _ *Answer) { r.Height = 0 },
		"negative sides":           func(r *Request, _ *Answer) { r.Height, r.Width = -r.Height, -r.Width },
		"sides that overflow":      func(r *Request, _ *Answer) { r.Height, r.Width = math.MaxInt, math.MaxInt },
		"person cut off":           func(r *Request, _ *Answer) { r.Person = r.Person[1:] },
		"garment missing":          func(r *Request, _ *Answer) { r.Garment = nil },
		"garment mask of channels": func(r *Request, _ *Answer) { r.GarmentMask = r.Person },
		"image too long":           func(_ *Request, a *Answer) { a.Image = append(a.Image, 0) },
		"image missing":            func(_ *Request, a *Answer) { a.Image = nil },
		"empty warped mask":        func(_ *Request, a *Answer) { a.WarpedMask = []byte{} },
		"composite mask too short": func(_ *Request, a *Answer) { a.CompositeMask = a.CompositeMask[:7] },
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			r, a := drawn(16, 12)
			right := a
			spoil(&r, &a)
			var m Meter
			if _, err := m.Measure(r, a); !errors.Is(err, ErrShape) {
				t.Errorf("Measure: %v, want ErrShape", err)
			}
			if _, err := Disagreement(r, right, a); !errors.Is(err, ErrShape) {
				t.Errorf("Disagreement: %v, want ErrShape", err)
			}
		})
	}
}

func fill(mask []byte, v byte) {
	for i := range mask {
		mask[i] = v
	}
}

func TestWhatCannotBeMeasuredIsAbsentAndTheRestIsBounded(t *testing.T) {
	always := []Proxy{FrameDiff, Dark, Flat}
	cases := map[string]struct {
		spoil func(r *Request, a *Answer)
		known []Proxy
	}{
		"no by-products":       {func(_ *Request, a *Answer) { a.WarpedMask, a.CompositeMask = nil, nil }, append(always, BorderDiff)},
		"composite mask alone": {func(_ *Request, a *Answer) { a.WarpedMask = nil }, append(always, BorderDiff)},
		"empty warped mask":    {func(_ *Request, a *Answer) { fill(a.WarpedMask, 0) }, append(always, BorderDiff, WarpAreaRatio)},
		"full warped mask": {
			func(_ *Request, a *Answer) { fill(a.WarpedMask, 255) },
			append(always, WarpAreaRatio, NoEffect, HistDistGarment, MeanColourDist, OldHistAffinity, SharpDrop),
		},
		"empty garment mask": {
			func(r *Request, _ *Answer) { fill(r.GarmentMask, 0) },
			append(always, BorderDiff, OutsideChange, FaceBandDiff, HeadMax, NoEffect),
		},
		"empty composite mask": {
			func(_ *Request, a *Answer) { fill(a.CompositeMask, 0) },
			append(always, BorderDiff, OutsideChange, FaceBandDiff, HeadMax, NoEffect, WarpAreaRatio, HistDistGarment, MeanColourDist, OldHistAffinity, SharpDrop),
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, a := drawn(64, 48)
			c.spoil(&r, &a)
			var m Meter
			s, err := m.Measure(r, a)
			if err != nil {
				t.Fatal(err)
			}
			want := map[Proxy]bool{}
			for _, p := range c.known {
				want[p] = true
			}
			for p := range proxies {
				if _, known := s.Get(p); known != want[p] && p != SkinLost {
					t.Errorf("%s is measured: %v, want %v", p, known, want[p])
				}
			}
			bounded(t, s)
		})
	}
}

func bounded(t *testing.T, s Scores) {
	t.Helper()
	for p, v := range s.All() {
		low, high := 0.0, 1.0
		switch p {
		case OldHistAffinity, SharpDrop:
			low = -1
		case WarpAreaRatio:
			high = 4
		}
		if !(v >= low && v <= high) {
			t.Errorf("%s is %v, outside %v..%v", p, v, low, high)
		}
	}
}

func TestEveryProxyStaysInItsRangeWhateverTheBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var m Meter
	for range 300 {
		r, a := drawn(8+random.IntN(60), 8+random.IntN(60))
		for _, tensor := range [][]byte{r.Person, r.Garment, r.GarmentMask, a.Image, a.WarpedMask, a.CompositeMask} {
			switch random.IntN(5) {
			case 0:
				fill(tensor, 0)
			case 1:
				fill(tensor, 255)
			case 2:
				for i := range tensor {
					tensor[i] = byte(i%2) * 255
				}
			case 3:
				clear(tensor)
				tensor[random.IntN(len(tensor))] = 255
			}
		}
		s, err := m.Measure(r, a)
		if err != nil {
			t.Fatal(err)
		}
		bounded(t, s)
		d, err := Disagreement(r, a, Answer{Image: r.Person})
		if err != nil || !(d.Garment >= 0 && d.Garment <= 1 && d.Outside >= 0 && d.Outside <= 1) {
			t.Errorf("disagreement %+v, %v", d, err)
		}
	}
}

func TestAMeterThatWasUsedForAnotherSizeMeasuresTheSame(t *testing.T) {
	var used Meter
	for _, side := range []int{80, 16, 64, 8} {
		r, a := drawn(side, side)
		got, err := used.Measure(r, a)
		if err != nil {
			t.Fatal(err)
		}
		want, err := new(Meter).Measure(r, a)
		if err != nil || got != want {
			t.Errorf("at %d: %+v, want %+v, %v", side, got, want, err)
		}
	}
}

func TestMeasuringAgainAllocatesNothing(t *testing.T) {
	r, a := drawn(64, 48)
	var m Meter
	if n := testing.AllocsPerRun(5, func() {
		s, err := m.Measure(r, a)
		_, _ = Artefact(s, Reference{})
		if err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWearingTheSameAgainIsNoFault(t *testing.T) {
	c := cases(t)[0]
	// The person of the truth asks for the garment that the truth shows, and rightly gets the same picture back.
	again := c.Request
	again.Person = c.truth.Image
	var m Meter
	s, err := m.Measure(again, c.truth)
	if err != nil || s.Fault() != NoFault {
		t.Errorf("fault %q, %v", s.Fault(), err)
	}
}

func TestACopiedPhotoIsFoundWithoutByproducts(t *testing.T) {
	c := cases(t)[0]
	var m Meter
	s, err := m.Measure(c.Request, Answer{Image: c.Person})
	if err != nil || s.Fault() != FaultNoOp {
		t.Errorf("fault %q, %v; want no-op", s.Fault(), err)
	}
}

func TestAModelCannotHideAMissingGarmentBehindItsCompositeMask(t *testing.T) {
	c := cases(t)[0]
	var m Meter
	s, err := m.Measure(c.Request, Answer{Image: c.other.Person, WarpedMask: c.truth.WarpedMask, CompositeMask: make([]byte, c.pixels())})
	if v, measured := s.Get(MeanColourDist); err != nil || !measured || v == 0 {
		t.Errorf("the colours are measured: %v, %v", measured, err)
	}
}

func TestDisagreementTellsGarmentFromOutside(t *testing.T) {
	r, a := drawn(16, 12)
	b := a
	b.Image = append([]byte(nil), a.Image...)
	for i, v := range a.WarpedMask {
		if v == 0 {
			b.Image[3*i] ^= 0xff
		}
	}
	d, err := Disagreement(r, a, b)
	if err != nil || d.Garment != 0 || d.Outside <= 0.05 {
		t.Errorf("%+v, %v", d, err)
	}
	fill(a.Image, 0)
	fill(b.Image, 255)
	if d, err = Disagreement(r, a, b); err != nil || d != (Difference{Garment: 1, Outside: 1}) {
		t.Errorf("black and white: %+v, %v", d, err)
	}
	a.WarpedMask, b.WarpedMask = nil, nil
	if d, err = Disagreement(r, a, b); err != nil || d != (Difference{Outside: 1}) {
		t.Errorf("without masks: %+v, %v", d, err)
	}
}

func TestAReferenceOfFewCasesKnowsNothing(t *testing.T) {
	if r := MakeReference(scores(t)[asTruth][:leastCases-1]); r != (Reference{}) {
		t.Errorf("%+v", r)
	}
}

func BenchmarkMeasure(b *testing.B) {
	r, a := drawn(256, 192)
	var m Meter
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Measure(r, a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDisagreement(b *testing.B) {
	r, a := drawn(256, 192)
	other := Answer{Image: r.Person}
	for b.Loop() {
		if _, err := Disagreement(r, a, other); err != nil {
			b.Fatal(err)
		}
	}
}
