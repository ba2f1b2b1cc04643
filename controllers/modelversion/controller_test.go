package modelversion

import (
	"context"
	"errors"
	"testing"
	"time"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/status"
)

// noPyTorchJobs answers everything but lists of PyTorchJobs.
type noPyTorchJobs struct{ client.Client }

func (c noPyTorchJobs) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if _, asked := list.(*kubeflow.PyTorchJobList); asked {
		return apierrors.NewTooManyRequests("the API server is busy", 1)
	}
	return c.Client.List(ctx, list, opts...)
}

func TestAClusterThatDoesNotListPyTorchJobsTakesNothingBack(t *testing.T) {
	tests := map[string]struct {
		change     func(v *v1alpha1.TryOnModelVersion)
		wantErr    bool
		wantStatus metav1.ConditionStatus
		wantReason string
	}{
		"a published version stays ready": {
			func(v *v1alpha1.TryOnModelVersion) {
				v.Status.Weights = &v1alpha1.WeightsStatus{Digest: digest("servable")}
			}, false, metav1.ConditionTrue, v1alpha1.ReasonReady,
		},
		"an unfinished one of plain Jobs goes on": {
			func(v *v1alpha1.TryOnModelVersion) { v.Spec.Backend = v1alpha1.BackendJob }, false, metav1.ConditionFalse, v1alpha1.ReasonPending,
		},
		"another waits": {
			func(v *v1alpha1.TryOnModelVersion) {
				status.Set(v, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTraining, "Stage teacher")
			}, true, metav1.ConditionFalse, v1alpha1.ReasonTraining,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v := newWorld(t).version(1, test.change)
			built := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(v).WithStatusSubresource(v).Build()
			c := noPyTorchJobs{built}
			r := &Reconciler{Client: c, Recorder: events.NewFakeRecorder(8), Clock: clock.RealClock{}, Runner: &runner.Runner{Cached: c, Live: c}}
			_, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)})
			if (err != nil) != test.wantErr {
				t.Errorf("the pass ends with %v", err)
			}
			if err := built.Get(t.Context(), client.ObjectKeyFromObject(v), v); err != nil {
				t.Fatal(err)
			}
			ready := meta.FindStatusCondition(v.Status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Status != test.wantStatus || ready.Reason != test.wantReason {
				t.Errorf("Ready is %+v, want %s %s", ready, test.wantStatus, test.wantReason)
			}
		})
	}
}

func TestReadyBearsWithABusyAPIServerForAMinute(t *testing.T) {
	v := newWorld(t).version(1, nil)
	status.Set(v, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonTraining, "Stage teacher")
	c := noPyTorchJobs{fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(v).WithStatusSubresource(v).Build()}
	now, recorder := clocktesting.NewFakePassiveClock(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)), events.NewFakeRecorder(8)
	r := &Reconciler{Client: c, Recorder: recorder, Clock: now, Runner: &runner.Runner{Cached: c, Live: c}}
	for minute, want := range []string{v1alpha1.ReasonTraining, v1alpha1.ReasonReconcileError} {
		if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(v)}); !apierrors.IsTooManyRequests(err) {
			t.Errorf("minute %d: the pass ends with %v, want the error, so that it is tried again", minute, err)
		}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(v), v); err != nil {
			t.Fatal(err)
		}
		if ready := meta.FindStatusCondition(v.Status.Conditions, v1alpha1.ConditionReady); ready.Reason != want || len(recorder.Events) != minute {
			t.Errorf("minute %d: Ready is %s, and %d events are told; want %s and %d", minute, ready.Reason, len(recorder.Events), want, minute)
		}
		now.SetTime(now.Now().Add(time.Minute))
	}
}

func TestWeightsAreRecordedOnceWhatTheyMakeNeedlessIsStopped(t *testing.T) {
	v := newWorld(t).version(1, nil)
	plan := Plan{Phase: PhaseReady, Reason: v1alpha1.ReasonReady, Record: Record{Weights: &v1alpha1.WeightsStatus{Digest: digest("servable")}}}
	summarize(v, plan, errors.New("deleting PyTorchJob tops-v1-teacher: connection refused"))
	if ready := meta.FindStatusCondition(v.Status.Conditions, v1alpha1.ConditionReady); v.Status.Weights != nil || ready.Status != metav1.ConditionFalse {
		t.Errorf("while its work goes on: weights %+v, Ready %+v", v.Status.Weights, ready)
	}
	if c := meta.FindStatusCondition(v.Status.Conditions, v1alpha1.ConditionPublished); c == nil || c.Status != metav1.ConditionFalse {
		t.Errorf("while its work goes on: Published %+v", c)
	}
	summarize(v, plan, nil)
	if ready := meta.FindStatusCondition(v.Status.Conditions, v1alpha1.ConditionReady); v.Status.Weights == nil || ready.Status != metav1.ConditionTrue {
		t.Errorf("after it was stopped: weights %+v, Ready %+v", v.Status.Weights, ready)
	}
}
