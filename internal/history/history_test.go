package history

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// told is a history as "Reason version", in its order.
func told(history []v1alpha1.HistoryEntry) string {
	var all []string
	for _, e := range history {
		all = append(all, e.Reason+" "+e.Version)
	}
	return strings.Join(all, ", ")
}

func TestAVersionIsRememberedWhenItBeginsToServe(t *testing.T) {
	s := &v1alpha1.TryOnDeploymentStatus{}
	Serve(s, "", false, "", noon)
	Serve(s, "tops-v1", false, "", noon)
	Serve(s, "tops-v1", false, "", noon.Add(time.Minute))
	Serve(s, "tops-v2", false, "every gate is kept", noon.Add(time.Hour))
	Reject(s, v1alpha1.RejectedVersion{Version: "tops-v3", Reason: v1alpha1.ReasonRejected, Message: "slow"}, noon.Add(2*time.Hour))
	Serve(s, "tops-v2", false, "", noon.Add(2*time.Hour))
	Serve(s, "tops-v1", true, "", noon.Add(3*time.Hour))
	if got, want := told(s.History), "Fixed tops-v1, Rejected tops-v3, Promoted tops-v2, FirstVersion tops-v1"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if e := s.History[2]; e.Message != "it took over from tops-v1; every gate is kept" || !e.Time.Time.Equal(noon.Add(time.Hour)) {
		t.Errorf("promotion: %+v", e)
	}
}

func TestAVersionThatServesIsNotRejectedAnyMore(t *testing.T) {
	s := &v1alpha1.TryOnDeploymentStatus{}
	Serve(s, "tops-v1", false, "", noon)
	Reject(s, v1alpha1.RejectedVersion{Version: "tops-v2", Reason: v1alpha1.ReasonAborted, Message: "it was aborted"}, noon)
	Reject(s, v1alpha1.RejectedVersion{Version: "tops-v3", Reason: v1alpha1.ReasonRejected, Message: "slow"}, noon)
	Serve(s, "tops-v2", false, "", noon)
	if len(s.Rejected) != 1 || s.Rejected[0].Version != "tops-v3" {
		t.Errorf("rejected: %+v, want tops-v3 only", s.Rejected)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := &v1alpha1.TryOnDeploymentStatus{}
	for i := range 50 {
		Reject(s, v1alpha1.RejectedVersion{Version: fmt.Sprint("tops-v", i), Reason: v1alpha1.ReasonRejected, Message: strings.Repeat("slow ", 200)}, noon)
	}
	if len(s.History) != maxEntries || len(s.Rejected) != maxRejected || s.Rejected[0].Version != "tops-v49" || s.History[0].Version != "tops-v49" {
		t.Errorf("%d entries, %d rejected, newest %s", len(s.History), len(s.Rejected), s.Rejected[0].Version)
	}
	if n := len([]rune(s.History[0].Message)); n != maxSentence {
		t.Errorf("a message of %d runes, want %d", n, maxSentence)
	}
}

func TestWhatIsNewIsToldOnceAndInItsOrder(t *testing.T) {
	s := &v1alpha1.TryOnDeploymentStatus{}
	Serve(s, "tops-v1", false, "", noon)
	before := s.History
	if got := told(Since(before, nil)); got != "FirstVersion tops-v1" {
		t.Errorf("at first: %s", got)
	}
	Reject(s, v1alpha1.RejectedVersion{Version: "tops-v2", Reason: v1alpha1.ReasonRejected, Message: "slow"}, noon.Add(time.Minute))
	Serve(s, "tops-v3", false, "", noon.Add(time.Hour))
	if got := told(Since(s.History, before)); got != "Rejected tops-v2, Promoted tops-v3" {
		t.Errorf("later: %s", got)
	}
	if got := Since(s.History, s.History); len(got) != 0 {
		t.Errorf("when nothing came: %s", told(got))
	}
}
