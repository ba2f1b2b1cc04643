package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-logr/logr"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

const (
	patience = 40 * time.Second
	quiet    = 1500 * time.Millisecond
)

// world is a real API server with the manager against it; the test plays the Job controller and the kubelet.
type world struct {
	t         *testing.T
	ctx       context.Context
	config    *rest.Config
	client    client.Client
	namespace string
	system    string
	// worker is the image that the next manager is started with, metrics where it serves those, and certificate the folder with what it shows there.
	worker, metrics, certificate string
	stop                         func()
}

const twoStages = `
apiVersion: tryon.braincreators.com/v1alpha1
kind: TryOnMethod
metadata: {name: two-stages}
spec:
  license: Apache-2.0
  serving: {stage: student, signature: tryon/v1}
  stages:
  - {name: teacher, image: trainer, command: [train], params: {steps: "10"}}
  - {name: student, image: trainer, command: [train], params: {steps: "20"}, freezeFrom: [teacher]}
`

// TestMain sends the manager's log to the output of go test -v.
func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	os.Exit(m.Run())
}

// dump tells what the story had come to when it failed.
func (w *world) dump() {
	var models v1alpha1.TryOnModelList
	var datasets v1alpha1.TryOnDatasetVersionList
	var versions v1alpha1.TryOnModelVersionList
	for _, list := range []client.ObjectList{&models, &datasets, &versions} {
		if err := w.client.List(context.Background(), list, client.InNamespace(w.namespace)); err != nil {
			w.t.Logf("listing %T: %v", list, err)
		}
	}
	for _, m := range models.Items {
		w.t.Logf("model %s: %+v", m.Name, m.Status)
	}
	for _, d := range datasets.Items {
		w.t.Logf("dataset %s: %+v", d.Name, d.Status)
	}
	for _, v := range versions.Items {
		w.t.Logf("version %s: %+v", v.Name, v.Status)
	}
}

var worlds atomic.Int64

// newWorld makes the namespaces of one story.
func newWorld(t *testing.T, config *rest.Config) *world {
	t.Helper()
	n := worlds.Add(1)
	w := &world{
		t: t, ctx: t.Context(), config: config, client: apitest.Client(t, config),
		namespace: fmt.Sprintf("shop-%d", n), system: fmt.Sprintf("tryon-system-%d", n),
		worker: "worker:1", metrics: "0",
	}
	t.Cleanup(func() {
		if t.Failed() {
			w.dump()
		}
	})
	for _, name := range []string{w.namespace, w.system} {
		w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return w
}

// startManager runs the real manager until the test ends or stopManager is called.
func (w *world) startManager() {
	w.t.Helper()
	store, err := resources.ParseStore("pvc://tryon-artefacts")
	if err != nil {
		w.t.Fatal(err)
	}
	store.Size = resource.MustParse("1Gi")
	options := Options{
		WorkerImage: w.worker, SidecarImage: "sidecar:1", RuntimeImage: "runtime:1", TrainerImage: "trainer:1", Store: store,
		Namespace: w.system, MetricsBindAddress: w.metrics, MetricsSecure: true, MetricsCertDir: w.certificate, HealthProbeBindAddress: "0", sameProcess: true,
	}
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, w.config, options, fstest.MapFS{"two-stages.yaml": {Data: []byte(twoStages)}})
	}()
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the manager ended with %v", err)
		}
	}
	w.t.Cleanup(func() { w.stop() })
}

func (w *world) create(obj client.Object) {
	w.t.Helper()
	if err := w.client.Create(w.ctx, obj); err != nil {
		w.t.Fatalf("creating %s: %v", obj.GetName(), err)
	}
}

func (w *world) get(name string, obj client.Object) error {
	return w.client.Get(w.ctx, client.ObjectKey{Namespace: w.namespace, Name: name}, obj)
}

