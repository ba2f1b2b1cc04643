package tryondeployment_test

import (
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

func shadow(percent int32) v1alpha1.RolloutStep {
	return v1alpha1.RolloutStep{Shadow: v1alpha1.ShadowStep{SamplePercent: percent}}
}

func promotes(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 2, shadow(20), hold(50, time.Second))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 2 })
	s.pass("tops", 2)
	tod := s.await(key, "tops-v2 is judged", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonShadowing)(tod) && tod.Status.Judgement != nil
	})
	if tod.Status.Weight != "shadow 20%" || tod.Status.Judgement.Candidate != "tops-v2" || len(tod.Status.Judgement.Gates) != 3 {
		s.Errorf("weight %s, judgement %+v", tod.Status.Weight, tod.Status.Judgement)
	}
	tod = s.await(key, "tops-v2 serves", func(tod *v1alpha1.TryOnDeployment) bool { return serves("tops-v2")(tod) && tod.Status.Candidate == nil })
	if got, want := historyOf(tod), "Promoted tops-v2, FirstVersion tops-v1"; got != want {
		s.Errorf("history: %s, want %s", got, want)
	}
	if j := tod.Status.Judgement; j.Verdict != "Promote" || j.Gates[0].High == nil {
		s.Errorf("judgement: %+v", j)
	}
	if !slices.Contains(s.children(), "v1.ConfigMap storefront-evidence") {
		s.Errorf("children: %v", s.children())
	}
}

func rejects(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.slower["tops-v2"] = 0.5 })
	s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(100), hold(50, time.Second))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })
	s.pass("tops", 2)
	tod := s.await(key, "tops-v2 is rejected", stageIs(v1alpha1.ReasonRejected))
	if tod.Status.Stable != "tops-v1" || tod.Status.Weight != "" || !serves("tops-v1")(tod) || reasonOf(tod, v1alpha1.ConditionRolledOut) != v1alpha1.ReasonRejected {
		s.Errorf("status: %s", show(tod))
	}
	message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionRolledOut).Message
	if !strings.Contains(message, "latency-p95-ratio") || !strings.Contains(message, "worse than the margin") {
		s.Errorf("message %q does not say which gate was missed", message)
	}
	if got, want := historyOf(tod), "Rejected tops-v2, FirstVersion tops-v1"; got != want || len(tod.Status.Rejected) != 1 {
		s.Errorf("history: %s, want %s; rejected %+v", got, want, tod.Status.Rejected)
	}
	var deployments appsv1.DeploymentList
	s.must(s.List(s.Context(), &deployments, client.InNamespace(key.Namespace)))
	if len(deployments.Items) != 1 {
		s.Errorf("%d Deployments are left, want the stable one", len(deployments.Items))
	}
	s.player.locked(func() { s.player.slower = map[string]float64{} })
	s.annotate(key, names.RetryAnnotation, "the node was slow")
	s.await(key, "tops-v2 serves at the second attempt", serves("tops-v2"))
}

func judgesOn(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.silent = true })
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(20))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })
	s.pass("tops", 2)
	before := s.await(key, "tops-v2 is judged", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonShadowing)(tod) && tod.Status.Judgement != nil && tod.Status.Candidate.AppliedTime != nil
	})
	stop()
	s.player.locked(func() { s.player.silent = false })
	s.manage()
	after := s.await(key, "tops-v2 serves", serves("tops-v2"))
	b, a := before.Status.Judgement, after.Status.Judgement
	if b.Epoch != a.Epoch || !b.SinceTime.Equal(a.SinceTime) || a.Restarts != nil {
		s.Errorf("the judgement began anew: %+v, then %+v", b, a)
	}
}

func losesEvidence(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.silent = true })
	s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(20))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	before := s.await(key, "tops-v2 is judged", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonShadowing)(tod) && tod.Status.Judgement != nil
	})
	ledger := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "storefront-evidence", Namespace: key.Namespace}}
	s.must(s.Patch(s.Context(), ledger, client.RawPatch(types.MergePatchType, []byte(`{"data":{"evidence.json":"{"}}`))))
	tod := s.await(key, "the loss is said", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Judgement.Restarts != nil && stageIs(v1alpha1.ReasonShadowing)(tod)
	})
	if tod.Status.Judgement.Epoch == before.Status.Judgement.Epoch || *tod.Status.Judgement.Restarts != 1 {
		s.Errorf("judgement after the loss: %+v", tod.Status.Judgement)
	}
	s.player.locked(func() { s.player.silent = false })
	s.await(key, "tops-v2 serves", serves("tops-v2"))
}

func obeys(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 1, hold(10, time.Hour))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.annotate(key, names.RolloutAnnotation, "Stop")
	s.await(key, "the word is reported", func(tod *v1alpha1.TryOnDeployment) bool {
		return reasonOf(tod, v1alpha1.ConditionCommanded) == v1alpha1.ReasonUnknownCommand
	})
	s.pass("tops", 2)
	held := s.await(key, "a word that is no command holds the candidate", stageIs(v1alpha1.ReasonPaused))
	if c := meta.FindStatusCondition(held.Status.Conditions, v1alpha1.ConditionReady); held.Status.Weight != "0%" || !strings.Contains(c.Message, `is "Stop" and must be Pause, Abort or Promote`) {
		s.Errorf("weight %q, Ready %q", held.Status.Weight, c.Message)
	}
	s.annotate(key, names.RolloutAnnotation, "")
	s.await(key, "tops-v2 has ten percent", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Weight == "10%" })
	s.annotate(key, names.RolloutAnnotation, "Pause")
	s.await(key, "the rollout is paused", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonPaused)(tod) && tod.Status.Weight == "10%" && reasonOf(tod, v1alpha1.ConditionCommanded) == v1alpha1.ReasonCommandInForce
	})
	s.annotate(key, names.RolloutAnnotation, "Abort")
	tod := s.await(key, "tops-v2 is given up", stageIs(v1alpha1.ReasonRejected))
	if got, want := historyOf(tod), "Aborted tops-v2, FirstVersion tops-v1"; got != want {
		s.Errorf("history: %s, want %s", got, want)
	}
	s.annotate(key, names.RolloutAnnotation, "")
	tod = s.await(key, "the command is gone", func(tod *v1alpha1.TryOnDeployment) bool { return reasonOf(tod, v1alpha1.ConditionCommanded) == "" })
	if !stageIs(v1alpha1.ReasonRejected)(tod) {
		s.Errorf("the aborted version is tried again: %s", show(tod))
	}
}
