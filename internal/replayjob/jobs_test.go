package replayjob

import (
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
)

func TestOnlyThePolicyThatWasSeenIsDeleted(t *testing.T) {
	c := apitest.Client(t, apitest.Start(t))
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "default", UID: "tod"}}
	create := func() *networkingv1.NetworkPolicy {
		t.Helper()
		policy := serving.MakeReplayPolicy(tod)
		if err := controllerutil.SetControllerReference(tod, policy, c.Scheme()); err != nil {
			t.Fatal(err)
		}
		if err := c.Create(t.Context(), policy); err != nil {
			t.Fatal(err)
		}
		return policy
	}
	first := create()
	if err := c.Delete(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second := create()

	if err := (&Jobs{Client: c}).Clear(t.Context(), tod, &Seen{Policy: first}); !apierrors.IsConflict(err) {
		t.Errorf("clearing what another has replaced gives %v, want a conflict, after which it is looked at again", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(second), &networkingv1.NetworkPolicy{}); err != nil {
		t.Errorf("the new policy: %v", err)
	}
	if err := (&Jobs{Client: c}).Clear(t.Context(), tod, &Seen{Policy: second}); err != nil {
		t.Errorf("clearing: %v", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(second), &networkingv1.NetworkPolicy{}); !apierrors.IsNotFound(err) {
		t.Errorf("after clearing: %v, want not found", err)
	}
}

func storefront() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "tod"},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: "tops"}},
	}
}

// cluster holds some objects.
func cluster(t *testing.T, objects ...client.Object) *Jobs {
	t.Helper()
	scheme := apitest.Scheme(t)
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithTypeConverters(managedfields.NewDeducedTypeConverter())
	// A Job without a pod is asked about in its events; there are none.
	for _, field := range []string{"involvedObject.name", "involvedObject.kind", "type"} {
		builder.WithIndex(&corev1.Event{}, field, func(client.Object) []string { return nil })
	}
	c := builder.Build()
	store := resources.Store{Claim: "tryon-artefacts", URI: "file:///artefacts", Size: resource.MustParse("1Gi")}
	return &Jobs{
		Client:  c,
		Run:     &runner.Runner{Cached: c, Live: c, Writer: c, Applier: apply.New(c, scheme), Config: resources.Config{Store: store}},
		Serving: serving.Config{Images: serving.Images{Worker: "worker:1", Runtime: "runtime:1"}, Store: store},
	}
}

// stable is the record of the stable version, trained on the dataset of that name.
func stable(dataset string) *v1alpha1.TryOnModelVersion {
	return &v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Name: "tops-v1", Namespace: "shop"},
		Spec:       v1alpha1.TryOnModelVersionSpec{Dataset: v1alpha1.VersionDataset{Name: dataset}},
	}
}

func dataset() *v1alpha1.TryOnDatasetVersion {
	return &v1alpha1.TryOnDatasetVersion{
		ObjectMeta: metav1.ObjectMeta{Name: "ds", Namespace: "shop"},
		Spec:       v1alpha1.TryOnDatasetVersionSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/vton"}, Layout: v1alpha1.LayoutVITONHD, Digest: "sha256:d"},
	}
}

func owned(tod *v1alpha1.TryOnDeployment, obj client.Object) client.Object {
	obj.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(tod, v1alpha1.GroupVersion.WithKind("TryOnDeployment"))})
	return obj
}

// job replays for a deployment, about a question of that key.
func job(name, key string) *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", UID: types.UID(name), Labels: serving.ReplaySelector("storefront"),
		Annotations: map[string]string{names.AnnotationKey: key},
	}}
}

