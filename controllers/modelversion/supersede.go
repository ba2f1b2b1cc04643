package modelversion

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
)

// successor names the newest version of the same model; empty when that is this one. A version that a deployment serves or asks for
// by its number has none: somebody waits for it.
func (d *decider) successor() string {
	if len(d.seen.Holders) > 0 || len(d.seen.AskedForBy) > 0 {
		return ""
	}
	name, highest := "", d.version.Spec.Version
	for i := range d.seen.Siblings {
		if s := &d.seen.Siblings[i]; sameModel(s, d.version) && s.Spec.Version > highest {
			name, highest = s.Name, s.Spec.Version
		}
	}
	return name
}

// sameModel compares the models that made two versions by their UID: a version that outlived its model, because it is served, says
// nothing about those of a later model of the same name.
func sameModel(a, b *v1alpha1.TryOnModelVersion) bool {
	x, y := metav1.GetControllerOf(a), metav1.GetControllerOf(b)
	return x != nil && y != nil && x.UID == y.UID
}

// supersede stops the work of an unfinished version that a newer one has taken the place of. A verdict stays what it was, and so do
// the results of finished stages, which the newer version adopts where the keys are equal; an interrupted stage of the same key goes
// on from its last checkpoint there.
func (d *decider) supersede(by string) {
	d.plan.Abandon = backend.Superseded(d.seen.Runs, "")
	d.plan.Phase = phaseOf(d.plan.Record)
	for i := range d.plan.Record.Stages {
		switch record := &d.plan.Record.Stages[i]; record.State {
		case v1alpha1.StageFailed:
			d.stage(i)
			return
		case v1alpha1.StagePending, v1alpha1.StageRunning:
			*record = v1alpha1.StageStatus{Name: record.Name, State: v1alpha1.StagePending}
		}
	}
	if d.plan.Phase == PhasePublishing && !d.judge() {
		d.plan.Phase = PhaseEvaluating
		if d.plan.Reason == v1alpha1.ReasonGateFailed {
			return
		}
	}
	d.stop(v1alpha1.ReasonSuperseded, fmt.Sprintf("TryOnModelVersion %s has taken its place; its work was stopped, and what it finished is kept", by))
}
