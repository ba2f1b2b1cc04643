package tryonmodel

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Phase is how far a model is; later phases are greater.
type Phase int

// The phases in their order.
const (
	PhaseSpec Phase = iota
	PhasePinning
	PhaseTesting
	PhaseVersion
	PhaseReady
)

// Plan is what one pass decided.
type Plan struct {
	Phase Phase
	// Reason and Message are those of Ready, and of the condition of the current phase.
	Reason  string
	Message string
	// Pin is the recorded outcome; PinKey what would be pinned now, and StartPin the attempt to start; nil for none.
	Pin      *v1alpha1.PinStatus
	PinKey   v1alpha1.Digest
	StartPin *resources.Attempt
	// RenewPin is the attempt that has not begun and is replaced where the spec would build it differently now; nil for none.
	RenewPin *backend.Run
	// Abandon are pin Jobs under way whose source is not asked for any more.
	Abandon []backend.Run
	// Dataset and Version are to be applied; nil when there is nothing to write.
	Dataset *v1alpha1.TryOnDatasetVersion
	Version *v1alpha1.TryOnModelVersion
	// DatasetName is the dataset version in use; empty while there is none.
	DatasetName string
	// Current is the version of the current plan; nil while there is none.
	Current      *v1alpha1.TryOnModelVersion
	RecheckAfter time.Duration
}

type decider struct {
	model *v1alpha1.TryOnModel
	seen  Observed
	now   time.Time
	plan  Plan
}

// decide says what comes next for a model. Each step either is done and lets the next one look, or ends the decision.
func decide(model *v1alpha1.TryOnModel, seen Observed, now time.Time) Plan {
	d := decider{model: model, seen: seen, now: now}
	d.plan.Pin = model.Status.Pin.DeepCopy()
	_ = d.check() && d.pin() && d.test() && d.train()
	return d.plan
}

func (d *decider) stop(reason, message string) bool {
	d.plan.Reason, d.plan.Message = reason, message
	return false
}

// check finds what makes the spec impossible before anything runs.
func (d *decider) check() bool {
	if d.seen.Method == nil {
		return d.stop(v1alpha1.ReasonMethodNotFound,
			fmt.Sprintf("There is no TryOnMethod %q; kubectl get tomethod lists those that there are", d.model.Spec.Method.Name))
	}
	if _, err := plan.Stages(d.seen.Method.Spec, d.model.Spec.Training.Stages, d.seen.TrainerImage); err != nil {
		return d.stop(v1alpha1.ReasonStageNotFound, err.Error())
	}
	return true
}

// pin makes sure that the dataset's content is known by digest.
func (d *decider) pin() bool {
	d.plan.Phase = PhasePinning
	key := plan.PinKey(d.model.Spec.Dataset, resources.Round(d.model.Annotations[names.RetryAnnotation]))
	d.plan.PinKey = key
	if d.plan.Pin != nil && d.plan.Pin.Key == key {
		d.plan.Abandon = backend.Superseded(d.seen.Runs, "")
		return d.usable()
	}
	d.plan.Abandon = backend.Superseded(d.seen.Runs, key)
	next := backend.Decide(d.seen.Runs, key, "", d.now)
	d.plan.StartPin, d.plan.RecheckAfter = next.Start, next.Wait
	if next.Unbegun {
		d.plan.RenewPin = next.Run
	}
	switch {
	case next.Errored:
		return d.stop(v1alpha1.ReasonPinFailed, "The dataset "+d.model.Spec.Dataset.Source.URI+" could not be read: "+next.Message)
	case next.Run == nil:
		return d.stop(v1alpha1.ReasonPinning, "The dataset's digest is computed")
	case next.Run.State == backend.Reported:
		return d.pinned(key, next.Run.Report)
	case next.Run.Trouble.Reason != "":
		return d.stop(next.Run.Trouble.Reason, next.Run.Trouble.Message)
	}
	return d.stop(v1alpha1.ReasonPinning, "The dataset's digest is computed"+next.Hitch())
}

// pinned records what a pin Job found. A dataset that cannot be used is recorded too: another look at it follows a change of the spec
// or the retry annotation, not the end of the Job's days.
func (d *decider) pinned(key v1alpha1.Digest, envelope report.Envelope) bool {
	d.plan.Pin = readPin(key, envelope)
	return d.usable()
}

// usable tells whether the recorded content can be used.
func (d *decider) usable() bool {
	if d.plan.Pin.Digest == "" {
		return d.stop(v1alpha1.ReasonPinFailed, "The dataset cannot be used: "+cmp.Or(d.plan.Pin.Message, "its pin failed without a word"))
	}
	return true
}

// test makes sure that the content has a record, and that its data unit tests passed.
func (d *decider) test() bool {
	d.plan.Phase = PhaseTesting
	wanted := plan.Dataset(d.model, *d.plan.Pin)
	d.plan.DatasetName = wanted.Name
	existing := d.dataset(wanted.Name)
	if existing == nil {
		d.share(wanted, nil)
		return d.stop(v1alpha1.ReasonDataTesting, "TryOnDatasetVersion "+wanted.Name+" is recorded")
	}
	if !owns(d.model, existing.OwnerReferences) {
		wanted.Spec = *existing.Spec.DeepCopy()
		d.share(wanted, existing.OwnerReferences)
	}
	tests := existing.Status.Tests
	if tests != nil && tests.Verdict == v1alpha1.DataTestsVerdictPassed {
		return true
	}
	return d.lift(existing.Name, existing.Status.Conditions, v1alpha1.ReasonDataTesting)
}

