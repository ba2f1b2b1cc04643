package resources

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

func TestEveryContainerThatAQuotaAsksAboutSaysWhatItTakes(t *testing.T) {
	for name, pod := range podsOf(t) {
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if c.Name == string(Stage) {
				// The method says what its stages take.
				continue
			}
			if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
				t.Errorf("%s: container %s has %+v", name, c.Name, c.Resources)
			}
			if !c.Resources.Limits.Cpu().IsZero() {
				t.Errorf("%s: container %s is slowed down by a limit of CPU that nobody asked for", name, c.Name)
			}
			heap, limit := int64(0), c.Resources.Limits.Memory().Value()
			for _, e := range c.Env {
				if e.Name == "GOMEMLIMIT" {
					heap, _ = strconv.ParseInt(e.Value, 10, 64)
				}
			}
			if ours := strings.HasPrefix(c.Command[0], "/tryon-worker"); ours && (heap < limit*85/100 || heap > limit*95/100) || !ours && heap != 0 {
				t.Errorf("%s: container %s has a heap of %d in %d", name, c.Name, heap, limit)
			}
		}
	}
}

func TestWhatAUserLeavesOutStaysAsItIs(t *testing.T) {
	list := func(pairs ...string) corev1.ResourceList {
		out := corev1.ResourceList{}
		for i := 0; i < len(pairs); i += 2 {
			out[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
		}
		return out
	}
	for name, tt := range map[string]struct {
		wanted           *v1alpha1.ResourceRequirements
		requests, limits corev1.ResourceList
	}{
		"nothing is said": {nil, list("cpu", "100m", "memory", "256Mi"), list("memory", "2Gi")},
		"zero is nothing": {&v1alpha1.ResourceRequirements{Requests: list("cpu", "0"), Limits: list("memory", "0")}, list("cpu", "100m", "memory", "256Mi"), list("memory", "2Gi")},
		"a GPU is asked for": {
			&v1alpha1.ResourceRequirements{Requests: list("nvidia.com/gpu", "1")}, list("cpu", "100m", "memory", "256Mi", "nvidia.com/gpu", "1"), list("memory", "2Gi", "nvidia.com/gpu", "1"),
		},
		"nothing is meant":  {&v1alpha1.ResourceRequirements{}, list("cpu", "100m", "memory", "256Mi"), list("memory", "2Gi")},
		"a higher limit":    {&v1alpha1.ResourceRequirements{Limits: list("memory", "16Gi")}, list("cpu", "100m", "memory", "256Mi"), list("memory", "16Gi")},
		"a limit below all": {&v1alpha1.ResourceRequirements{Limits: list("memory", "64Mi", "cpu", "50m")}, list("cpu", "50m", "memory", "64Mi"), list("memory", "64Mi", "cpu", "50m")},
		"a request over the limit that is usual": {
			&v1alpha1.ResourceRequirements{Requests: list("memory", "8Gi")}, list("cpu", "100m", "memory", "8Gi"), list("memory", "8Gi"),
		},
		"both": {
			&v1alpha1.ResourceRequirements{Requests: list("memory", "1Gi", "cpu", "4"), Limits: list("memory", "3Gi", "cpu", "4")},
			list("cpu", "4", "memory", "1Gi"), list("memory", "3Gi", "cpu", "4"),
		},
		"something else": {
			&v1alpha1.ResourceRequirements{Limits: list("ephemeral-storage", "10Gi")}, list("cpu", "100m", "memory", "256Mi"), list("memory", "2Gi", "ephemeral-storage", "10Gi"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := dataDemand.with(tt.wanted)
			if diff := cmp.Diff(corev1.ResourceRequirements{Requests: tt.requests, Limits: tt.limits}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAUsersResourcesReachTheContainerThatDoesTheWork(t *testing.T) {
	wanted := &v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{
		corev1.ResourceMemory: resource.MustParse("20Gi"), corev1.ResourceCPU: resource.MustParse("3"), ResourceGPU: resource.MustParse("1"),
	}}
	data := dataset("pvc://data")
	pin, err := claimConfig().MakePin(work(Pin, ""), v1alpha1.DatasetSpec{Source: data.Source, Layout: data.Layout, Resources: wanted})
	if err != nil {
		t.Fatal(err)
	}
	test, err := claimConfig().MakeDataTest(work(DataTest, ""), data, wanted)
	if err != nil {
		t.Fatal(err)
	}
	evaluation, err := claimConfig().MakeEvaluation(work(Evaluate, ""), data, "sha256:w", v1alpha1.EvaluationSpec{Resources: wanted})
	if err != nil {
		t.Fatal(err)
	}
	runtime := evaluation.Spec.Template.Spec.InitContainers[1]
	for name, c := range map[string]corev1.Container{"pin": pin.Spec.Template.Spec.Containers[0], "data tests": test.Spec.Template.Spec.Containers[0], "evaluation": runtime} {
		if diff := cmp.Diff(wanted.Limits, c.Resources.Limits); diff != "" {
			t.Errorf("%s: limits (-want +got):\n%s", name, diff)
		}
	}
	if !strings.Contains(strings.Join(runtime.Command, " "), "--intra-op-threads 3") {
		t.Errorf("the model server runs as %v, with more threads than its CPUs", runtime.Command)
	}
	if evaluator := evaluation.Spec.Template.Spec.Containers[0]; evaluator.Resources.Limits.Memory().String() != "1Gi" {
		t.Errorf("the evaluator beside it has %v", evaluator.Resources)
	}
}
