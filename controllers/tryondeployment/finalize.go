package tryondeployment

import "github.com/braincreators/tryon-operator/internal/erasing"

// eraser holds an object that is being deleted until its captured requests are erased. Nothing else is left to do then: every child has the
// object as its controller and is collected with it, and the versions that it names are let go when it is gone.
func (r *Reconciler) eraser() *erasing.Eraser {
	return &erasing.Eraser{Client: r.Client, Run: r.Runner, Recorder: r.Recorder}
}
