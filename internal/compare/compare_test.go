package compare_test

import (
	"bytes"
	"testing"

	"github.com/braincreators/tryon-operator/internal/compare"
	"github.com/braincreators/tryon-operator/internal/oip"
)

func TestPicturesAreApartOnlyWhereThereAreTwo(t *testing.T) {
	const n = 16 * 12
	grey := func(level byte, channels int) []byte { return bytes.Repeat([]byte{level}, channels*n) }
	in := oip.TryOn{Person: grey(90, 3), Garment: grey(160, 3), GarmentMask: grey(255, 1)}
	answer := func(level byte) compare.Answer {
		return compare.Answer{Out: oip.Result{Image: grey(level, 3), WarpedMask: grey(255, 1), CompositeMask: grey(255, 1)}, Took: 1}
	}
	failed := compare.Answer{Failed: true}
	for name, c := range map[string]struct {
		stable, candidate compare.Answer
		wantBoth          bool
		wantGarment       float64
	}{
		"both answered":        {answer(100), answer(151), true, 0.2},
		"the same picture":     {answer(100), answer(100), true, 0},
		"no candidate's":       {answer(100), failed, false, 0},
		"no stable version's":  {failed, answer(100), false, 0},
		"neither has answered": {failed, failed, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var comparer compare.Comparer
			pair, err := comparer.Compare(oip.NewSignature(16, 12), in, c.stable, c.candidate)
			if err != nil {
				t.Fatal(err)
			}
			if apart, both := pair.Apart(); both != c.wantBoth || apart.Garment != c.wantGarment || apart.Outside != 0 {
				t.Errorf("%+v, %t", apart, both)
			}
		})
	}
}
