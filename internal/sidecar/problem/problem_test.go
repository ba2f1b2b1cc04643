package problem

import "testing"

func TestEveryCodeHasItsStatusTitleAndAdvice(t *testing.T) {
	for code, k := range problems {
		if k.status < 400 || k.title == "" || k.advice == "" {
			t.Errorf("%s: %+v", code, k)
		}
	}
}
