package serving_test

import (
	"crypto/ed25519"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/serving"
)

var update = flag.Bool("update", false, "write the golden files anew")

const digest = v1alpha1.Digest("sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")

func config(store resources.Store) serving.Config {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	return serving.Config{
		Images:    serving.Images{Worker: "example/worker:1", Sidecar: "example/sidecar:1", Runtime: "example/runtime:1"},
		Store:     store,
		Key:       private.Public().(ed25519.PublicKey),
		Namespace: "tryon-system",
	}
}

func claim() resources.Store {
	return resources.Store{Claim: "tryon-artefacts", URI: "file:///artefacts"}
}

func storefront() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop"},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: "tops"}},
	}
}

func everything() *v1alpha1.TryOnDeployment {
	tod := storefront()
	gpu := corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")}
	tod.Spec.Runtime = v1alpha1.RuntimeSpec{Image: "example/other-runtime:2", Resources: &v1alpha1.ResourceRequirements{Limits: gpu}}
	tod.Spec.Sidecar = v1alpha1.SidecarSpec{
		RequestTimeout: &metav1.Duration{Duration: 2 * time.Minute}, MaxBatch: 8,
		Resources: &v1alpha1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}},
	}
	tod.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Replay: &v1alpha1.ReplayStep{Resources: &v1alpha1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
	}}}}
	tod.Spec.Catalogue = v1alpha1.BlobSource{URI: "s3://garments/tops?endpoint=https://s3.example", SecretRef: v1alpha1.SecretReference{Name: "catalogue"}}
	tod.Spec.Placement = v1alpha1.PodPlacement{
		NodeSelector: map[string]string{"pool": "gpu"}, ServiceAccountName: "shopper",
		Tolerations:      []corev1.Toleration{{Key: "nvidia.com/gpu", Operator: corev1.TolerationOpExists}},
		ImagePullSecrets: []v1alpha1.SecretReference{{Name: "registry"}},
	}
	return tod
}

// question is a comparison of two versions that were trained on a dataset in a claim.
func question() serving.Replay {
	return serving.Replay{
		Epoch: "0123456789abcdef0123456789abcdef", LatencyRatio: 1.1,
		Stable: serving.Version{Name: "tops-v1", Weights: digest}, Candidate: serving.Version{Name: "tops-v2", Weights: digest},
		Dataset: v1alpha1.TryOnDatasetVersionSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/vton"}, Layout: "VITONHD", Digest: digest},
	}
}

// capturing is a deployment whose requests are kept, as it stands once the status says so.
func capturing(tod *v1alpha1.TryOnDeployment, to v1alpha1.BlobSource) *v1alpha1.TryOnDeployment {
	tod.Finalizers = []string{names.CapturesFinalizer}
	tod.Spec.Capture = v1alpha1.CaptureSpec{To: to, SamplePercent: 25, TTL: &metav1.Duration{Duration: time.Hour}, MaxSize: ptr.To(resource.MustParse("64Mi"))}
	tod.Status.Capture = &v1alpha1.CaptureStatus{URI: to.URI}
	return tod
}