// eventually waits until look finds nothing to complain about.
func (w *world) eventually(what string, look func() error) {
	w.t.Helper()
	last := errors.New("not looked at")
	err := wait.PollUntilContextTimeout(w.ctx, 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = look()
		return last == nil, nil
	})
	if err != nil {
		w.t.Fatalf("%s: %v", what, last)
	}
}

// never makes sure for a while that look keeps failing to find what must not be.
func (w *world) never(what string, look func() bool) {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.ctx, 50*time.Millisecond, quiet, true, func(context.Context) (bool, error) { return look(), nil })
	if err == nil {
		w.t.Fatal(what)
	}
}

// model is the manifest that the stories begin with.
func (w *world) model(name string) *v1alpha1.TryOnModel {
	m := &v1alpha1.TryOnModel{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
	m.Spec.Method.Name = "two-stages"
	m.Spec.Dataset.Source.URI = "pvc://data/zalando"
	m.Spec.Dataset.License = "CC-BY-NC-4.0"
	m.Spec.Evaluation.Gates = []v1alpha1.MetricGate{{Metric: v1alpha1.MetricGarmentSSIM, Min: ptr.To(v1alpha1.Decimal("0.6"))}}
	return m
}

// change applies a mutation to the newest state of the model.
func (w *world) change(name string, mutate func(m *v1alpha1.TryOnModel)) {
	w.t.Helper()
	w.eventually("changing "+name, func() error {
		m := &v1alpha1.TryOnModel{}
		if err := w.get(name, m); err != nil {
			return err
		}
		mutate(m)
		return w.client.Update(w.ctx, m)
	})
}

// reason waits for the reason of Ready.
func (w *world) reason(obj interface {
	client.Object
	ConditionList() *[]metav1.Condition
}, name, want string,
) string {
	w.t.Helper()
	var message string
	w.eventually("waiting for reason "+want+" of "+name, func() error {
		if err := w.get(name, obj); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(*obj.ConditionList(), v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != want {
			return fmt.Errorf("Ready is %+v", ready)
		}
		message = ready.Message
		return nil
	})
	return message
}

// jobs lists the Jobs of one kind of work.
func (w *world) jobs(kind resources.Kind, stage string) []batchv1.Job {
	w.t.Helper()
	labels := client.MatchingLabels{names.LabelWork: string(kind)}
	if stage != "" {
		labels[names.LabelStage] = stage
	}
	var list batchv1.JobList
	if err := w.client.List(w.ctx, &list, client.InNamespace(w.namespace), labels); err != nil {
		w.t.Fatalf("listing jobs: %v", err)
	}
	return list.Items
}

// openJob waits for the one Job of a kind that has not ended.
func (w *world) openJob(kind resources.Kind, stage string) *batchv1.Job {
	w.t.Helper()
	var open *batchv1.Job
	w.eventually(fmt.Sprintf("waiting for the Job of %s %s", kind, stage), func() error {
		open = nil
		for _, j := range w.jobs(kind, stage) {
			if len(j.Status.Conditions) == 0 && j.DeletionTimestamp == nil {
				open = j.DeepCopy()
			}
		}
		if open == nil {
			return errors.New("there is none")
		}
		return nil
	})
	return open
}

// pod creates a pod of a Job as the Job controller would, in a phase that the kubelet would report.
func (w *world) pod(job *batchv1.Job, status corev1.PodStatus) *corev1.Pod {
	w.t.Helper()
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Namespace, pod.GenerateName = job.Namespace, job.Name+"-"
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))}
	w.create(pod)
	pod.Status = status
	for i := range status.ContainerStatuses {
		pod.Status.ContainerStatuses[i].Name = pod.Spec.Containers[i].Name
	}
	if err := w.client.Status().Update(w.ctx, pod); err != nil {
		w.t.Fatalf("writing pod status: %v", err)
	}
	return pod
}

func ended(message string, code int32) []corev1.ContainerStatus {
	return []corev1.ContainerStatus{{
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Message: message, Reason: "Completed", StartedAt: metav1.Now(), FinishedAt: metav1.Now(),
		}},
	}}
}

