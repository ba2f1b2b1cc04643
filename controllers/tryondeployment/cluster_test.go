package tryondeployment_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/control"
)

func TestInACluster(t *testing.T) {
	config := apitest.Start(t)
	for name, play := range map[string]func(*stage){
		"a version starts, the next takes over, and nothing is left of the first":                takesOver,
		"a candidate that crashes gets nothing and is replaced by the next":                      crashes,
		"a manager that is killed in the middle goes on":                                         restarts,
		"somebody else's Service is not touched":                                                 foreign,
		"a deployment without a version says what it waits for":                                  waits,
		"kubectl scale changes the replicas":                                                     scales,
		"on their work the pods become more, and fewer again":                                    scalesOnWork,
		"with scaling a rollout keeps the number that the work asks for":                         scalesThroughARollout,
		"judged good: it is shadowed, and takes over":                                            promotes,
		"refused: a slow version is shadowed, and rejected":                                      rejects,
		"taken back: a version fails what is forwarded to it":                                    takesBack,
		"across a restart of the manager a judgement goes on":                                    judgesOn,
		"obeyed: pause, abort and a word that is none":                                           obeys,
		"lost evidence is collected anew, and said":                                              losesEvidence,
		"by known requests a version is judged before it has pods":                               replays,
		"enough is not known: that is said, and the spec says what follows":                      replaysTooFew,
		"the dataset is gone: a replay says so and is made when it is back":                      replaysWithoutDataset,
		"futile: a replay whose evidence is refused is said, and the spec says what follows":     replaysForNothing,
		"no shopper comes, and a replay decides":                                                 replaysInstead,
		"reported: a rejection, once, whenever the manager is killed":                            reportsRejection,
		"told: how a promotion came about":                                                       reportsPromotion,
		"unreported: a judgement whose Job is refused holds nothing up":                          reportsNothing,
		"requests are kept once they would be erased, and erased before they are kept elsewhere": keepsAndErases,
		"unwritable: a place that pods cannot write to is said, and they serve":                  saysThatRequestsAreNotKept,
		"unusable: a place with a typo is forgotten, and the old pod serves":                     forgetsWhatWasNeverUsable,
		"permitted: a place is erased once pods may have written there":                          erasesWhatAPodMayHaveKept,
		"in one claim with the garments requests are kept beside them only":                      sharesAClaim,
		"an object goes when its captured requests are erased":                                   erasesBeforeItGoes,
		"unerasable: captured requests are left when somebody says so":                           leavesWhatCannotBeErased,
		"no Job may erase: that is said, and holds nothing up":                                   saysThatErasingIsRefused,
		"with their namespace captured requests go, and do not hold it up":                       goesWithItsNamespace,
		"without room, versions change in place, one pod at a time":                              replaces,
		"calm, a deployment writes nothing, and puts right what others change":                   staysCalm,
	} {
		t.Run(name, func(t *testing.T) {
			play(newStage(t, config, "test-"+strings.ToLower(fmt.Sprintf("%x", name)[:20])))
		})
	}
}

func takesOver(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 2, hold(10, time.Second), hold(50, 0))
	tod := s.await(key, "tops-v1 serves", serves("tops-v1"))
	if tod.Status.Pods != "2/2" || tod.Status.URL != "http://storefront."+key.Namespace+".svc:8080" || tod.Status.Candidate != nil || tod.Status.Weight != "" {
		s.Errorf("status: %s, url %s", show(tod), tod.Status.URL)
	}
	s.player.locked(func() { s.player.promised = 2 })

	s.pass("tops", 2)
	tod = s.await(key, "tops-v2 takes ten percent", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Weight == "10%" })
	if c := tod.Status.Candidate; c == nil || c.Version != "tops-v2" || ptr.Deref(c.Step, -1) != 0 {
		s.Errorf("candidate: %+v", c)
	}
	s.await(key, "tops-v2 serves", func(tod *v1alpha1.TryOnDeployment) bool { return serves("tops-v2")(tod) && tod.Status.Candidate == nil })

	want := []string{
		"v1.ConfigMap storefront-control", "v1.Deployment storefront-tops-v2-2d9766", "v1.NetworkPolicy storefront-ingress",
		"v1.PodDisruptionBudget storefront-serving", "v1.Service storefront", "v1.Service storefront-tops-v2-2d9766",
	}
	if diff := cmp.Diff(want, s.children()); diff != "" {
		s.Errorf("children (-want +got):\n%s", diff)
	}
	config := &corev1.ConfigMap{}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: key.Namespace, Name: "storefront-control"}, config))
	document, err := control.Decode([]byte(config.Data[control.Key]))
	if err != nil || document.Candidate != nil || document.Generation != 5 {
		s.Errorf("control document: %+v, %v; want generation 5 without candidate", document, err)
	}
}

