package tryondeployment_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/controllers/tryondeployment"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// stage of a test: one namespace of the shared kube-apiserver, with a player.
type stage struct {
	*testing.T
	client.Client
	config *rest.Config
	player *player
}

func newStage(t *testing.T, config *rest.Config, namespace string) *stage {
	t.Helper()
	c := apitest.Client(t, config)
	s := &stage{T: t, Client: c, config: config, player: newPlayer(c, namespace)}
	// The player makes our pods as a Deployment would, so a pod that is not restricted fails the test.
	s.must(c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}))
	s.player.play(t)
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// manage runs a manager; the result kills it.
func (s *stage) manage() (stop func()) {
	s.Helper()
	mgr, err := ctrl.NewManager(s.config, ctrl.Options{
		Scheme: apitest.Scheme(s), Metrics: server.Options{BindAddress: "0"}, Controller: skipNameValidation(),
	})
	s.must(err)
	store := resources.Store{Claim: "tryon-artefacts", URI: "file:///artefacts", Size: resource.MustParse("1Gi")}
	r := &tryondeployment.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("tryon-operator"), Clock: clock.RealClock{},
		Serving: serving.Config{
			Images:    serving.Images{Worker: "example/worker:1", Sidecar: "example/sidecar:1", Runtime: "example/runtime:1"},
			Store:     store,
			Key:       make(ed25519.PublicKey, ed25519.PublicKeySize),
			Namespace: "tryon-system",
		},
		Pods: s.player,
		Runner: &runner.Runner{
			Cached: mgr.GetClient(), Live: mgr.GetAPIReader(), Writer: mgr.GetClient(), Applier: apply.New(mgr.GetClient(), mgr.GetScheme()),
			Config: resources.Config{WorkerImage: "example/worker:1", RuntimeImage: "example/runtime:1", Store: store},
		},
	}
	s.must(r.SetupWithManager(mgr))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			s.Errorf("manager: %v", err)
		}
	}
	s.Cleanup(stop)
	return stop
}

// model makes a TryOnModel.
func (s *stage) model(name string) {
	s.Helper()
	s.must(s.Create(s.Context(), &v1alpha1.TryOnModel{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnModelSpec{
			Method:  v1alpha1.MethodReference{Name: "pf-afn"},
			Dataset: v1alpha1.DatasetSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/vton"}, License: "CC0-1.0"},
		},
	}))
}

// pass makes a version of a model that passed its gates.
func (s *stage) pass(model string, n int64) {
	s.Helper()
	digest := v1alpha1.Digest(fmt.Sprintf("sha256:%064d", n))
	version := &v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Name: names.ModelVersion(model, n), Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnModelVersionSpec{
			Model: v1alpha1.ModelReference{Name: model}, Version: n, Method: "pf-afn",
			Dataset:  v1alpha1.VersionDataset{Name: "ds", Digest: digest},
			Licenses: []string{"CC0-1.0"}, Backend: v1alpha1.BackendJob,
			Stages:  []v1alpha1.MethodStage{{Name: "pf-gen", Image: "trainer", Command: []string{"train"}}},
			Serving: v1alpha1.MethodServing{Stage: "pf-gen", Signature: "tryon/v1"},
		},
	}
	s.must(s.Create(s.Context(), version))
	version.Status.Weights = &v1alpha1.WeightsStatus{Digest: digest}
	version.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, LastTransitionTime: metav1.Now(),
	}}
	s.must(s.Client.Status().Update(s.Context(), version))
}

func (s *stage) deploy(name, model string, replicas int32, steps ...v1alpha1.RolloutStep) client.ObjectKey {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: model}, Replicas: replicas, Rollout: v1alpha1.RolloutSpec{Steps: steps},
		},
	}
	s.must(s.Create(s.Context(), tod))
	return client.ObjectKeyFromObject(tod)
}

// await waits until the TryOnDeployment satisfies a condition, and gives it.
func (s *stage) await(key client.ObjectKey, what string, ok func(*v1alpha1.TryOnDeployment) bool) *v1alpha1.TryOnDeployment {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		if err := s.Get(ctx, key, tod); err != nil {
			return false, err
		}
		return ok(tod), nil
	})
	if err != nil {
		s.Fatalf("waiting until %s: %v\nstatus: %s", what, err, show(tod))
	}
	return tod
}

