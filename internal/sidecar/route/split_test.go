package route

import (
	"sync"
	"testing"
)

func TestEveryWeightIsExactOverAnyHundred(t *testing.T) {
	for weight := range 101 {
		s := &split{}
		var sent []int
		for range 250 {
			n := 0
			if s.next(weight) {
				n = 1
			}
			sent = append(sent, n)
		}
		for from := range 150 {
			sum := 0
			for _, n := range sent[from : from+100] {
				sum += n
			}
			if sum != weight {
				t.Fatalf("weight %d: %d of the hundred from %d", weight, sum, from)
			}
		}
	}
}

func TestTheShareIsExactUnderConcurrency(t *testing.T) {
	s := &split{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	sent := 0
	for range 8 {
		wg.Go(func() {
			for range 125 {
				if s.next(37) {
					mu.Lock()
					sent++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if sent != 370 {
		t.Errorf("%d of 1000 were sent, want 370", sent)
	}
}
