package share

import (
	"slices"
	"sync"
	"testing"
)

func TestEveryShareIsExactOverAnyHundred(t *testing.T) {
	for percent := range 101 {
		s := &Deal{}
		var sent []int
		for range 250 {
			n := 0
			if s.Next(percent) {
				n = 1
			}
			sent = append(sent, n)
		}
		for from := range 150 {
			sum := 0
			for _, n := range sent[from : from+100] {
				sum += n
			}
			if sum != percent {
				t.Fatalf("percent %d: %d of the hundred from %d", percent, sum, from)
			}
		}
	}
}

func TestTheShareIsExactUnderConcurrency(t *testing.T) {
	s := &Deal{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	sent := 0
	for range 8 {
		wg.Go(func() {
			for range 125 {
				if s.Next(37) {
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

func TestAShareBeginsInTheMiddle(t *testing.T) {
	d := &Deal{}
	for range 2 {
		var dealt []int
		for i := range 20 {
			if d.Next(10) {
				dealt = append(dealt, i)
			}
		}
		if want := []int{4, 14}; !slices.Equal(dealt, want) {
			t.Errorf("of 20 requests %v are dealt, want %v", dealt, want)
		}
		// What was owed is owed to nobody once there is no share.
		d.Next(90)
		d.Next(0)
	}
}
