package resources

import (
	"errors"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/task"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = v1alpha1.Digest("sha256:1a2b3c4d00000000000000000000000000000000000000000000000000000000")

func claimConfig() Config {
	return Config{WorkerImage: "worker:1", RuntimeImage: "runtime:1", Store: Store{Claim: "tryon-artefacts", URI: "file:///artefacts"}, Namespace: "tryon-system"}
}

func bucketConfig() Config {
	return Config{WorkerImage: "worker:1", RuntimeImage: "runtime:1", Store: Store{URI: "s3://artefacts/x", Secret: "s3"}}
}

func dataset(uri string) v1alpha1.TryOnDatasetVersionSpec {
	return v1alpha1.TryOnDatasetVersionSpec{
		Source: v1alpha1.BlobSource{URI: uri}, Layout: v1alpha1.LayoutVITONHD, Digest: "sha256:d",
		Checks: []v1alpha1.CheckOverride{{Name: "blur", Severity: v1alpha1.SeverityWarn, Budget: "1%"}},
	}
}

func stage() v1alpha1.MethodStage {
	return v1alpha1.MethodStage{
		Name: "pf-gen", Image: "trainer:1", Command: []string{"python3", "-m", "tryon_trainer", "--stage", "pf-gen"},
		Params: map[string]string{"steps": "290"}, Nodes: 2, GPUsPerNode: ptr.To[int32](4),
		Resources: &v1alpha1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("8Gi")},
		},
		HealthChecks: []v1alpha1.HealthCheck{{Metric: "warp_area_ratio", Min: ptr.To(v1alpha1.Decimal("0.5")), Max: ptr.To(v1alpha1.Decimal("2")), AfterStep: 50}},
	}
}

func work(kind Kind, stage string) Work {
	return Work{
		Kind: kind, Namespace: "shop", Owner: "tops-v3", Model: "tops", ModelVersion: "tops-v3", Stage: stage, Key: key,
		Placement: v1alpha1.PodPlacement{
			NodeSelector: map[string]string{"pool": "gpu"}, ServiceAccountName: "trainer",
			Tolerations:      []corev1.Toleration{{Key: "nvidia.com/gpu", Operator: corev1.TolerationOpExists}},
			ImagePullSecrets: []v1alpha1.SecretReference{{Name: "registry"}},
		},
	}
}

// built makes one object of each kind of work.
func built(t *testing.T) map[string]any {
	t.Helper()
	must := func(obj any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return obj
	}
	pinWork := Work{Kind: Pin, Namespace: "shop", Owner: "tops", Model: "tops", Key: key}
	testWork := Work{Kind: DataTest, Namespace: "shop", Owner: "ds-1", DatasetVersion: "ds-1", Key: key, Attempt: Attempt{Round: "1a2b3c4d", Number: 2}}
	bucket := dataset("s3://vton/zalando?endpoint=https://s3.example")
	bucket.Source.SecretRef = v1alpha1.SecretReference{Name: "s3"}
	plainStage := stage()
	plainStage.GPUsPerNode, plainStage.Resources, plainStage.HealthChecks, plainStage.Nodes = nil, nil, nil, 0
	objects := map[string]any{}
	objects["pin-claim"] = must(claimConfig().MakePin(pinWork, v1alpha1.DatasetSpec{
		Source: v1alpha1.BlobSource{URI: "pvc://data/zalando/2026-09/"}, Layout: v1alpha1.LayoutVITONHD, Digest: "sha256:d",
	}))
	objects["data-test-bucket"] = must(bucketConfig().MakeDataTest(testWork, bucket, nil))
	objects["stage-gpu"] = must(claimConfig().MakeStagePod(work(Stage, "pf-gen"), StageInput{
		Stage: stage(), Dataset: dataset("pvc://data"),
		Init: []plan.Parent{{Stage: "pf-warp", Weights: "sha256:i"}}, Freeze: []plan.Parent{{Stage: "pb-gen", Weights: "sha256:f"}},
	}))
	objects["stage-plain"] = must(bucketConfig().MakeStagePod(work(Stage, "pf-gen"), StageInput{Stage: plainStage, Dataset: bucket}))
	objects["stage-policy-one-node"] = claimConfig().MakeStagePolicy(work(Stage, "pf-gen"), 1)
	objects["stage-policy-three-nodes"] = claimConfig().MakeStagePolicy(work(Stage, "pf-gen"), 3)
	objects["evaluate"] = must(claimConfig().MakeEvaluation(work(Evaluate, ""), dataset("pvc://data/zalando"), "sha256:w", v1alpha1.EvaluationSpec{MaxCases: 32}))
	objects["publish"] = must(claimConfig().MakePublish(work(Publish, ""), task.Publish{
		Weights: "sha256:w", Golden: "sha256:g", Evaluator: "sha256:e", Scores: map[string]float64{"ssim": 0.9},
		Lineage: task.Lineage{Method: "pf-afn", Dataset: "sha256:d", Licenses: []string{"Apache-2.0"}},
	}))
	objects["judgement"] = must(claimConfig().MakeJudgement(Work{Kind: Judge, Namespace: "shop", Owner: "storefront", Key: key}, task.Judgement{
		Namespace: "shop", Deployment: "storefront", Outcome: "Rejected", Reason: "too slow", Decided: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Verdict: "Reject", Rule: "too slow", Alpha: 0.05,
		Gates:  []task.JudgedGate{{Metric: "latency-p95-ratio", Margin: 1.1, Verdict: "Reject", Estimate: ptr.To(1.5), Have: 600}},
		Stable: task.JudgedVersion{Name: "tops-v1", Golden: "sha256:g"}, Candidate: task.JudgedVersion{Name: "tops-v2"}, Evidence: []byte(`{}`),
	}, Capture{}))
	objects["claim"] = Store{
		Claim: "tryon-artefacts", Size: resource.MustParse("20Gi"), Class: "fast", AccessMode: corev1.ReadWriteMany,
	}.MakeClaim("shop")
	return objects
}

