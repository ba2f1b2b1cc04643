package tryondeployment_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
)

// forwards gives what a stable pod says that has the candidate asked, and counts ten requests more each time.
func (p *player) forwards(uid string) *control.Forwards {
	document := p.documents[uid]
	c := document.Candidate
	if c == nil || !p.failing[c.Version] || p.owners[uid] == c.Version {
		return nil
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", uid, document.Generation))
	instance := hex.EncodeToString(sum[:16])
	p.asked[instance] += 5
	n := p.asked[instance]
	return &control.Forwards{Instance: instance, Generation: document.Generation, Version: c.Version, Stable: n, Candidate: n, CandidateFailed: n}
}

func takesBack(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.failing["tops-v2"] = true })
	s.manage()
	key := s.deploy("storefront", "tops", 2, hold(50, time.Hour))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 2 })
	s.pass("tops", 2)
	tod := s.await(key, "tops-v2 is taken back", stageIs(v1alpha1.ReasonForwardsFailed))
	ready := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != metav1.ConditionTrue || reasonOf(tod, v1alpha1.ConditionRolledOut) != v1alpha1.ReasonForwardsFailed || !strings.Contains(ready.Message, "requests that were forwarded to it") {
		s.Errorf("%s: %+v", show(tod), ready)
	}
	if got, want := historyOf(tod), "ForwardsFailed tops-v2, FirstVersion tops-v1"; got != want || len(tod.Status.Rejected) != 1 {
		s.Errorf("history: %s, want %s; rejected %+v", got, want, tod.Status.Rejected)
	}
	if tod.Status.Stable != "tops-v1" || tod.Status.Candidate != nil {
		s.Errorf("status: %s", show(tod))
	}
	s.player.locked(func() { s.player.failing = map[string]bool{} })
	s.annotate(key, names.RetryAnnotation, "its catalogue can be read now")
	s.await(key, "tops-v2 has a share at the second attempt", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonShifting)(tod) && tod.Status.Weight == "50%" && tod.Status.Candidate.AppliedTime != nil
	})
}
