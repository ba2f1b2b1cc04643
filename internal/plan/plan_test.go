package plan

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

func method() v1alpha1.TryOnMethodSpec {
	return v1alpha1.TryOnMethodSpec{
		License: "Apache-2.0",
		Serving: v1alpha1.MethodServing{Stage: "student", Signature: "tryon/v1"},
		Stages: []v1alpha1.MethodStage{
			{Name: "teacher", Image: "trainer", Command: []string{"train"}, Params: map[string]string{"steps": "10"}},
			{Name: "student", Image: "own:1", Command: []string{"train"}, FreezeFrom: []string{"teacher"}},
		},
	}
}

func TestOverridesChangeTheirStageAndNotTheMethod(t *testing.T) {
	m := method()
	got, err := Stages(m, []v1alpha1.StageOverride{{
		Name: "teacher", Nodes: 2, GPUsPerNode: ptr.To[int32](4), Params: map[string]string{"steps": "20", "seed": "7"},
	}}, "registry/trainer@sha256:1")
	if err != nil {
		t.Fatal(err)
	}
	want := []v1alpha1.MethodStage{
		{
			Name: "teacher", Image: "registry/trainer@sha256:1", Command: []string{"train"}, Nodes: 2, GPUsPerNode: ptr.To[int32](4),
			Params: map[string]string{"steps": "20", "seed": "7"},
		},
		{Name: "student", Image: "own:1", Command: []string{"train"}, FreezeFrom: []string{"teacher"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(method(), m); diff != "" {
		t.Errorf("the method was changed (-want +got):\n%s", diff)
	}
}

func TestImpossiblePlansAreRefusedWithTheStagesName(t *testing.T) {
	tests := map[string]struct {
		change   func(m *v1alpha1.TryOnMethodSpec) []v1alpha1.StageOverride
		wantWord string
	}{
		"an override of no stage": {
			func(*v1alpha1.TryOnMethodSpec) []v1alpha1.StageOverride {
				return []v1alpha1.StageOverride{{Name: "generator"}}
			},
			`names "generator", but the method has teacher, student`,
		},
		"a parent after its child": {
			func(m *v1alpha1.TryOnMethodSpec) []v1alpha1.StageOverride {
				m.Stages[0].InitFrom = "student"
				return nil
			},
			`stage "teacher" needs "student"`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := method()
			overrides := test.change(&m)
			_, err := Stages(m, overrides, "trainer:1")
			if !errors.Is(err, ErrStageNotFound) || !strings.Contains(err.Error(), test.wantWord) {
				t.Errorf("got %v, want ErrStageNotFound with %q", err, test.wantWord)
			}
		})
	}
}

func TestAStageKeyFollowsWhatTheOutputDependsOn(t *testing.T) {
	data, other := v1alpha1.Digest("sha256:d"), v1alpha1.Digest("sha256:e")
	stage := method().Stages[0]
	base := StageKey(stage, data, nil, nil)
	changes := map[string]struct {
		key      v1alpha1.Digest
		wantSame bool
	}{
		"the same again":    {StageKey(method().Stages[0], data, nil, nil), true},
		"another dataset":   {StageKey(stage, other, nil, nil), false},
		"an initialisation": {StageKey(stage, data, []Parent{{"a", data}}, nil), false},
		"a frozen parent":   {StageKey(stage, data, nil, []Parent{{"a", data}}), false},
		"another image":     {StageKey(with(stage, func(s *v1alpha1.MethodStage) { s.Image = "x" }), data, nil, nil), false},
		"another parameter": {StageKey(with(stage, func(s *v1alpha1.MethodStage) { s.Params["steps"] = "11" }), data, nil, nil), false},
		"more memory": {StageKey(with(stage, func(s *v1alpha1.MethodStage) {
			s.Resources = &v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")}}
		}), data, nil, nil), true},
	}
	for name, test := range changes {
		t.Run(name, func(t *testing.T) {
			if same := test.key == base; same != test.wantSame {
				t.Errorf("same key: %t, want %t", same, test.wantSame)
			}
		})
	}
}

func with(s v1alpha1.MethodStage, change func(s *v1alpha1.MethodStage)) v1alpha1.MethodStage {
	copied := *s.DeepCopy()
	change(&copied)
	return copied
}

// The keys of finished work are stored: a release that computes them differently trains everything again. This test fails then.
func TestKeysStayTheSameFromReleaseToRelease(t *testing.T) {
	got := map[string]v1alpha1.Digest{
		"stage":      StageKey(method().Stages[0], "sha256:d", nil, nil),
		"evaluation": EvaluationKey("sha256:w", "sha256:d", 8, "worker:1", "runtime:1"),
		"publish":    PublishKey(PublishInput{Weights: "sha256:w", Golden: "sha256:g", Worker: "worker:1"}),
		"data tests": DataTestKey("sha256:d", nil, "worker:1", ""),
		"pin":        PinKey(v1alpha1.DatasetSpec{Layout: "VITONHD"}, ""),
	}
	want := map[string]v1alpha1.Digest{
		"stage":      "sha256:dc6ed41c2a34ad8c20cc5de63c6ec4f6c5d3e312896f00ed610211233b116349",
		"evaluation": "sha256:0d50c1ebcac41f31e2e7bebbda263cbec0a0aa813555b56a483702ca197f1a5b",
		"publish":    "sha256:79508dca55cf50e84bf3f6122a9204670ae4227605da599b16364aed84058dd7",
		"data tests": "sha256:38aef8f8a4aaaa2a98b8c3e8aabe06a2c0f75094d20d9feb5dc573721dca3f36",
		"pin":        "sha256:214780228f1a95d134409f8ba9a73032c6f1b686441862668f553a152353e36a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestTheOrderOfChecksMeansNothing(t *testing.T) {
	a, b := v1alpha1.CheckOverride{Name: "a", Budget: "1%"}, v1alpha1.CheckOverride{Name: "b", Severity: v1alpha1.SeverityWarn}
	if DataTestKey("sha256:d", []v1alpha1.CheckOverride{a, b}, "w", "") != DataTestKey("sha256:d", []v1alpha1.CheckOverride{b, a}, "w", "") {
		t.Error("the order of the checks changes the key")
	}
}

func TestMoreMemoryIsNoOtherDataset(t *testing.T) {
	model := &v1alpha1.TryOnModel{}
	model.Spec.Dataset = v1alpha1.DatasetSpec{Layout: v1alpha1.LayoutVITONHD, Source: v1alpha1.BlobSource{URI: "pvc://data/a"}}
	more := model.DeepCopy()
	more.Spec.Dataset.Resources = &v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("16Gi")}}
	pin := v1alpha1.PinStatus{Digest: v1alpha1.Digest("sha256:" + strings.Repeat("a", 64))}
	if PinKey(model.Spec.Dataset, "") != PinKey(more.Spec.Dataset, "") {
		t.Error("it would be pinned again")
	}
	if diff := cmp.Diff(Dataset(model, pin), Dataset(more, pin)); diff != "" {
		t.Errorf("it would be recorded and tested again (-want +got):\n%s", diff)
	}
}

func TestAnotherRoundPinsAgain(t *testing.T) {
	dataset := v1alpha1.DatasetSpec{Layout: v1alpha1.LayoutVITONHD}
	if PinKey(dataset, "") == PinKey(dataset, "1a2b3c4d") {
		t.Error("a retry gives the same key")
	}
}

func TestAnotherSecretPinsAgain(t *testing.T) {
	dataset := v1alpha1.DatasetSpec{Layout: v1alpha1.LayoutVITONHD, Source: v1alpha1.BlobSource{URI: "s3://vton/a"}}
	corrected := dataset
	corrected.Source.SecretRef.Name = "s3"
	if PinKey(dataset, "") == PinKey(corrected, "") {
		t.Error("a Job that waits for the wrong Secret stands for one with the right Secret")
	}
}

func TestDatasetVersionsAreSharedByUseAndNotByModel(t *testing.T) {
	model := func(name, license string) *v1alpha1.TryOnModel {
		m := &v1alpha1.TryOnModel{}
		m.Name, m.Namespace = name, "shop"
		m.Spec.Dataset = v1alpha1.DatasetSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/a"}, Layout: v1alpha1.LayoutVITONHD, License: license}
		return m
	}
	pin := v1alpha1.PinStatus{Digest: v1alpha1.Digest("sha256:" + strings.Repeat("a", 64))}
	tops, blouses, other := Dataset(model("tops", "MIT"), pin), Dataset(model("blouses", "MIT"), pin), Dataset(model("tops", "CC0-1.0"), pin)
	if tops.Name != blouses.Name {
		t.Errorf("two models of the same use got %s and %s", tops.Name, blouses.Name)
	}
	if tops.Name == other.Name {
		t.Errorf("another licence got the same record %s", tops.Name)
	}
}

func TestAPlanHasItsDefaultsAndLicences(t *testing.T) {
	model := &v1alpha1.TryOnModel{}
	model.Name, model.Spec.Dataset.License = "tops", "CC-BY-NC-4.0"
	m := &v1alpha1.TryOnMethod{Spec: method()}
	m.Name = "two-stages"
	dataset := &v1alpha1.TryOnDatasetVersion{}
	dataset.Name, dataset.Spec.Digest = "ds-1", "sha256:d"
	got, err := Version(model, m, dataset, "trainer:1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Backend != v1alpha1.BackendAuto || got.Version != 0 {
		t.Errorf("backend %q, version %d", got.Backend, got.Version)
	}
	if diff := cmp.Diff([]string{"Apache-2.0", "CC-BY-NC-4.0"}, got.Licenses); diff != "" {
		t.Errorf("licences (-want +got):\n%s", diff)
	}
	numbered := *got.DeepCopy()
	numbered.Version = 7
	if !SamePlan(got, numbered) {
		t.Error("the number alone makes another plan")
	}
	numbered.Stages[0].Params["steps"] = "11"
	if SamePlan(got, numbered) {
		t.Error("another parameter makes no other plan")
	}
}
