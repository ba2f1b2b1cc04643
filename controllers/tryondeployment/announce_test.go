package tryondeployment

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/metrics/metricstest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestWhatWasLeftIsToldOnceItIsWritten(t *testing.T) {
	for name, deleted := range map[string]bool{"moved": false, "deleted": true} {
		t.Run(name, func(t *testing.T) {
			obj := serve("tops", 0)
			obj.Finalizers, obj.Annotations = []string{names.CapturesFinalizer}, map[string]string{names.LeaveCapturesAnnotation: "true"}
			obj.Spec.Capture.To.URI, obj.Status.Capture = "pvc://captures/new", &v1alpha1.CaptureStatus{URI: "pvc://captures/old"}
			if deleted {
				obj.DeletionTimestamp = &metav1.Time{Time: servingpodtest.Noon}
			}
			refusing, recorder := true, events.NewFakeRecorder(8)
			refused := errors.New("etcd is not there")
			c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(obj).WithStatusSubresource(obj).WithInterceptorFuncs(interceptor.Funcs{
				SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
					if refusing {
						return refused
					}
					return c.SubResource(sub).Patch(ctx, o, p, opts...)
				},
				Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
					if refusing {
						return refused
					}
					return c.Patch(ctx, o, p, opts...)
				},
			}).Build()
			r := &Reconciler{Client: c, Live: c, Recorder: recorder, Clock: clocktesting.NewFakePassiveClock(servingpodtest.Noon), Runner: &runner.Runner{Cached: c, Live: c, Writer: c}}
			pass := func() ([]string, error) {
				_, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(obj)})
				var told []string
				for len(recorder.Events) > 0 {
					if e := <-recorder.Events; strings.Contains(e, v1alpha1.ReasonCapturesLeft) {
						told = append(told, e)
					}
				}
				return told, err
			}
			if told, err := pass(); len(told) > 0 || !errors.Is(err, refused) {
				t.Errorf("while nothing can be written %q is told, %v", told, err)
			}
			refusing = false
			if told, err := pass(); len(told) != 1 || err != nil {
				t.Errorf("told are %q, %v", told, err)
			}
			if told, err := pass(); len(told) > 0 || err != nil {
				t.Errorf("%q is told again, %v", told, err)
			}
		})
	}
}

func TestEachEntryOfTheHistoryIsToldOnceAndARefusalAsAWarning(t *testing.T) {
	recorder := events.NewFakeRecorder(8)
	r := &Reconciler{Recorder: recorder}
	obj, before := serve("tops", 0), v1alpha1.TryOnDeploymentStatus{}
	obj.Status.History = []v1alpha1.HistoryEntry{
		{Version: "tops-v4", Reason: v1alpha1.ReasonForwardsFailed, Message: "it failed 9 of 9", Time: &metav1.Time{Time: servingpodtest.Noon.Add(4)}},
		{Version: "tops-v3", Reason: v1alpha1.ReasonRolledBack, Message: "slow", Time: &metav1.Time{Time: servingpodtest.Noon.Add(3)}},
		{Version: "tops-v2", Reason: v1alpha1.ReasonRejected, Message: "blurred", Time: &metav1.Time{Time: servingpodtest.Noon.Add(2)}},
		{Version: "tops-v1", Reason: v1alpha1.ReasonPromoted, Message: "it took over", Time: &metav1.Time{Time: servingpodtest.Noon}},
	}
	for _, want := range [][]string{{
		"Normal Promoted tops-v1: it took over", "Warning Rejected tops-v2: blurred", "Warning RolledBack tops-v3: slow", "Warning ForwardsFailed tops-v4: it failed 9 of 9",
	}, nil} {
		r.announce(obj, before)
		var told []string
		for len(recorder.Events) > 0 {
			told = append(told, <-recorder.Events)
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
		before = obj.Status
	}
}

func TestARolloutThatEndedIsCountedOnce(t *testing.T) {
	const series = `tryon_rollouts_total{outcome="RolledBack"}`
	obj, before := serve("tops", 0), metricstest.Total(t, series)
	told := *obj.Status.DeepCopy()
	obj.Status.History = []v1alpha1.HistoryEntry{{Version: "tops-v2", Reason: v1alpha1.ReasonRolledBack, Time: &metav1.Time{Time: servingpodtest.Noon}}}
	r := &Reconciler{Recorder: events.NewFakeRecorder(8)}
	for range 2 {
		r.announce(obj, told)
		told = *obj.Status.DeepCopy()
	}
	if got := metricstest.Total(t, series) - before; got != 1 {
		t.Errorf("%g rollouts more are counted, want 1", got)
	}
}
