package tryondeployment

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
	"github.com/braincreators/tryon-operator/internal/status"
)

func TestConditionsBearWithTroubleOfTheAPIServerForAMinute(t *testing.T) {
	services := schema.GroupResource{Resource: "services"}
	const well, unread = "Ready=True Serving; Available=True Serving", "Ready=Unknown ReconcileError; Available=True Serving"
	for name, tt := range map[string]struct {
		err error
		// retried says that the pass ends with the error; want are the conditions, minute by minute, and told the events after the last.
		retried bool
		want    []string
		told    int
	}{
		"it is busy":       {apierrors.NewTooManyRequests("the API server is busy", 1), true, []string{well, unread}, 1},
		"it is conflicted": {apierrors.NewConflict(services, "storefront", errors.New("stale")), false, []string{well, well}, 0},
		"it forbids":       {apierrors.NewForbidden(services, "storefront", errors.New("no")), true, []string{unread}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			obj := serve("tops", 0)
			status.Set(obj, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonServing, "tops-v1 is served by 1 pod")
			status.Set(obj, v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonServing, "tops-v1 takes requests")
			c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(obj).WithStatusSubresource(obj).WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					if _, asked := o.(*corev1.Service); asked {
						return tt.err
					}
					return c.Get(ctx, key, o, opts...)
				},
			}).Build()
			now, recorder := clocktesting.NewFakePassiveClock(servingpodtest.Noon), events.NewFakeRecorder(8)
			r := &Reconciler{Client: c, Live: c, Recorder: recorder, Clock: now, Runner: &runner.Runner{Cached: c, Live: c, Writer: c}}
			for minute, want := range tt.want {
				res, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(obj)})
				if errors.Is(err, tt.err) != tt.retried || (err == nil) != (res.RequeueAfter > 0) {
					t.Errorf("minute %d: the pass ends with %v and is done again after %s", minute, err, res.RequeueAfter)
				}
				if err := c.Get(t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
					t.Fatal(err)
				}
				if got := conditions(obj); got != want {
					t.Errorf("minute %d: %s, want %s", minute, got, want)
				}
				now.SetTime(now.Now().Add(time.Minute))
			}
			if len(recorder.Events) != tt.told {
				t.Errorf("%d events are told, want %d", len(recorder.Events), tt.told)
			}
		})
	}
}