// finish ends a Job with a report, as worker, kubelet and Job controller together would.
func (w *world) finish(job *batchv1.Job, kind report.Kind, verdict report.Verdict, summary any) {
	w.t.Helper()
	envelope, err := report.New(kind, job.Annotations[names.AnnotationKey], verdict, summary)
	if err != nil {
		w.t.Fatal(err)
	}
	envelope.Report = &report.Reference{URI: "reports/x.json", Digest: digest("report")}
	body, err := envelope.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.pod(job, corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: ended(string(body), 0)})
	now := ptr.To(metav1.Now())
	job.Status = batchv1.JobStatus{StartTime: now, CompletionTime: now, Succeeded: 1, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: *now},
		{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: *now},
	}}
	if err := w.client.Status().Update(w.ctx, job); err != nil {
		w.t.Fatalf("completing job: %v", err)
	}
}

// giveUp fails a Job at a time in the past or now, after a pod that ended with a message.
func (w *world) giveUp(job *batchv1.Job, message string, when time.Time) {
	w.t.Helper()
	w.pod(job, corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: ended(message, 1)})
	at := metav1.NewTime(when)
	job.Status = batchv1.JobStatus{StartTime: &at, Failed: 4, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: at},
		{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: "BackoffLimitExceeded", LastTransitionTime: at},
	}}
	if err := w.client.Status().Update(w.ctx, job); err != nil {
		w.t.Fatalf("failing job: %v", err)
	}
}

// The pieces of a run that goes well.
func (w *world) pin() {
	w.t.Helper()
	w.finish(w.openJob(resources.Pin, ""), report.KindPin, report.Passed,
		report.PinSummary{Digest: digest("data"), Files: 8, Bytes: 800, TrainPairs: 3, TestPairs: 2, Height: 128, Width: 96})
}

func (w *world) passDataTests() {
	w.t.Helper()
	w.finish(w.openJob(resources.DataTest, ""), report.KindDataTests, report.Passed, report.DataTestsSummary{Checks: 20, Passed: 19, Warned: 1})
}

func (w *world) train(stage string) {
	w.t.Helper()
	job := w.openJob(resources.Stage, stage)
	w.guarded(job.Spec.Template.Labels)
	w.finish(job, report.KindStage, report.Passed,
		report.StageSummary{Weights: digest("weights of " + stage), Bytes: 10, Steps: 20, Seconds: 30, GPUSeconds: 60})
}

func (w *world) evaluate(garmentSSIM float64) {
	w.t.Helper()
	w.finish(w.openJob(resources.Evaluate, ""), report.KindEvaluation, report.Passed, report.EvaluationSummary{
		Evaluator: digest("evaluator"), Protocol: "unpaired-truth", Cases: 2, Golden: digest("golden"),
		Scores: report.Scores{"garment-ssim": garmentSSIM, "ssim": 0.9},
		Baselines: map[string]report.Scores{
			"copy-person": {"garment-ssim": 0.3, "ssim": 0.8}, "paste-garment": {"garment-ssim": 0.41, "ssim": 0.7},
		},
	})
}

func (w *world) publish() {
	w.t.Helper()
	w.finish(w.openJob(resources.Publish, ""), report.KindPublish, report.Passed,
		report.PublishSummary{Weights: digest("servable"), Bytes: 1000, Files: 4, Height: 128, Width: 96})
}

// toReady plays everything from the first pin to published weights.
func (w *world) toReady() {
	w.t.Helper()
	w.pin()
	w.passDataTests()
	w.train("teacher")
	w.train("student")
	w.evaluate(0.66)
	w.publish()
}

// digest makes a digest out of a word.
func digest(word string) string {
	hex := fmt.Sprintf("%x", word)
	return "sha256:" + (hex + strings.Repeat("0", 64))[:64]
}

func gone(err error) bool { return apierrors.IsNotFound(err) }

// startOver moves the story to another namespace.
func (w *world) startOver() {
	w.t.Helper()
	w.namespace += "-again"
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}})
}
