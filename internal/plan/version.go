package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

// ReferenceTrainer is the image name that stands for the reference trainer of this installation.
const ReferenceTrainer = "trainer"

// ErrStageNotFound says that a stage is named that the method does not have, or not before the stage that needs it.
var ErrStageNotFound = errors.New("stage not found")

// Stages gives the method's stages with the model's overrides applied and the reference trainer's image filled in. The method is
// not changed. Every error wraps ErrStageNotFound.
func Stages(method v1alpha1.TryOnMethodSpec, overrides []v1alpha1.StageOverride, trainerImage string) ([]v1alpha1.MethodStage, error) {
	stages := make([]v1alpha1.MethodStage, 0, len(method.Stages))
	for _, s := range method.Stages {
		stage := *s.DeepCopy()
		if stage.Image == ReferenceTrainer {
			stage.Image = trainerImage
		}
		stages = append(stages, stage)
	}
	for _, o := range overrides {
		i := slices.IndexFunc(stages, func(s v1alpha1.MethodStage) bool { return s.Name == o.Name })
		if i < 0 {
			return nil, fmt.Errorf("%w: training.stages names %q, but the method has %s", ErrStageNotFound, o.Name, stageNames(stages))
		}
		override(&stages[i], o)
	}
	return stages, checkOrder(stages)
}

func override(stage *v1alpha1.MethodStage, o v1alpha1.StageOverride) {
	if o.Nodes > 0 {
		stage.Nodes = o.Nodes
	}
	if o.GPUsPerNode != nil {
		gpus := *o.GPUsPerNode
		stage.GPUsPerNode = &gpus
	}
	if o.Resources != nil {
		stage.Resources = o.Resources.DeepCopy()
	}
	if len(o.Params) > 0 {
		if stage.Params == nil {
			stage.Params = map[string]string{}
		}
		maps.Copy(stage.Params, o.Params)
	}
}

// checkOrder makes sure that a stage refers only to stages before it, which the schema cannot say.
func checkOrder(stages []v1alpha1.MethodStage) error {
	before := map[string]bool{}
	for _, s := range stages {
		for _, parent := range Parents(s) {
			if !before[parent] {
				return fmt.Errorf("%w: stage %q needs %q, which does not come before it", ErrStageNotFound, s.Name, parent)
			}
		}
		before[s.Name] = true
	}
	return nil
}

// Parents names the stages whose weights a stage needs.
func Parents(s v1alpha1.MethodStage) []string {
	var parents []string
	if s.InitFrom != "" {
		parents = append(parents, s.InitFrom)
	}
	return append(parents, s.FreezeFrom...)
}

// Dataset is the immutable record that a model needs of the content that was pinned. Its name is the same for every model of the
// namespace that uses the same content in the same way.
func Dataset(model *v1alpha1.TryOnModel, pin v1alpha1.PinStatus) *v1alpha1.TryOnDatasetVersion {
	spec := model.Spec
	d := &v1alpha1.TryOnDatasetVersion{
		Spec: v1alpha1.TryOnDatasetVersionSpec{
			Source:   *spec.Dataset.Source.DeepCopy(),
			Layout:   spec.Dataset.Layout,
			Digest:   pin.Digest,
			License:  spec.Dataset.License,
			Contents: *pin.Contents.DeepCopy(),
			Checks:   slices.Clone(spec.DataTests.Checks),
		},
	}
	d.Namespace = model.Namespace
	d.Name = names.DatasetVersion(string(pin.Digest), suite(spec.Dataset, spec.DataTests.Checks))
	return d
}

// Version is the plan of a model on a dataset by a method. Its version number is 0, so that plans can be compared.
func Version(model *v1alpha1.TryOnModel, method *v1alpha1.TryOnMethod, dataset *v1alpha1.TryOnDatasetVersion, trainerImage string) (v1alpha1.TryOnModelVersionSpec, error) {
	stages, err := Stages(method.Spec, model.Spec.Training.Stages, trainerImage)
	if err != nil {
		return v1alpha1.TryOnModelVersionSpec{}, err
	}
	return v1alpha1.TryOnModelVersionSpec{
		Model:      v1alpha1.ModelReference{Name: model.Name},
		Method:     method.Name,
		Dataset:    v1alpha1.VersionDataset{Name: dataset.Name, Digest: dataset.Spec.Digest},
		Licenses:   licenses(model.Spec.Dataset.License, method.Spec.License),
		Backend:    backendOf(model.Spec.Training),
		Stages:     stages,
		Serving:    method.Spec.Serving,
		Evaluation: *model.Spec.Evaluation.DeepCopy(),
		Placement:  *model.Spec.Training.Placement.DeepCopy(),
	}, nil
}

// backendOf fills in the default: the schema's reaches only models that have a training section.
func backendOf(training v1alpha1.TrainingSpec) v1alpha1.Backend {
	if training.Backend == "" {
		return v1alpha1.BackendAuto
	}
	return training.Backend
}

// SamePlan tells whether two versions are the same but for their number.
func SamePlan(a, b v1alpha1.TryOnModelVersionSpec) bool {
	a.Version, b.Version = 0, 0
	return equality.Semantic.DeepEqual(a, b)
}

func licenses(all ...string) []string {
	slices.Sort(all)
	return slices.Compact(all)
}

func stageNames(stages []v1alpha1.MethodStage) string {
	var list string
	for i, s := range stages {
		if i > 0 {
			list += ", "
		}
		list += s.Name
	}
	return list
}
