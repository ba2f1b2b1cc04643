package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
)

// counting counts how often the events are read.
type counting struct {
	cluster
	reads int
}

func (c *counting) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c.reads++
	return c.cluster.List(ctx, list, opts...)
}

// watched is a Job without a pod, and a runner that looks at it.
type watched struct {
	t      *testing.T
	events *counting
	runner *Runner
	job    *batchv1.Job
	run    backend.Run
}

func newWatched(t *testing.T) *watched {
	w := &watched{t: t, events: &counting{}, job: &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "tops-pin", Namespace: "shop", UID: "now", ResourceVersion: "1"}}}
	w.runner = &Runner{Live: w.events}
	return w
}

// refused tells the one refusal that there is.
func (w *watched) refused(message string) {
	e := corev1.Event{Reason: "FailedCreate", Message: message, LastTimestamp: metav1.NewTime(time.Now())}
	e.InvolvedObject.UID = w.job.UID
	w.events.events = []corev1.Event{e}
}

// look looks once and gives the reason of the trouble.
func (w *watched) look() string {
	w.t.Helper()
	w.run.Silent = true
	w.run.Trouble.Reason = ""
	if err := w.runner.explainSilence(w.t.Context(), &w.run, w.job, "Job"); err != nil {
		w.t.Fatal(err)
	}
	return w.run.Trouble.Reason
}

// looks looks every 10 seconds for a while and gives the number of readings.
func (w *watched) looks(d time.Duration, want string) int {
	w.t.Helper()
	before := w.events.reads
	for end := time.Now().Add(d); time.Now().Before(end); <-time.After(10 * time.Second) {
		if got := w.look(); got != want {
			w.t.Errorf("trouble %q, want %q", got, want)
		}
	}
	return w.events.reads - before
}

func TestTheEventsAboutAJobThatWaitsForHoursAreReadEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		w.looks(10*time.Second, "")
		w.refused("exceeded quota: gpus")
		if got := w.looks(30*time.Second, v1alpha1.ReasonQuotaExceeded); got != 3 {
			t.Errorf("in the half minute after the refusal its events were read %d times, want at every look", got)
		}
		w.looks(10*time.Minute, v1alpha1.ReasonQuotaExceeded)
		if got := w.looks(time.Hour, v1alpha1.ReasonQuotaExceeded); got > 13 {
			t.Errorf("an hour later they are read %d times an hour, want every five minutes", got)
		}
		w.job.ResourceVersion = "2"
		w.refused("admission webhook denied the request")
		if got := w.looks(30*time.Second, v1alpha1.ReasonPodRefused); got != 3 {
			t.Errorf("in the half minute after a change of the Job its events were read %d times", got)
		}
		w.looks(time.Hour, v1alpha1.ReasonPodRefused)
		w.run.LastPod = time.Now()
		if got := w.look(); got != "" {
			t.Errorf("after it had a pod the trouble is still %q", got)
		}
	})
}

func TestSilencesOfJobsThatAreGoneAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched(t)
		w.look()
		<-time.After(2*maxSilence + time.Second)
		w.job = &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "another", Namespace: "shop", UID: "another"}}
		w.look()
		if got := len(w.runner.silences.known); got != 1 {
			t.Errorf("%d silences are remembered, want that of the Job that was looked at", got)
		}
	})
}
