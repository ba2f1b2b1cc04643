package route

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/braincreators/tryon-operator/internal/control"
)

func shared(t *testing.T, r *Router, generation int64, weight int) {
	t.Helper()
	if _, err := r.Apply(control.New(generation, &control.Candidate{Version: "tops-v2", Address: "http://h", Weight: weight})); err != nil {
		t.Fatal(err)
	}
}

// end has the next request end in one of two ways, by whose turn it is.
func end(r *Router, stable, candidate Outcome) {
	turn := r.Next(nil, tardy)
	if turn.Candidate == nil {
		turn.End(stable)
		return
	}
	turn.tally.breaker.land(turn.flight, candidate == Answered, time.Now())
	turn.End(candidate)
}

func TestWhatCameOfRequestsIsCountedByWhoseTurnItWas(t *testing.T) {
	for name, c := range map[string]struct {
		stable, candidate Outcome
		want              control.Forwards
	}{
		"all answered":             {Answered, Answered, control.Forwards{Stable: 4, Candidate: 4}},
		"the requests were bad":    {Refused, Refused, control.Forwards{Stable: 4, Candidate: 4}},
		"the clients have left":    {Left, Left, control.Forwards{}},
		"the candidate failed":     {Answered, Failed, control.Forwards{Stable: 4, Candidate: 4, CandidateFailed: 4}},
		"the stable pod failed":    {Failed, Answered, control.Forwards{Stable: 4, StableFailed: 4, Candidate: 4}},
		"neither had a chance":     {Failed, FailedBoth, control.Forwards{Stable: 4, StableFailed: 4, Candidate: 4, CandidateFailed: 4, BothFailed: 4}},
		"the candidate alone left": {Answered, Left, control.Forwards{Stable: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			r := New("tops-v1")
			shared(t, r, 7, 50)
			for range 8 {
				end(r, c.stable, c.candidate)
			}
			c.want.Generation, c.want.Version = 7, "tops-v2"
			if diff := cmp.Diff(&c.want, r.Forwards(), cmpopts.IgnoreFields(control.Forwards{}, "Instance")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestsThatTheShareIsNotAboutAreNotCounted(t *testing.T) {
	r := New("tops-v1")
	r.Next(nil, tardy).End(Answered)
	if got := r.Forwards(); got != nil {
		t.Errorf("without a candidate: %+v", got)
	}
	shared(t, r, 1, 100)
	r.Next(http.Header{HeaderForwarded: {"1"}}, tardy).End(Failed)
	for range 3 * tripAfter {
		end(r, Left, Failed)
	}
	got := r.Forwards()
	if got.Stable != 0 || got.Candidate != 3*tripAfter {
		t.Fatalf("%+v", got)
	}
	// One is on its way, so that the others of the candidate's are answered here.
	r.Next(nil, tardy)
	for range 10 {
		end(r, Left, Answered)
	}
	if again := r.Forwards(); *again != *got {
		t.Errorf("requests that were held back are counted: %+v, want %+v", again, got)
	}
	promoted := New("tops-v2")
	shared(t, promoted, 1, 50)
	if got := promoted.Forwards(); got != nil {
		t.Errorf("a pod of the candidate's version: %+v", got)
	}
}

func TestEachDocumentHasCountsOfItsOwnAndTheCandidateStaysKnown(t *testing.T) {
	r := New("tops-v1")
	shared(t, r, 1, 100)
	late := r.Next(nil, tardy)
	end(r, Answered, Failed)
	end(r, Answered, Failed)
	before := r.Forwards()
	shared(t, r, 2, 50)
	late.tally.breaker.land(late.flight, false, time.Now())
	late.End(Failed)
	got := r.Forwards()
	if got.Instance == before.Instance || len(got.Instance) != 32 || got.Generation != 2 || got.Candidate != 0 {
		t.Errorf("counts %+v came after %+v", got, before)
	}
	if b := r.tally.breaker; b.failures != 3 {
		t.Errorf("%d failures in a row are known of the same candidate, want 3", b.failures)
	}
	if _, err := r.Apply(control.New(3, &control.Candidate{Version: "tops-v3", Address: "http://h3", Weight: 50})); err != nil {
		t.Fatal(err)
	}
	r.Forwards()
	if b := r.tally.breaker; b.failures != 0 {
		t.Errorf("%d failures are known of another candidate", b.failures)
	}
}

func TestATallyStopsWhereMoreShowsNothing(t *testing.T) {
	r := New("tops-v1")
	shared(t, r, 1, 50)
	r.Forwards()
	r.tally.counts.Stable = maxCounted
	end(r, Answered, Answered)
	end(r, Answered, Answered)
	if got := r.Forwards(); got.Stable != maxCounted || got.Candidate != 0 {
		t.Errorf("%+v", got)
	}
}
