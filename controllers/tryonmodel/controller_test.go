package tryonmodel

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/status"
)

func TestReadyBearsWithABusyAPIServerForAMinute(t *testing.T) {
	obj := newWorld().model
	status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "all is well")
	c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(obj).WithStatusSubresource(obj).WithInterceptorFuncs(interceptor.Funcs{
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return apierrors.NewTooManyRequests("the API server is busy", 1)
		},
	}).Build()
	now, recorder := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)), events.NewFakeRecorder(8)
	r := &Reconciler{Client: c, Recorder: recorder, Clock: now, Runner: &runner.Runner{Cached: c, Live: c, Writer: c}}
	for minute, want := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionUnknown} {
		if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(obj)}); !apierrors.IsTooManyRequests(err) {
			t.Errorf("minute %d: the pass ends with %v, want the error, so that it is tried again", minute, err)
		}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
			t.Fatal(err)
		}
		if ready := meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady); ready.Status != want || len(recorder.Events) != minute {
			t.Errorf("minute %d: Ready is %s, and %d events are told; want %s and %d", minute, ready.Status, len(recorder.Events), want, minute)
		}
		now.SetTime(now.Now().Add(time.Minute))
	}
}
