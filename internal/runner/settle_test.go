package runner

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
)

func TestTheKindOfAnErrorDecidesWhatFollows(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "jobs"}, "x", errors.New("stale"))
	broken := errors.New("connection refused")
	tests := map[string]struct {
		err       error
		wantAfter time.Duration
		wantErr   error
	}{
		"none":                   {nil, time.Minute, nil},
		"a lost race":            {fmt.Errorf("writing status: %w", errors.Join(nil, conflict)), settleDelay, nil},
		"a foreign object":       {fmt.Errorf("applying: %w", apply.ErrNotOwned), userDelay, nil},
		"too little memory":      {fmt.Errorf("making: %w", resources.ErrTooSmall), userDelay, nil},
		"a store of no use":      {fmt.Errorf("making: %w", resources.ErrStore), userDelay, nil},
		"the end of the manager": {fmt.Errorf("writing status: %w", context.Canceled), 0, nil},
		"anything else":          {broken, time.Minute, broken},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			res, err := Settle(ctrl.Result{RequeueAfter: time.Minute}, test.err)
			if res.RequeueAfter != test.wantAfter || !errors.Is(err, test.wantErr) || (test.wantErr == nil && err != nil) {
				t.Errorf("got %s, %v; want %s, %v", res.RequeueAfter, err, test.wantAfter, test.wantErr)
			}
		})
	}
}
