package runner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/backend"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// cluster answers lists with what it holds.
type cluster struct {
	client.Reader
	events []corev1.Event
	err    error
}

func (c cluster) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	events, ok := list.(*corev1.EventList)
	if !ok {
		return c.err
	}
	options := (&client.ListOptions{}).ApplyOptions(opts)
	// Like the API server, it gives the oldest first, a page at a time.
	from, _ := strconv.Atoi(options.Continue)
	to := min(from+int(options.Limit), len(c.events))
	events.Items = append(events.Items, c.events[from:to]...)
	if to < len(c.events) {
		events.Continue = strconv.Itoa(to)
	}
	return c.err
}

func TestOnlyARefusalAfterTheLastPodExplainsAMissingOne(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "tops-pin", Namespace: "shop", UID: "now"}}
	refusal := func(uid, reason string, at time.Duration) corev1.Event {
		e := corev1.Event{Reason: reason, Message: "exceeded quota: gpus", LastTimestamp: metav1.NewTime(noon.Add(at))}
		e.InvolvedObject.UID = job.UID
		if uid != "" {
			e.InvolvedObject.UID = "earlier"
		}
		return e
	}
	tests := map[string]struct {
		silent bool
		event  corev1.Event
		want   string
	}{
		"a refusal after the last pod":      {true, refusal("", "FailedCreate", time.Minute), v1alpha1.ReasonQuotaExceeded},
		"a refusal of a PyTorchJob's pod":   {true, refusal("", "FailedCreatePod", time.Minute), v1alpha1.ReasonQuotaExceeded},
		"a refusal that has been lifted":    {true, refusal("", "FailedCreate", -time.Minute), ""},
		"a refusal of an earlier Job":       {true, refusal("earlier", "FailedCreate", time.Minute), ""},
		"another warning":                   {true, refusal("", "BackoffLimitExceeded", time.Minute), ""},
		"a refusal though no pod is missed": {false, refusal("", "FailedCreate", time.Minute), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := &Runner{Live: cluster{events: []corev1.Event{test.event}}}
			run := backend.Run{Silent: test.silent, LastPod: noon}
			if err := r.explainSilence(t.Context(), &run, job, "Job"); err != nil {
				t.Fatal(err)
			}
			if run.Trouble.Reason != test.want {
				t.Errorf("trouble %+v, want reason %q", run.Trouble, test.want)
			}
		})
	}
}

func TestTheNewestRefusalIsToldHoweverManyThereWere(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "tops-pin", Namespace: "shop", UID: "now"}}
	var events []corev1.Event
	for n := range 3 * eventsPerPage {
		e := corev1.Event{Reason: "FailedCreate", Message: fmt.Sprintf("refusal %d", n), LastTimestamp: metav1.NewTime(noon.Add(time.Duration(n) * time.Second))}
		e.InvolvedObject.UID = job.UID
		events = append(events, e)
	}
	run := backend.Run{Silent: true}
	if err := (&Runner{Live: cluster{events: events}}).explainSilence(t.Context(), &run, job, "Job"); err != nil {
		t.Fatal(err)
	}
	if run.Trouble.Reason != v1alpha1.ReasonPodRefused || !strings.HasSuffix(run.Trouble.Message, fmt.Sprintf("refusal %d", len(events)-1)) {
		t.Errorf("told is %+v", run.Trouble)
	}
}

func TestPyTorchJobsAreServedAsLongAsTheClusterListsThem(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Group: kubeflow.GroupVersion.Group, Resource: "pytorchjobs"}, "")
	never := &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: kubeflow.GroupVersion.Group, Kind: kubeflow.PyTorchJobKind}}
	for name, test := range map[string]struct {
		err        error
		wantServed bool
	}{
		"served": {nil, true}, "uninstalled since": {gone, false}, "never installed": {never, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Runner{Live: cluster{err: test.err}, Cached: cluster{}}
			runs, served, err := r.PyTorchJobs(t.Context(), &v1alpha1.TryOnModelVersion{}, nil)
			if err != nil || len(runs) != 0 || served != test.wantServed {
				t.Errorf("got %v, served %t, %v", runs, served, err)
			}
		})
	}
	broken := &Runner{Live: cluster{err: apierrors.NewServiceUnavailable("etcd")}}
	if _, _, err := broken.PyTorchJobs(t.Context(), &v1alpha1.TryOnModelVersion{}, nil); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("a cluster that does not answer gives %v", err)
	}
}

// deleted remembers what was deleted.
type deleted struct {
	client.Writer
	names []string
}

func (d *deleted) Delete(_ context.Context, obj client.Object, _ ...client.DeleteOption) error {
	d.names = append(d.names, obj.GetName())
	return nil
}

func TestAJobThatWouldBeBuiltDifferentlyIsReplaced(t *testing.T) {
	make := func(node string) *batchv1.Job {
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "tops-pin", Namespace: "shop"}}
		job.Spec.Template.Spec.NodeSelector = map[string]string{"pool": node}
		return job
	}
	made := make("a")
	if err := stamp(made); err != nil {
		t.Fatal(err)
	}
	run := backend.FromJob(made, nil)
	for node, want := range map[string]int{"a": 0, "b": 1} {
		gone := &deleted{}
		if err := (&Runner{Writer: gone}).Renew(t.Context(), run, make(node)); err != nil {
			t.Fatal(err)
		}
		if len(gone.names) != want {
			t.Errorf("for pool %s %v was deleted", node, gone.names)
		}
	}
}

func TestOnlyTheJobThatWasSeenIsStopped(t *testing.T) {
	c := apitest.Client(t, apitest.Start(t))
	owner := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "tops", Namespace: "default"}}
	if err := c.Create(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	r := &Runner{Cached: c, Live: c, Writer: c}
	labels := client.MatchingLabels{"app": "tops"}
	create := func() backend.Run {
		t.Helper()
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "tops-pin", Namespace: "default", Labels: labels}}
		job.Spec.Template.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "pin", Image: "worker"}}}
		if err := errors.Join(controllerutil.SetControllerReference(owner, job, c.Scheme()), c.Create(t.Context(), job)); err != nil {
			t.Fatal(err)
		}
		runs, err := r.Jobs(t.Context(), owner, labels)
		if err != nil || len(runs) != 1 {
			t.Fatalf("seen are %+v, %v", runs, err)
		}
		return runs[0]
	}
	stop := func(what string, run backend.Run, wantLeft int) {
		t.Helper()
		if err := r.Stop(t.Context(), "default", run); err != nil {
			t.Errorf("stopping %s: %v", what, err)
		}
		if runs, err := r.Jobs(t.Context(), owner, labels); err != nil || len(runs) != wantLeft {
			t.Errorf("after stopping %s there are %d jobs (%v), want %d", what, len(runs), err, wantLeft)
		}
	}
	first := create()
	stop("the first", first, 0)
	stop("the first, which is gone", first, 0)
	second := create()
	stop("the first, whose name another has", first, 1)
	stop("one that was never seen", backend.Run{Name: second.Name}, 1)
	stop("the second", second, 0)
}