// share prepares a record that this model owns together with others; none of them controls it.
func (d *decider) share(dataset *v1alpha1.TryOnDatasetVersion, owners []metav1.OwnerReference) {
	dataset.Labels = names.Labels()
	dataset.OwnerReferences = append(slices.Clone(owners), metav1.OwnerReference{
		APIVersion: v1alpha1.GroupVersion.String(), Kind: "TryOnModel", Name: d.model.Name, UID: d.model.UID,
	})
	d.plan.Dataset = dataset
}

// train makes sure that the newest version has the plan that the spec asks for, and waits for it.
func (d *decider) train() bool {
	d.plan.Phase = PhaseVersion
	wanted, err := plan.Version(d.model, d.seen.Method, d.dataset(d.plan.DatasetName), d.seen.TrainerImage)
	if err != nil {
		return d.stop(v1alpha1.ReasonStageNotFound, err.Error())
	}
	newest := newestOf(d.seen.Versions)
	if newest == nil || !plan.SamePlan(newest.Spec, wanted) && !d.sameButForTheTrainer(newest) {
		wanted.Version = d.nextNumber()
		d.plan.Version = d.makeVersion(wanted)
		return d.stop(v1alpha1.ReasonPending, "TryOnModelVersion "+d.plan.Version.Name+" is recorded")
	}
	d.plan.Current = newest
	if meta.IsStatusConditionTrue(newest.Status.Conditions, v1alpha1.ConditionReady) {
		d.plan.Phase = PhaseReady
		d.plan.Reason, d.plan.Message = v1alpha1.ReasonReady, "TryOnModelVersion "+newest.Name+" passed: "+cmp.Or(newest.Status.Score, "no score")
		return true
	}
	return d.lift(newest.Name, newest.Status.Conditions, v1alpha1.ReasonPending)
}

// sameButForTheTrainer tells whether a version is what the spec asks for with the trainer that it was planned with: an upgrade of the
// operator alone must not train every model anew.
func (d *decider) sameButForTheTrainer(version *v1alpha1.TryOnModelVersion) bool {
	trainer := version.Annotations[names.AnnotationTrainer]
	if trainer == "" {
		return false
	}
	wanted, err := plan.Version(d.model, d.seen.Method, d.dataset(d.plan.DatasetName), trainer)
	return err == nil && plan.SamePlan(version.Spec, wanted)
}

// lift repeats what the child says of itself, so that nobody has to look further than the model.
func (d *decider) lift(name string, conditions []metav1.Condition, unknown string) bool {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Reason == v1alpha1.ReasonReady {
		return d.stop(unknown, name+" has begun")
	}
	return d.stop(ready.Reason, name+": "+ready.Message)
}

func (d *decider) makeVersion(spec v1alpha1.TryOnModelVersionSpec) *v1alpha1.TryOnModelVersion {
	version := &v1alpha1.TryOnModelVersion{Spec: spec}
	version.Namespace = d.model.Namespace
	version.Name = names.ModelVersion(d.model.Name, spec.Version)
	version.Labels = names.Labels(names.LabelModel, d.model.Name)
	version.Annotations = map[string]string{names.AnnotationTrainer: d.seen.TrainerImage}
	return version
}

// nextNumber never gives a number again that a deleted version had: the status remembers the last one. Nor one that a version of an
// earlier model of the same name still has.
func (d *decider) nextNumber() int64 {
	return max(numberOf(d.model.Status.LatestVersion, d.model.Name), d.seen.HighestNumber) + 1
}

// numberOf reads a version's number out of its name; 0 when it is not a name of one.
func numberOf(version, model string) int64 {
	text, found := strings.CutPrefix(version, model+"-v")
	n, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || n < 0 {
		return 0
	}
	return n
}

func (d *decider) dataset(name string) *v1alpha1.TryOnDatasetVersion {
	for i := range d.seen.Datasets {
		if d.seen.Datasets[i].Name == name {
			return &d.seen.Datasets[i]
		}
	}
	return nil
}

func owns(model *v1alpha1.TryOnModel, owners []metav1.OwnerReference) bool {
	return slices.ContainsFunc(owners, func(o metav1.OwnerReference) bool { return o.UID == model.UID })
}

func newestOf(versions []v1alpha1.TryOnModelVersion) *v1alpha1.TryOnModelVersion {
	var newest *v1alpha1.TryOnModelVersion
	for i := range versions {
		if newest == nil || versions[i].Spec.Version > newest.Spec.Version {
			newest = &versions[i]
		}
	}
	return newest
}

// readPin reads a report of a pin Job; its message is set when the content cannot be used.
func readPin(key v1alpha1.Digest, envelope report.Envelope) *v1alpha1.PinStatus {
	unusable := func(message string) *v1alpha1.PinStatus {
		return &v1alpha1.PinStatus{Key: key, Message: podwatch.Cut(message)}
	}
	if envelope.Verdict != report.Passed {
		return unusable(cmp.Or(envelope.Message, "its report says so"))
	}
	var s report.PinSummary
	if err := envelope.Into(report.KindPin, &s); err != nil {
		return unusable("reading pin report: " + err.Error())
	}
	if !report.ValidDigest(s.Digest) || s.Files < 0 || s.Bytes < 0 || s.TrainPairs < 0 || s.TestPairs < 0 || s.Height < 0 || s.Width < 0 {
		return unusable(fmt.Sprintf("the pin report makes no sense: digest %q", s.Digest))
	}
	return &v1alpha1.PinStatus{
		Key: key, Digest: v1alpha1.Digest(s.Digest),
		Contents: v1alpha1.DatasetContents{
			Files: ptr.To(s.Files), Bytes: ptr.To(s.Bytes), TrainPairs: ptr.To(s.TrainPairs), TestPairs: ptr.To(s.TestPairs),
			Height: ptr.To(s.Height), Width: ptr.To(s.Width),
		},
	}
}
