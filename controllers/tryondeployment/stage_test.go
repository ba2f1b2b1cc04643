package tryondeployment_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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

// edit changes the spec.
func (s *stage) edit(key client.ObjectKey, change func(*v1alpha1.TryOnDeploymentSpec)) {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	s.must(s.Get(s.Context(), key, tod))
	patch := client.MergeFrom(tod.DeepCopy())
	change(&tod.Spec)
	s.must(s.Patch(s.Context(), tod, patch))
}

func skipNameValidation() config.Controller {
	return config.Controller{SkipNameValidation: ptr.To(true)}
}
