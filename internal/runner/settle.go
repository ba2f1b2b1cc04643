package runner

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
)

const (
	// settleDelay lets the cache catch up with the write that made ours stale.
	settleDelay = 100 * time.Millisecond
	// userDelay is how often we look whether somebody has removed what is in our way; no watch tells.
	userDelay = 30 * time.Second
)

// Settle decides by the kind of an error what follows a pass. A lost race for an object is another pass and no error: everything
// that was decided is decided again from the newer object. What only a user can change has been said in a condition and is looked at
// again now and then. A pass that the manager's end cut short is done by its successor.
func Settle(res ctrl.Result, err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: settleDelay}, nil
	case errors.Is(err, apply.ErrNotOwned), errors.Is(err, resources.ErrStore), errors.Is(err, resources.ErrTooSmall):
		return ctrl.Result{RequeueAfter: userDelay}, nil
	case errors.Is(err, context.Canceled):
		return ctrl.Result{}, nil
	}
	return res, err
}