func crashes(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.crashing["tops-v2"] = true })
	s.manage()
	key := s.deploy("storefront", "tops", 1)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })

	s.pass("tops", 2)
	tod := s.await(key, "tops-v2 failed", stageIs(v1alpha1.ReasonCandidateFailed))
	message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady).Message
	if !strings.Contains(message, "loading model.onnx: bad graph") || !strings.Contains(message, "tops-v1 serves on") {
		s.Errorf("message %q lacks the pod's words", message)
	}
	if tod.Status.Stable != "tops-v1" || tod.Status.Weight != "0%" || !meta.IsStatusConditionTrue(tod.Status.Conditions, v1alpha1.ConditionAvailable) {
		s.Errorf("status: %s", show(tod))
	}
	s.pass("tops", 3)
	s.await(key, "tops-v3 serves", serves("tops-v3"))
}

func restarts(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1, hold(10, time.Hour))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })
	s.pass("tops", 2)
	before := s.await(key, "the step is applied", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Candidate != nil && tod.Status.Candidate.AppliedTime != nil
	})
	stop()
	tod := &v1alpha1.TryOnDeployment{}
	s.must(s.Get(s.Context(), key, tod))
	tod.Spec.Replicas = 2
	s.must(s.Update(s.Context(), tod))

	s.manage()
	after := s.await(key, "the second manager has scaled", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Pods == "2/2" })
	if diff := cmp.Diff(before.Status.Candidate, after.Status.Candidate); diff != "" {
		s.Errorf("candidate after the restart (-before +after):\n%s", diff)
	}
	s.must(s.Get(s.Context(), key, tod))
	tod.Spec.Rollout.Steps = nil
	s.must(s.Update(s.Context(), tod))
	s.await(key, "tops-v2 serves", serves("tops-v2"))
}

func foreign(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: s.player.namespace}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "theirs"}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
	s.must(s.Create(s.Context(), theirs))
	s.manage()
	key := s.deploy("storefront", "tops", 1)
	tod := s.await(key, "the conflict is told", stageIs(v1alpha1.ReasonNotOwned))
	if message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady).Message; !strings.Contains(message, "Service storefront exists") {
		s.Errorf("message: %s", message)
	}
	now := &corev1.Service{}
	s.must(s.Get(s.Context(), key, now))
	if diff := cmp.Diff(theirs.Spec.Selector, now.Spec.Selector); diff != "" || now.ResourceVersion != theirs.ResourceVersion {
		s.Errorf("somebody else's Service was changed:\n%s", diff)
	}
	s.must(s.Delete(s.Context(), now))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
}

func waits(s *stage) {
	s.manage()
	key := s.deploy("storefront", "tops", 1)
	s.await(key, "the model is missed", stageIs(v1alpha1.ReasonModelNotFound))
	s.model("tops")
	s.await(key, "a version is missed", stageIs(v1alpha1.ReasonVersionNotReady))
	if children := s.children(); len(children) > 0 {
		s.Errorf("children without a version: %v", children)
	}
	s.pass("tops", 1)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
}

func scales(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 1)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
	s.must(s.SubResource("scale").Update(s.Context(), tod, client.WithSubResourceBody(scale)))
	s.await(key, "three pods are ready", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Pods == "3/3" && serves("tops-v1")(tod) })
	s.must(s.SubResource("scale").Get(s.Context(), tod, scale))
	want := "tryon.braincreators.com/deployment=storefront,tryon.braincreators.com/model-version=tops-v1"
	if scale.Status.Replicas != 3 || scale.Status.Selector != want {
		s.Errorf("scale: %+v", scale.Status)
	}
}

func replaces(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.places = 3 })
	s.manage()
	key := s.deploy("storefront", "tops", 3, hold(60, time.Second))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 3 })
	s.pass("tops", 2)
	tod := s.await(key, "the missing room is said", stageIs(v1alpha1.ReasonCandidateFailed))
	message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady).Message
	if !strings.Contains(message, "Insufficient nvidia.com/gpu") || !strings.Contains(message, "surge is impossible here") || !strings.Contains(message, "rollout.strategy: InPlace would work") {
		s.Errorf("message %q does not say what would work", message)
	}
	s.player.locked(func() { s.player.promised, s.player.shared = 0, 2 })
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Rollout.Strategy = v1alpha1.StrategyInPlace })
	s.await(key, "tops-v2 has the share of a pod", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Weight == "33%" })
	tod = s.await(key, "tops-v2 serves", serves("tops-v2"))
	if tod.Status.Pods != "3/3" {
		s.Errorf("pods %s", tod.Status.Pods)
	}
}