func TestObjectsAreBuiltAsRecorded(t *testing.T) {
	for name, obj := range built(t) {
		t.Run(name, func(t *testing.T) {
			apitest.Recorded(t, name, obj, *update)
		})
	}
}

// podsOf finds the pod templates among the built objects, by their JSON shape.
func podsOf(t *testing.T) map[string]corev1.PodSpec {
	t.Helper()
	pods := map[string]corev1.PodSpec{}
	for name, obj := range built(t) {
		body, err := yaml.Marshal(obj)
		if err != nil {
			t.Fatal(err)
		}
		var job struct {
			Spec struct {
				Template struct {
					Spec corev1.PodSpec `json:"spec"`
				} `json:"template"`
				corev1.PodSpec
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(body, &job); err != nil {
			t.Fatal(err)
		}
		spec := job.Spec.Template.Spec
		if len(spec.Containers) == 0 {
			spec = job.Spec.PodSpec
		}
		if len(spec.Containers) > 0 {
			pods[name] = spec
		}
	}
	if len(pods) < 6 {
		t.Fatalf("found %d pods among the built objects", len(pods))
	}
	return pods
}

func TestEveryPodKeepsToTheRestrictedProfile(t *testing.T) {
	for name, spec := range podsOf(t) {
		t.Run(name, func(t *testing.T) {
			if ptr.Deref(spec.AutomountServiceAccountToken, true) {
				t.Error("the service account's token is mounted")
			}
			for _, complaint := range apitest.Unrestricted(spec) {
				t.Error(complaint)
			}
		})
	}
}

func TestTasksAreDecodedByTheirWorker(t *testing.T) {
	wants := map[string]any{
		"pin-claim": &task.Pin{}, "data-test-bucket": &task.DataTest{}, "stage-gpu": &task.Train{}, "evaluate": &task.Evaluate{}, "publish": &task.Publish{}, "judgement": &task.Judgement{},
	}
	pods := podsOf(t)
	for name, into := range wants {
		t.Run(name, func(t *testing.T) {
			body := ""
			for _, e := range pods[name].Containers[0].Env {
				if e.Name == task.Env {
					body = e.Value
				}
			}
			if err := task.Decode([]byte(body), into); err != nil {
				t.Error(err)
			}
		})
	}
}

// Serving pods are counted and get requests by the label of their deployment, so the pod of a report must not have it.
func TestThePodOfAReportIsNoServingPodAndDoesNotWaitForEver(t *testing.T) {
	job, ok := built(t)["judgement"].(*batchv1.Job)
	if !ok {
		t.Fatal("it is no Job")
	}
	for _, labels := range []map[string]string{job.Labels, job.Spec.Template.Labels} {
		if labels[names.LabelDeployment] != "" || labels[names.LabelModelVersion] != "" || labels[names.LabelWork] != "judgement" {
			t.Errorf("labels %v", labels)
		}
	}
	if job.Spec.ActiveDeadlineSeconds == nil || job.Spec.TTLSecondsAfterFinished == nil {
		t.Error("the Job is kept for ever")
	}
	if limits := job.Spec.Template.Spec.Containers[0].Resources.Limits; len(limits) != 1 || limits.Memory().IsZero() {
		t.Errorf("it asks for %v, want memory alone", limits)
	}
}

func TestStoresAreReadStrictly(t *testing.T) {
	tests := map[string]struct {
		uri       string
		wantClaim string
		wantURI   string
		wantErr   bool
	}{
		"a claim":             {"pvc://tryon-artefacts", "tryon-artefacts", "file:///artefacts", false},
		"a bucket":            {"s3://b/prefix?endpoint=https://s3.example", "", "s3://b/prefix?endpoint=https://s3.example", false},
		"a folder of a claim": {"pvc://claim/sub", "", "", true},
		"no claim":            {"pvc://", "", "", true},
		"a local path":        {"file:///tmp", "", "", true},
		"nothing":             {"", "", "", true},
		"a control character": {"s3://b\x00", "", "", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseStore(test.uri)
			if (err != nil) != test.wantErr || (err != nil && !errors.Is(err, ErrStore)) {
				t.Fatalf("error %v, want one: %t", err, test.wantErr)
			}
			if got.Claim != test.wantClaim || got.URI != test.wantURI {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestSourcesThatCannotWorkAreRefusedWithAReason(t *testing.T) {
	tests := map[string]struct {
		source   v1alpha1.BlobSource
		wantWord string
	}{
		"options of a claim": {v1alpha1.BlobSource{URI: "pvc://data/x?endpoint=y"}, "takes no options"},
		"another scheme":     {v1alpha1.BlobSource{URI: "https://example.com/x"}, "neither pvc:// nor s3://"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(test.source, v1alpha1.LayoutVITONHD)
			if !errors.Is(err, ErrStore) || !strings.Contains(err.Error(), test.wantWord) {
				t.Errorf("got %v, want ErrStore with %q", err, test.wantWord)
			}
		})
	}
}

func TestAPathCannotLeaveItsClaim(t *testing.T) {
	for _, uri := range []string{"pvc://data/../../etc", "pvc://data/a/../../b"} {
		got, err := resolve(v1alpha1.BlobSource{URI: uri}, v1alpha1.LayoutVITONHD)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got.sub, "..") || strings.HasPrefix(got.sub, "/") {
			t.Errorf("%s is mounted at %q", uri, got.sub)
		}
	}
}

func TestAttemptsAreReadAsTheyWereWritten(t *testing.T) {
	for _, a := range []Attempt{{}, {Number: 3}, {Round: Round("please"), Number: 0}, {Round: Round("again"), Number: 12}, {Number: 2, Disruptions: 5}} {
		got, err := ParseAttempt(a.String())
		if err != nil || got != a {
			t.Errorf("%+v was read as %+v, %v", a, got, err)
		}
	}
	for _, bad := range []string{"", "x", "-1", "a/", "a/b", "99999999999999999999", "1+", "1+-2", "+3"} {
		if got, err := ParseAttempt(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestEachAttemptHasANameOfItsOwn(t *testing.T) {
	w := work(Stage, "pf-gen")
	seen := map[string]bool{w.Name(): true}
	if w.Name() != "tops-v3-pf-gen-1a2b3c4d" {
		t.Errorf("the first attempt is %s", w.Name())
	}
	for _, a := range []Attempt{{Number: 1}, {Number: 2}, {Round: Round("please")}, {Round: Round("please"), Number: 1}, {Number: 1, Disruptions: 1}} {
		w.Attempt = a
		if seen[w.Name()] {
			t.Errorf("attempt %s has the name %s of another", a, w.Name())
		}
		seen[w.Name()] = true
	}
}

func TestAHealthCheckThatIsNoNumberIsAnError(t *testing.T) {
	s := stage()
	s.HealthChecks[0].Max = ptr.To(v1alpha1.Decimal("many"))
	if _, err := claimConfig().MakeStagePod(work(Stage, "pf-gen"), StageInput{Stage: s, Dataset: dataset("pvc://data")}); err == nil {
		t.Error("it was accepted")
	}
}

// secretsOf gives the Secret of each environment variable of a container that comes from one.
func secretsOf(c corev1.Container) map[string]string {
	out := map[string]string{}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			out[e.Name] = e.ValueFrom.SecretKeyRef.Name
		}
	}
	return out
}

func TestStoreAndDatasetNeverGetEachOthersCredentials(t *testing.T) {
	store := map[string]string{
		"TRYON_STORE_AWS_ACCESS_KEY_ID": "store", "TRYON_STORE_AWS_SECRET_ACCESS_KEY": "store", "TRYON_STORE_AWS_REGION": "store",
	}
	source := map[string]string{
		"TRYON_SOURCE_AWS_ACCESS_KEY_ID": "data", "TRYON_SOURCE_AWS_SECRET_ACCESS_KEY": "data", "TRYON_SOURCE_AWS_REGION": "data",
	}
	both := maps.Clone(store)
	maps.Copy(both, source)
	tests := map[string]struct {
		store      Store
		secret     string
		wantWorker map[string]string
		wantPull   map[string]string
	}{
		"two Secrets":                      {Store{URI: "s3://artefacts", Secret: "store"}, "data", both, store},
		"only the store has one":           {Store{URI: "s3://artefacts", Secret: "store"}, "", store, store},
		"only the dataset has one":         {Store{URI: "s3://artefacts"}, "data", source, map[string]string{}},
		"the store is a claim":             {claimConfig().Store, "data", source, map[string]string{}},
		"the pod's identity reads it both": {Store{URI: "s3://artefacts"}, "", map[string]string{}, map[string]string{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := Config{WorkerImage: "worker:1", RuntimeImage: "runtime:1", Store: test.store}
			data := dataset("s3://vton/zalando")
			data.Source.SecretRef.Name = test.secret
			for what, pod := range podsWith(t, c, data) {
				for _, container := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
					want := map[string]string{}
					switch container.Name {
					case pod.Containers[0].Name:
						want = test.wantWorker
					case names.ContainerPull:
						want = test.wantPull
					}
					if diff := cmp.Diff(want, secretsOf(container)); diff != "" {
						t.Errorf("%s: container %s (-want +got):\n%s", what, container.Name, diff)
					}
				}
			}
		})
	}
}

// podsWith builds the pods that open both a store and a dataset.
func podsWith(t *testing.T, c Config, data v1alpha1.TryOnDatasetVersionSpec) map[string]corev1.PodSpec {
	t.Helper()
	test, err := c.MakeDataTest(work(DataTest, ""), data, nil)
	if err != nil {
		t.Fatal(err)
	}
	stagePod, err := c.MakeStagePod(work(Stage, "pf-gen"), StageInput{Stage: stage(), Dataset: data})
	if err != nil {
		t.Fatal(err)
	}
	evaluation, err := c.MakeEvaluation(work(Evaluate, ""), data, "sha256:w", v1alpha1.EvaluationSpec{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]corev1.PodSpec{
		"data tests": test.Spec.Template.Spec, "stage": stagePod.Spec, "evaluation": evaluation.Spec.Template.Spec,
	}
}

func TestOnlyWhoWritesToTheStoreMountsItWritable(t *testing.T) {
	for name, pod := range podsWith(t, claimConfig(), dataset("pvc://data")) {
		for _, c := range append(slices.Clone(pod.InitContainers), pod.Containers...) {
			got := "none"
			for _, m := range c.VolumeMounts {
				if m.Name == "artefacts" {
					got = map[bool]string{true: "read-only", false: "writable"}[m.ReadOnly]
				}
			}
			want, ok := map[string]string{pod.Containers[0].Name: "writable", names.ContainerPull: "read-only"}[c.Name]
			if !ok {
				want = "none"
			}
			if got != want {
				t.Errorf("%s: container %s mounts the store %s, want %s", name, c.Name, got, want)
			}
		}
	}
}
