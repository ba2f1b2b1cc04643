package route

import (
	"net/http"
	"sync"
	"testing"

	"github.com/braincreators/tryon-operator/internal/control"
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

func TestTheShareToCompareIsExactAndNothingIsCopiedTwice(t *testing.T) {
	r := New("tops-v1")
	apply := func(generation int64, version string, percent int) {
		doc := control.New(generation, nil)
		doc.Shadow = &control.Shadow{Epoch: "e", Version: version, Address: "http://h", SamplePercent: percent, LatencyRatio: 1.1}
		if _, err := r.Apply(doc); err != nil {
			t.Fatal(err)
		}
	}
	sampled := func(header http.Header) int {
		n := 0
		for range 200 {
			if r.Sample(header) != nil {
				n++
			}
		}
		return n
	}
	if sampled(nil) != 0 || r.Compared() != nil {
		t.Error("copied without a document")
	}
	apply(1, "tops-v2", 37)
	if got := sampled(nil); got != 74 {
		t.Errorf("%d of 200 are copied, want 74", got)
	}
	for _, name := range []string{HeaderForwarded, HeaderShadow} {
		if sampled(http.Header{name: {"1"}}) != 0 {
			t.Errorf("a request with %s is copied", name)
		}
	}
	apply(2, "tops-v1", 100)
	if sampled(nil) != 0 || r.Compared() != nil {
		t.Error("a pod of the candidate's version compares itself with itself")
	}
}
