package dice_test

import (
	"slices"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
)

// some are the first numbers of a stream.
func some(s dice.Stream) [8]uint64 {
	var out [8]uint64
	for i := range out {
		out[i] = s.Uint64()
	}
	return out
}

func TestTheSameRowHasTheSameNumbers(t *testing.T) {
	if a, b := some(dice.Roll(1, "train", 2, "body")), some(dice.Roll(1, "train", 2, "body")); a != b {
		t.Errorf("got %v and %v", a, b)
	}
}

func TestEverythingThatNamesAStreamChangesIt(t *testing.T) {
	streams := map[string]dice.Stream{
		"the row itself": dice.Roll(1, "train", 2, "body"),
		"another seed":   dice.Roll(2, "train", 2, "body"),
		"another split":  dice.Roll(1, "test", 2, "body"),
		"another row":    dice.Roll(1, "train", 3, "body"),
		"another part":   dice.Roll(1, "train", 2, "garment"),
		"a longer index": dice.Roll(1, "train", 22, "body"),
	}
	seen := map[[8]uint64]string{}
	for name, s := range streams {
		numbers := some(s)
		if other, ok := seen[numbers]; ok {
			t.Errorf("%s has the numbers of %s", name, other)
		}
		seen[numbers] = name
	}
}

func TestChoicesStayInTheirBoundsAndReachAllOfThem(t *testing.T) {
	s := dice.Roll(7, "train", 0, "choices")
	low, high := 5.0, -3.0
	hits := 0
	var picked [3]int
	const throws = 3000
	for range throws {
		v := s.Between(-3, 5)
		if v < -3 || v >= 5 {
			t.Fatalf("%v is not between -3 and 5", v)
		}
		low, high = min(low, v), max(high, v)
		if s.Chance(0.25) {
			hits++
		}
		picked[dice.Pick(s, []int{0, 1, 2})]++
	}
	if low > -2.9 || high < 4.9 {
		t.Errorf("numbers between %.2f and %.2f only", low, high)
	}
	if share := float64(hits) / throws; share < 0.21 || share > 0.29 {
		t.Errorf("a chance of 0.25 came true in %.2f of the throws", share)
	}
	if fewest := slices.Min(picked[:]); fewest < throws/4 {
		t.Errorf("of three items one was picked %d times in %d", fewest, throws)
	}
	if s.Chance(0) || !s.Chance(1) {
		t.Error("impossible things happen, or certain ones do not")
	}
}
