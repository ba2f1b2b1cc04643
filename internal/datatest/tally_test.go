package datatest

import "testing"

func TestNumbersInNamesCompareAsNumbers(t *testing.T) {
	for _, pair := range [][2]string{{"list:2", "list:10"}, {"a", "b"}, {"a1", "a1b"}, {"x007", "x8"}, {"", "a"}, {"9", "a"}} {
		if natural(pair[0], pair[1]) >= 0 || natural(pair[1], pair[0]) <= 0 {
			t.Errorf("%q does not come before %q", pair[0], pair[1])
		}
	}
}