func TestObjectsAreBuiltAsRecorded(t *testing.T) {
	version := serving.Version{Name: "tops-v2", Weights: digest}
	withClaim := config(claim())
	withBucket := config(resources.Store{URI: "s3://artefacts/tryon", Secret: "artefacts"})
	shared := storefront()
	shared.Spec.Catalogue = v1alpha1.BlobSource{URI: "pvc://garments/2026/tops"}
	inClaim := func() *v1alpha1.TryOnDeployment {
		return capturing(storefront(), v1alpha1.BlobSource{URI: "pvc://captures/tryon/"})
	}
	inBucket := func() *v1alpha1.TryOnDeployment {
		return capturing(everything(), v1alpha1.BlobSource{URI: "s3://shop/captures?endpoint=https://s3.example", SecretRef: v1alpha1.SecretReference{Name: "captures"}})
	}
	inCatalogue := func() *v1alpha1.TryOnDeployment {
		tod := capturing(storefront(), v1alpha1.BlobSource{URI: "pvc://shop/captures"})
		tod.Spec.Catalogue = v1alpha1.BlobSource{URI: "pvc://shop/garments"}
		return tod
	}
	permit := func(tod *v1alpha1.TryOnDeployment) func() (any, error) {
		return func() (any, error) {
			capture, err := resources.CaptureOf(tod, claim())
			return serving.MakeCapturePermit(tod, capture), err
		}
	}
	deployment := func(c serving.Config, tod *v1alpha1.TryOnDeployment) func() (any, error) {
		return func() (any, error) { return c.MakeDeployment(tod, version, serving.Places{Taken: 2, All: 2}) }
	}
	replay := func(c serving.Config, tod *v1alpha1.TryOnDeployment) func() (any, error) {
		return func() (any, error) { return c.MakeReplay(tod, question(), resources.Attempt{}) }
	}
	tests := map[string]func() (any, error){
		"deployment-plain":          deployment(withClaim, storefront()),
		"deployment-everything":     deployment(withBucket, everything()),
		"deployment-catalogue-pvc":  deployment(withClaim, shared),
		"deployment-capture-pvc":    deployment(withClaim, inClaim()),
		"deployment-capture-s3":     deployment(withBucket, inBucket()),
		"deployment-claim-shared":   deployment(withClaim, inCatalogue()),
		"capture-permit":            permit(inClaim()),
		"replay-capture-pvc":        replay(withClaim, inClaim()),
		"replay-capture-s3":         replay(withBucket, inBucket()),
		"erase-policy":              func() (any, error) { return serving.MakeErasePolicy(storefront()), nil },
		"replay":                    replay(withClaim, storefront()),
		"replay-with-resources":     replay(withBucket, everything()),
		"replay-policy":             func() (any, error) { return serving.MakeReplayPolicy(storefront()), nil },
		"service":                   func() (any, error) { return serving.MakeService(storefront(), "tops-v2"), nil },
		"service-of-version":        func() (any, error) { return serving.MakeVersionService(storefront(), "tops-v2"), nil },
		"network-policy":            func() (any, error) { return withClaim.MakeNetworkPolicy(storefront()), nil },
		"disruption-budget":         func() (any, error) { return serving.MakeDisruptionBudget(storefront()), nil },
		"control-without-candidate": func() (any, error) { return serving.MakeControl(storefront(), control.New(1, nil)) },
		"control-with-candidate": func() (any, error) {
			return serving.MakeControl(storefront(), control.New(7, &control.Candidate{
				Version: "tops-v2", Address: serving.Address(storefront(), "tops-v2"), Weight: 10,
			}))
		},
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			object, err := build()
			if err != nil {
				t.Fatal(err)
			}
			apitest.Recorded(t, name, object, *update)
		})
	}
}

func TestEveryContainerKeepsToTheRestrictedProfile(t *testing.T) {
	for name, tod := range map[string]*v1alpha1.TryOnDeployment{
		"plain": storefront(), "everything": everything(), "capturing": capturing(storefront(), v1alpha1.BlobSource{URI: "pvc://captures"}),
	} {
		t.Run(name, func(t *testing.T) {
			deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
			if err != nil {
				t.Fatal(err)
			}
			job, err := config(claim()).MakeReplay(tod, question(), resources.Attempt{})
			if err != nil {
				t.Fatal(err)
			}
			for _, pod := range []corev1.PodSpec{deployment.Spec.Template.Spec, job.Spec.Template.Spec} {
				if ptr.Deref(pod.AutomountServiceAccountToken, true) {
					t.Error("the service account's token is mounted")
				}
				for _, complaint := range apitest.Unrestricted(pod) {
					t.Error(complaint)
				}
			}
		})
	}
}

func TestInPlaceAChangedPodWaitsForNoRoom(t *testing.T) {
	for name, tt := range map[string]struct {
		strategy             v1alpha1.RolloutStrategy
		taken, all           int32
		unavailable, surging int
	}{
		"beside the others":                     {v1alpha1.StrategySurge, 3, 3, 0, 1},
		"in place":                              {v1alpha1.StrategyInPlace, 3, 3, 1, 0},
		"while another version has places, too": {v1alpha1.StrategyInPlace, 2, 3, 0, 1},
		"when the work asked for more pods":     {v1alpha1.StrategyInPlace, 5, 5, 1, 0},
		"when the work asked for more, and another version has some of them": {v1alpha1.StrategyInPlace, 3, 5, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront()
			tod.Spec.Replicas, tod.Spec.Rollout.Strategy = 3, tt.strategy
			deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: tt.taken, All: tt.all})
			if err != nil {
				t.Fatal(err)
			}
			rolling := deployment.Spec.Strategy.RollingUpdate
			if rolling.MaxUnavailable.IntValue() != tt.unavailable || rolling.MaxSurge.IntValue() != tt.surging {
				t.Errorf("%s may be missing and %s more be there, want %d and %d", rolling.MaxUnavailable, rolling.MaxSurge, tt.unavailable, tt.surging)
			}
		})
	}
}

func TestTheGracePeriodOutlastsTheLongestRequestAndTheDrain(t *testing.T) {
	for timeout, want := range map[time.Duration]int64{0: 90, time.Second: 61, 10 * time.Minute: 660} {
		tod := storefront()
		tod.Spec.Sidecar.RequestTimeout = &metav1.Duration{Duration: timeout}
		deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got := ptr.Deref(deployment.Spec.Template.Spec.TerminationGracePeriodSeconds, 0); got != want {
			t.Errorf("request timeout %s: grace period of %d s, want %d s", timeout, got, want)
		}
	}
}

