package datatest

import "testing"

func TestNumbersInNamesCompareAsNumbers(t *testing.T) {
	for _, pair := range [][2]string{{"list:2", "list:10"}, {"a", "b"}, {"a1", "a1b"}, {"x007", "x8"}, {"", "a"}, {"9", "a"}} {
		if natural(pair[0], pair[1]) >= 0 || natural(pair[1], pair[0]) <= 0 {
			t.Errorf("%q does not come before %q", pair[0], pair[1])
		}
	}
}

func TestAFindingCountsInTheRightNumber(t *testing.T) {
	for offenders, want := range map[int64]string{0: "280 persons, none offends", 1: "1 of 280 persons offends, 0 allowed", 2: "2 of 280 persons offend, 0 allowed"} {
		r := Result{Severity: Block, Unit: "persons", Examined: 280, Offenders: offenders}
		if got := r.Finding(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