func show(tod *v1alpha1.TryOnDeployment) string {
	lines := []string{fmt.Sprintf("stable %s, candidate %+v, weight %s, pods %s", tod.Status.Stable, tod.Status.Candidate, tod.Status.Weight, tod.Status.Pods)}
	for _, c := range tod.Status.Conditions {
		lines = append(lines, fmt.Sprintf("  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(lines, "\n")
}

func stageIs(reason string) func(*v1alpha1.TryOnDeployment) bool {
	return func(tod *v1alpha1.TryOnDeployment) bool { return reasonOf(tod, v1alpha1.ConditionReady) == reason }
}

func serves(version string) func(*v1alpha1.TryOnDeployment) bool {
	return func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Stable == version && meta.IsStatusConditionTrue(tod.Status.Conditions, v1alpha1.ConditionReady)
	}
}

func reasonOf(tod *v1alpha1.TryOnDeployment, condition string) string {
	if c := meta.FindStatusCondition(tod.Status.Conditions, condition); c != nil {
		return c.Reason
	}
	return ""
}

// children of a namespace, as kind and name.
func (s *stage) children() []string {
	s.Helper()
	var all []string
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &networkingv1.NetworkPolicyList{}, &policyv1.PodDisruptionBudgetList{},
	} {
		s.must(s.List(s.Context(), list, client.InNamespace(s.player.namespace), client.HasLabels{names.LabelDeployment}))
		s.must(meta.EachListItem(list, func(o runtime.Object) error {
			obj, ok := o.(client.Object)
			if !ok {
				return fmt.Errorf("%T has no metadata", o)
			}
			owner := metav1.GetControllerOf(obj)
			if owner == nil || owner.Kind != "TryOnDeployment" {
				return fmt.Errorf("%T %s has the owner %v", obj, obj.GetName(), owner)
			}
			all = append(all, strings.TrimPrefix(fmt.Sprintf("%T ", obj), "*")+obj.GetName())
			return nil
		}))
	}
	slices.Sort(all)
	return all
}

func hold(weight int32, d time.Duration) v1alpha1.RolloutStep {
	return v1alpha1.RolloutStep{Weight: weight, Hold: &metav1.Duration{Duration: d}}
}

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
		"across a restart of the manager a judgement goes on":                                    judgesOn,
		"obeyed: pause, abort and a word that is none":                                           obeys,
		"lost evidence is collected anew, and said":                                              losesEvidence,
		"by known requests a version is judged before it has pods":                               replays,
		"enough is not known: that is said, and the spec says what follows":                      replaysTooFew,
		"the dataset is gone: a replay says so and is made when it is back":                      replaysWithoutDataset,
		"no shopper comes, and a replay decides":                                                 replaysInstead,
		"reported: a rejection, once, whenever the manager is killed":                            reportsRejection,
		"told: how a promotion came about":                                                       reportsPromotion,
		"unreported: a judgement whose Job is refused holds nothing up":                          reportsNothing,
		"requests are kept once they would be erased, and erased before they are kept elsewhere": keepsAndErases,
		"an object goes when its captured requests are erased":                                   erasesBeforeItGoes,
		"unerasable: captured requests are left when somebody says so":                           leavesWhatCannotBeErased,
		"no Job may erase: that is said, and holds nothing up":                                   saysThatErasingIsRefused,
		"with their namespace captured requests go, and do not hold it up":                       goesWithItsNamespace,
		"without room, versions change in place, one pod at a time":                              replaces,
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
		"v1.ConfigMap storefront-control", "v1.Deployment storefront-tops-v2", "v1.NetworkPolicy storefront-ingress",
		"v1.PodDisruptionBudget storefront-serving", "v1.Service storefront", "v1.Service storefront-tops-v2",
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

func shadow(percent int32) v1alpha1.RolloutStep {
	return v1alpha1.RolloutStep{Shadow: v1alpha1.ShadowStep{SamplePercent: percent}}
}

func historyOf(tod *v1alpha1.TryOnDeployment) string {
	var all []string
	for _, e := range tod.Status.History {
		all = append(all, e.Reason+" "+e.Version)
	}
	return strings.Join(all, ", ")
}

// annotate sets the rollout annotation.
func (s *stage) annotate(key client.ObjectKey, annotation, value string) {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	s.must(s.Get(s.Context(), key, tod))
	patch := client.MergeFrom(tod.DeepCopy())
	tod.Annotations = map[string]string{annotation: value}
	if value == "" {
		tod.Annotations = nil
	}
	s.must(s.Patch(s.Context(), tod, patch))
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

// edit changes the spec.
func (s *stage) edit(key client.ObjectKey, change func(*v1alpha1.TryOnDeploymentSpec)) {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	s.must(s.Get(s.Context(), key, tod))
	patch := client.MergeFrom(tod.DeepCopy())
	change(&tod.Spec)
	s.must(s.Patch(s.Context(), tod, patch))
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

func skipNameValidation() config.Controller {
	return config.Controller{SkipNameValidation: ptr.To(true)}
}