// left names the Jobs and NetworkPolicies that are there.
func (j *Jobs) left(t *testing.T) string {
	t.Helper()
	var jobs batchv1.JobList
	var policies networkingv1.NetworkPolicyList
	for _, list := range []client.ObjectList{&jobs, &policies} {
		if err := j.List(t.Context(), list, client.InNamespace("shop")); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for i := range jobs.Items {
		all = append(all, jobs.Items[i].Name)
	}
	for i := range policies.Items {
		all = append(all, "policy "+policies.Items[i].Name)
	}
	return strings.Join(all, ", ")
}

func TestAReplayWithoutItsDatasetSaysWhatIsGone(t *testing.T) {
	for name, tt := range map[string]struct {
		stable  *v1alpha1.TryOnModelVersion
		missing string
	}{
		"nothing is gone":                   {stable("ds"), ""},
		"the dataset is gone":               {stable("other"), "the dataset other of tops-v1 is gone"},
		"the record of the version is gone": {nil, "the record of tops-v1 is gone, and with it the name of its dataset"},
	} {
		t.Run(name, func(t *testing.T) {
			seen, err := cluster(t, dataset()).Observe(t.Context(), storefront(), question, tt.stable)
			if err != nil {
				t.Fatal(err)
			}
			if seen.Missing != tt.missing || seen.Replay.Epoch != epoch {
				t.Fatalf("%+v; want missing %q", seen, tt.missing)
			}
			if got := seen.Replay.Dataset.Source.URI != ""; got != (tt.missing == "") {
				t.Errorf("dataset %+v", seen.Replay.Dataset)
			}
		})
	}
}

func TestOnlyWhatBelongsToTheDeploymentIsSeen(t *testing.T) {
	tod, another := storefront(), storefront()
	another.UID = "another"
	policy := serving.MakeReplayPolicy(tod)
	for name, tt := range map[string]struct {
		objects []client.Object
		runs    int
		policy  bool
	}{
		"nothing":          {nil, 0, false},
		"its own":          {[]client.Object{owned(tod, job("a", "sha256:a")), owned(tod, policy.DeepCopy())}, 1, true},
		"only the policy":  {[]client.Object{owned(tod, policy.DeepCopy())}, 0, true},
		"somebody else's":  {[]client.Object{owned(another, job("a", "sha256:a")), owned(another, policy.DeepCopy())}, 0, false},
		"what nobody owns": {[]client.Object{job("a", "sha256:a"), policy.DeepCopy()}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			seen, err := cluster(t, tt.objects...).Observe(t.Context(), tod, question, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(seen.Runs) != tt.runs || (seen.Policy != nil) != tt.policy {
				t.Errorf("%d Jobs, policy %v; want %d, %t", len(seen.Runs), seen.Policy, tt.runs, tt.policy)
			}
		})
	}
}

func TestTheJobOfTheQuestionIsMadeAndThoseOfOthersGo(t *testing.T) {
	tod := storefront()
	const policy = "policy storefront-replay"
	asked := question
	asked.Dataset = dataset().Spec
	replay, err := cluster(t).Serving.MakeReplay(tod, asked, resources.Attempt{})
	if err != nil {
		t.Fatal(err)
	}
	made := replay.Name
	for name, tt := range map[string]struct {
		objects []client.Object
		stable  *v1alpha1.TryOnModelVersion
		want    string
	}{
		"nothing is there":                  {nil, stable("ds"), made + ", " + policy},
		"another question's is there":       {[]client.Object{owned(tod, job("old", "sha256:old"))}, stable("ds"), made + ", " + policy},
		"its dataset is gone":               {nil, stable("other"), ""},
		"the dataset of both is gone":       {[]client.Object{owned(tod, job("old", "sha256:old"))}, stable("other"), ""},
		"it is there, made of another spec": {[]client.Object{owned(tod, job("replay-1", string(question.Key())))}, stable("ds"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			j := cluster(t, append(tt.objects, dataset(), tod)...)
			seen, err := j.Observe(t.Context(), tod, question, tt.stable)
			if err != nil {
				t.Fatal(err)
			}
			_, next := seen.Stand(nil, noon)
			if err := j.Ensure(t.Context(), tod, seen, next); err != nil {
				t.Fatal(err)
			}
			if got := j.left(t); got != tt.want {
				t.Errorf("there are %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAJobThatIsWhatItWouldBeNowIsLeftAlone(t *testing.T) {
	tod := storefront()
	j := cluster(t, dataset(), tod)
	var before string
	for range 2 {
		seen, err := j.Observe(t.Context(), tod, question, stable("ds"))
		if err != nil {
			t.Fatal(err)
		}
		_, next := seen.Stand(nil, noon)
		if err := j.Ensure(t.Context(), tod, seen, next); err != nil {
			t.Fatal(err)
		}
		if got := j.left(t); got == "" || (before != "" && got != before) {
			t.Errorf("there are %q after %q", got, before)
		}
		before = j.left(t)
	}
}

func TestNothingIsLeftOfAReplayThatIsOver(t *testing.T) {
	tod, another := storefront(), storefront()
	another.UID = "another"
	policy := serving.MakeReplayPolicy(tod)
	for name, tt := range map[string]struct {
		objects []client.Object
		want    string
	}{
		"nothing was there":                      {nil, ""},
		"its Job is still there":                 {[]client.Object{owned(tod, job("a", "sha256:a")), owned(tod, job("b", "sha256:b")), owned(tod, policy.DeepCopy())}, ""},
		"its Job went by its time to live":       {[]client.Object{owned(tod, policy.DeepCopy())}, ""},
		"what is somebody else's is not touched": {[]client.Object{owned(another, job("a", "sha256:a")), owned(another, policy.DeepCopy())}, "a, policy storefront-replay"},
	} {
		t.Run(name, func(t *testing.T) {
			j := cluster(t, tt.objects...)
			seen, err := j.Observe(t.Context(), tod, serving.Replay{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := j.Clear(t.Context(), tod, seen); err != nil {
					t.Fatal(err)
				}
			}
			if got := j.left(t); got != tt.want {
				t.Errorf("left are %q, want %q", got, tt.want)
			}
		})
	}
}
