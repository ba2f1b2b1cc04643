package route

import (
	"net/http"
	"testing"

	"github.com/braincreators/tryon-operator/internal/control"
)

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
