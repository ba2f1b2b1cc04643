package tryondeployment

import "github.com/braincreators/tryon-operator/api/v1alpha1"

// leaving says whether the object is being deleted. Nothing is left to do then: every child has the object as its controller and is
// collected with it, and the versions that it names are let go when it is gone.
func leaving(obj *v1alpha1.TryOnDeployment) bool { return !obj.DeletionTimestamp.IsZero() }