func TestACatalogueThatCannotBeMountedIsRefused(t *testing.T) {
	for _, uri := range []string{"gs://bucket", "pvc://claim/x?y=1", "://"} {
		tod := storefront()
		tod.Spec.Catalogue = v1alpha1.BlobSource{URI: uri}
		if _, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1}); !errors.Is(err, resources.ErrStore) {
			t.Errorf("%s: error %v, want one that wraps %v", uri, err, resources.ErrStore)
		}
	}
}

func TestWhatPodsAreBuiltOfIsToldApart(t *testing.T) {
	before := config(claim()).Built(storefront())
	tests := map[string]struct {
		change func(*serving.Config, *v1alpha1.TryOnDeployment)
		same   bool
	}{
		"replicas": {func(_ *serving.Config, d *v1alpha1.TryOnDeployment) { d.Spec.Replicas = 5 }, true},
		"steps": {func(_ *serving.Config, d *v1alpha1.TryOnDeployment) {
			d.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 5}}
		}, true},
		"what is captured":     {func(_ *serving.Config, d *v1alpha1.TryOnDeployment) { d.Spec.Capture.To.URI = "pvc://shoppers" }, true},
		"another runtime":      {func(_ *serving.Config, d *v1alpha1.TryOnDeployment) { d.Spec.Runtime.Image = "triton" }, false},
		"another batch":        {func(_ *serving.Config, d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.MaxBatch = 4 }, false},
		"an upgraded operator": {func(c *serving.Config, _ *v1alpha1.TryOnDeployment) { c.Images.Runtime = "example/runtime:2" }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, tod := config(claim()), storefront()
			test.change(&c, tod)
			if same := c.Built(tod) == before; same != test.same {
				t.Errorf("the same: %v, want %v", same, test.same)
			}
		})
	}
}

func TestAnInvalidControlDocumentIsNotWritten(t *testing.T) {
	if _, err := serving.MakeControl(storefront(), control.New(0, nil)); !errors.Is(err, control.ErrInvalid) {
		t.Errorf("error %v, want one that wraps %v", err, control.ErrInvalid)
	}
}

func TestOnlyThePullerSeesTheStore(t *testing.T) {
	for name, store := range map[string]resources.Store{"claim": claim(), "bucket": {URI: "s3://artefacts/tryon", Secret: "artefacts"}} {
		t.Run(name, func(t *testing.T) {
			deployment, err := config(store).MakeDeployment(everything(), serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
			if err != nil {
				t.Fatal(err)
			}
			pod := deployment.Spec.Template.Spec
			for _, c := range append(append([]corev1.Container{}, pod.InitContainers...), pod.Containers...) {
				sees := 0
				for _, m := range c.VolumeMounts {
					if m.Name == "artefacts" {
						sees++
						if !m.ReadOnly {
							t.Errorf("container %s may write to the store", c.Name)
						}
					}
				}
				for _, e := range c.Env {
					if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && e.ValueFrom.SecretKeyRef.Name == "artefacts" {
						sees++
					}
				}
				if want := c.Name == names.ContainerPull; (sees > 0) != want {
					t.Errorf("container %s sees the store: %t, want %t", c.Name, sees > 0, want)
				}
			}
		})
	}
}

func TestTheRuntimeHasAsManyThreadsAsItsLimitAllows(t *testing.T) {
	for limit, want := range map[string]string{"300m": "1", "1": "1", "1500m": "2", "4": "4", "": ""} {
		tod := storefront()
		tod.Spec.Runtime.Resources = &v1alpha1.ResourceRequirements{}
		if limit != "" {
			tod.Spec.Runtime.Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limit)}
		}
		deployment, err := config(claim()).MakeDeployment(tod, serving.Version{Name: "tops-v2", Weights: digest}, serving.Places{Taken: 1, All: 1})
		if err != nil {
			t.Fatal(err)
		}
		job, err := config(claim()).MakeReplay(tod, question(), resources.Attempt{})
		if err != nil {
			t.Fatal(err)
		}
		replayed := job.Spec.Template.Spec.InitContainers
		for _, runtime := range []corev1.Container{deployment.Spec.Template.Spec.InitContainers[1], replayed[1], replayed[3]} {
			_, got, _ := strings.Cut(strings.Join(runtime.Command, " "), "--intra-op-threads ")
			if got != want {
				t.Errorf("with a limit of %q %s has %q threads, want %q", limit, runtime.Name, got, want)
			}
		}
	}
}
