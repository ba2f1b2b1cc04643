package backend

import (
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

var update = flag.Bool("update", false, "write the golden files anew")

const key = v1alpha1.Digest("sha256:1a2b3c4d00000000000000000000000000000000000000000000000000000000")

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestTheBackendFollowsTheWishTheStageAndTheCluster(t *testing.T) {
	gpu := func(nodes, gpus int32) v1alpha1.MethodStage {
		return v1alpha1.MethodStage{Name: "pf-gen", Nodes: nodes, GPUsPerNode: ptr.To(gpus)}
	}
	tests := map[string]struct {
		wanted   v1alpha1.Backend
		stage    v1alpha1.MethodStage
		served   bool
		want     v1alpha1.Backend
		wantWord string
	}{
		"auto, one pod without GPU":            {v1alpha1.BackendAuto, gpu(0, 0), true, v1alpha1.BackendJob, ""},
		"auto, GPUs and the operator":          {v1alpha1.BackendAuto, gpu(1, 1), true, v1alpha1.BackendPyTorchJob, ""},
		"auto, GPUs without the operator":      {v1alpha1.BackendAuto, gpu(1, 8), false, v1alpha1.BackendJob, ""},
		"auto, several nodes and the operator": {v1alpha1.BackendAuto, gpu(2, 0), true, v1alpha1.BackendPyTorchJob, ""},
		"auto, several nodes without it":       {v1alpha1.BackendAuto, gpu(2, 0), false, "", "asks for 2 nodes, which needs PyTorchJob; install the Kubeflow training-operator v1"},
		"job, one pod":                         {v1alpha1.BackendJob, gpu(1, 4), true, v1alpha1.BackendJob, ""},
		"job, several nodes":                   {v1alpha1.BackendJob, gpu(4, 1), true, "", "a plain Job runs one; install the Kubeflow training-operator v1"},
		"pytorchjob, served":                   {v1alpha1.BackendPyTorchJob, gpu(0, 0), true, v1alpha1.BackendPyTorchJob, ""},
		"pytorchjob, not served":               {v1alpha1.BackendPyTorchJob, gpu(0, 0), false, "", "does not serve PyTorchJob; install"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Choose(test.wanted, test.stage, test.served)
			if got != test.want {
				t.Errorf("got %q, want %q (%v)", got, test.want, err)
			}
			if (test.wantWord != "") != (err != nil) {
				t.Fatalf("error %v", err)
			}
			if err != nil && (!errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), test.wantWord)) {
				t.Errorf("error %q, want ErrUnavailable with %q", err, test.wantWord)
			}
		})
	}
}

func work() resources.Work {
	return resources.Work{
		Kind: resources.Stage, Namespace: "shop", Owner: "tops-v3", Model: "tops", ModelVersion: "tops-v3", Stage: "pf-gen", Key: key,
	}
}

func TestStageObjectsAreBuiltAsRecorded(t *testing.T) {
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: string(resources.Stage), Image: "trainer:1"}}},
	}
	tests := map[string]struct {
		kind  v1alpha1.Backend
		nodes int32
	}{
		"job":                    {v1alpha1.BackendJob, 1},
		"pytorchjob-one-node":    {v1alpha1.BackendPyTorchJob, 1},
		"pytorchjob-three-nodes": {v1alpha1.BackendPyTorchJob, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			apitest.Recorded(t, name, Make(test.kind, work(), template, test.nodes), *update)
		})
	}
}

func envelope(t *testing.T, k v1alpha1.Digest, verdict report.Verdict, message string) string {
	t.Helper()
	e, err := report.New(report.KindStage, string(k), verdict, report.StageSummary{Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	e.Message = message
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func workerPod(name string, phase corev1.PodPhase, age time.Duration, message string, code int32) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, CreationTimestamp: metav1.NewTime(noon.Add(-age)), Labels: map[string]string{
			kubeflow.ReplicaTypeLabel: "master", names.LabelWork: string(resources.Stage), names.LabelStage: "pf-gen",
		},
	}}
	p.Status.Phase, p.Status.PodIP = phase, "10.0.0.7"
	if phase == corev1.PodSucceeded || phase == corev1.PodFailed {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: names.ContainerPyTorch, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: message},
		}}}
	}
	return p
}

// read is what a test compares of a Run.
type read struct {
	State   State
	Verdict report.Verdict
	Message string
	Address string
	Silent  bool
	Trouble podwatch.Trouble
}

func TestARunIsReadFromItsJobAndPods(t *testing.T) {
	running := workerPod("b", corev1.PodRunning, time.Minute, "", 0)
	pending := workerPod("c", corev1.PodPending, time.Minute, "", 0)
	pending.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "no GPU",
	}}
	trouble := podwatch.Trouble{Reason: v1alpha1.ReasonUnschedulable, Message: "Pod c finds no node: no GPU"}
	failed := func(verdict report.Verdict, message string) corev1.Pod {
		return workerPod("a", corev1.PodFailed, 2*time.Minute, envelope(t, key, verdict, message), 1)
	}
	succeeded := func(message string) corev1.Pod { return workerPod("d", corev1.PodSucceeded, 0, message, 0) }
	const complete, failure = "complete", "failed"
	tests := map[string]struct {
		end  string
		pods []corev1.Pod
		want read
	}{
		"no pod yet":                 {"", nil, read{State: Waiting, Silent: true}},
		"a pod without a node":       {"", []corev1.Pod{pending}, read{State: Waiting, Trouble: trouble}},
		"a running pod":              {"", []corev1.Pod{running}, read{State: Running, Address: "10.0.0.7"}},
		"a pod after one that died":  {"", []corev1.Pod{failed(report.Errored, "store gone"), running}, read{State: Running, Address: "10.0.0.7", Message: "store gone"}},
		"only a pod that died":       {"", []corev1.Pod{failed(report.Errored, "store gone")}, read{State: Waiting, Silent: true, Message: "store gone"}},
		"a good report":              {complete, []corev1.Pod{succeeded(envelope(t, key, report.Passed, ""))}, read{State: Reported, Verdict: report.Passed}},
		"a bad report":               {complete, []corev1.Pod{succeeded(envelope(t, key, report.Failed, "NaN loss"))}, read{State: Reported, Verdict: report.Failed, Message: "NaN loss"}},
		"an erroneous report":        {complete, []corev1.Pod{succeeded(envelope(t, key, report.Errored, "no disk"))}, read{State: Errored, Message: "no disk"}},
		"a report of another input":  {complete, []corev1.Pod{succeeded(envelope(t, "sha256:other", report.Passed, ""))}, read{State: Errored, Message: "its report is about another input: sha256:other"}},
		"words that are no report":   {complete, []corev1.Pod{succeeded("Segmentation fault")}, read{State: Errored, Message: "its report cannot be read: not a report envelope: decoding: invalid character 'S' looking for beginning of value"}},
		"a finished job without pod": {complete, nil, read{State: Unreported}},
		"a job that gave up":         {failure, []corev1.Pod{failed(report.Errored, "store gone")}, read{State: Errored, Message: "store gone"}},
		"a job that gave up silently": {
			failure, []corev1.Pod{workerPod("a", corev1.PodFailed, 0, "", 9)}, read{State: Errored, Message: "training container of pod a ended with code 9"},
		},
		"a job that gave up and lost its pods": {failure, nil, read{State: Errored, Message: "the job's own words"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			job := resources.MakeJob(work(), corev1.PodTemplateSpec{})
			torch := makePyTorchJob(work(), corev1.PodTemplateSpec{}, 1)
			switch test.end {
			case complete:
				job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon)}}
				torch.Status.Conditions = []kubeflow.JobCondition{{Type: kubeflow.JobSucceeded, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon)}}
			case failure:
				job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon), Message: "the job's own words"}}
				torch.Status.Conditions = []kubeflow.JobCondition{{Type: kubeflow.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon), Message: "the job's own words"}}
			}
			for _, run := range []Run{FromJob(job, test.pods), FromPyTorchJob(torch, test.pods)} {
				got := read{run.State, run.Report.Verdict, run.Message, run.Address, run.Silent, run.Trouble}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", run.Kind, diff)
				}
				if run.Key != key || run.Stage != "pf-gen" || run.Work != resources.Stage {
					t.Errorf("%s: the run is of %s %s %s", run.Kind, run.Work, run.Stage, run.Key)
				}
			}
		})
	}
}

// The training-operator v1.8.1 restarts what it restarts without counting, so what is set leaves all restarts to Decide.
func TestNoPodOfAPyTorchJobIsRestartedWithoutBeingCounted(t *testing.T) {
	job := makePyTorchJob(work(), corev1.PodTemplateSpec{}, 3)
	for kind, spec := range job.Spec.PyTorchReplicaSpecs {
		if spec.RestartPolicy != kubeflow.RestartPolicyNever {
			t.Errorf("%s pods are restarted by the training-operator: %s", kind, spec.RestartPolicy)
		}
	}
	if job.Spec.RunPolicy.BackoffLimit != nil || *job.Spec.RunPolicy.CleanPodPolicy != kubeflow.CleanPodPolicyRunning {
		t.Errorf("the pod that says why it failed is not kept: %+v", job.Spec.RunPolicy)
	}
}

func TestThePodThatEndedAPyTorchJobIsFound(t *testing.T) {
	pod := func(role string, code int32, change func(p *corev1.Pod)) corev1.Pod {
		p := workerPod(role, corev1.PodFailed, time.Minute, "", code)
		p.Labels[kubeflow.ReplicaTypeLabel] = role
		if change != nil {
			change(&p)
		}
		return p
	}
	oom := func(p *corev1.Pod) { p.Status.ContainerStatuses[0].State.Terminated.Reason = "OOMKilled" }
	evicted := func(p *corev1.Pod) {
		p.Status.ContainerStatuses, p.Status.Message = nil, "The node was low on resource: memory."
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
	}
	deleted := func(p *corev1.Pod) { p.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }
	const killed = "training container of pod worker was killed (OOMKilled) because its node had no more memory; it has no limit of its own; " +
		"give stage pf-gen more in training.stages[].resources of the TryOnModel"
	tests := map[string]struct {
		pods          []corev1.Pod
		seen          int32
		wantMessage   string
		wantDisrupted bool
	}{
		"a worker without memory":        {[]corev1.Pod{pod("master", 1, nil), pod("worker", 137, oom)}, 2, killed, false},
		"the master failed by itself":    {[]corev1.Pod{pod("master", 9, nil)}, 1, "training container of pod master ended with code 9", false},
		"the master was killed":          {[]corev1.Pod{pod("master", 137, nil)}, 1, "training container of pod master ended with code 137", false},
		"a worker was evicted":           {[]corev1.Pod{pod("master", 1, nil), pod("worker", 0, evicted)}, 2, "it was interrupted: pod worker failed: The node was low on resource: memory.", true},
		"a node was drained":             {nil, 1, "it was interrupted: one of its pods was deleted", true},
		"the pods that were cleaned up":  {[]corev1.Pod{pod("master", 9, nil), pod("worker", 143, deleted)}, 1, "training container of pod master ended with code 9", false},
		"no pod was ever made":           {nil, 0, "the job's own words", false},
		"an eviction beside lost memory": {[]corev1.Pod{pod("master", 0, evicted), pod("worker", 137, oom)}, 2, killed, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			job := makePyTorchJob(work(), corev1.PodTemplateSpec{}, 2)
			job.Status.Conditions = []kubeflow.JobCondition{{Type: kubeflow.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon), Message: "the job's own words"}}
			job.Status.ReplicaStatuses = map[kubeflow.ReplicaType]*kubeflow.ReplicaStatus{kubeflow.PyTorchJobReplicaTypeMaster: {Failed: test.seen}}
			run := FromPyTorchJob(job, test.pods)
			if run.State != Errored || run.Message != test.wantMessage || run.Disrupted != test.wantDisrupted {
				t.Errorf("%s, disrupted %t: %q; want %t: %q", run.State, run.Disrupted, run.Message, test.wantDisrupted, test.wantMessage)
			}
		})
	}
}

// The first interruption is followed soon; a pod that is evicted again and again must not keep asking for GPUs.
func TestAnInterruptionIsCountedApartAndFollowedEverMoreSlowly(t *testing.T) {
	run := Run{Key: key, State: Errored, Disrupted: true, FinishedAt: noon.Add(-delay(2)), Message: "drained", Attempt: resources.Attempt{Number: 1, Disruptions: 2}}
	got := Decide([]Run{run}, key, "", noon)
	if diff := cmp.Diff(&resources.Attempt{Number: 1, Disruptions: 3}, got.Start); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
	early := run
	early.FinishedAt = noon.Add(-firstDelay)
	if start := Decide([]Run{early}, key, "", noon).Start; start != nil {
		t.Errorf("the third interruption is followed after %s already, by %+v", firstDelay, start)
	}
	following := Run{Key: key, State: Running, Attempt: *got.Start}
	if latest := Decide([]Run{run, following}, key, "", noon).Run; latest.State != Running {
		t.Errorf("the newest attempt is %+v", latest)
	}
}

func TestAWorkerOfSeveralNodesMayBeTheOneInTrouble(t *testing.T) {
	master, worker := workerPod("m", corev1.PodRunning, 0, "", 0), workerPod("w", corev1.PodPending, 0, "", 0)
	worker.Labels = map[string]string{kubeflow.ReplicaTypeLabel: "worker"}
	worker.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "no second GPU",
	}}
	run := FromPyTorchJob(makePyTorchJob(work(), corev1.PodTemplateSpec{}, 2), []corev1.Pod{worker, master})
	if run.State != Running || run.Trouble.Reason != v1alpha1.ReasonUnschedulable {
		t.Errorf("got %s with %+v", run.State, run.Trouble)
	}
}

func TestAMissingWorkerIsLookedForInTheEvents(t *testing.T) {
	master, worker := workerPod("m", corev1.PodRunning, time.Minute, "", 0), workerPod("w", corev1.PodRunning, 0, "", 0)
	worker.Labels = map[string]string{kubeflow.ReplicaTypeLabel: "worker"}
	job := makePyTorchJob(work(), corev1.PodTemplateSpec{}, 2)
	if run := FromPyTorchJob(job, []corev1.Pod{master}); run.State != Running || !run.Silent || !run.LastPod.Equal(noon.Add(-time.Minute)) {
		t.Errorf("without its worker: %s, silent %t, last pod %s", run.State, run.Silent, run.LastPod)
	}
	if run := FromPyTorchJob(job, []corev1.Pod{worker, master}); run.State != Running || run.Silent || !run.LastPod.Equal(noon) {
		t.Errorf("with its worker: %s, silent %t, last pod %s", run.State, run.Silent, run.LastPod)
	}
	job.Status.Conditions = []kubeflow.JobCondition{{Type: kubeflow.JobSucceeded, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon)}}
	if run := FromPyTorchJob(job, nil); run.Silent {
		t.Error("a job that ended lacks no pod")
	}
}

func TestASuspendedJobLacksNoPod(t *testing.T) {
	job, torch := resources.MakeJob(work(), corev1.PodTemplateSpec{}), makePyTorchJob(work(), corev1.PodTemplateSpec{}, 2)
	job.Spec.Suspend, torch.Spec.RunPolicy.Suspend = ptr.To(true), ptr.To(true)
	for _, run := range []Run{FromJob(job, nil), FromPyTorchJob(torch, nil)} {
		if run.Silent || run.State != Waiting {
			t.Errorf("%s: silent %t, %s", run.Kind, run.Silent, run.State)
		}
	}
}

func TestOnlyWorkUnderWayAtAnotherInputIsSuperseded(t *testing.T) {
	runs := []Run{
		{Name: "current", Key: key, State: Running}, {Name: "old-running", Key: "sha256:x", State: Running},
		{Name: "old-waiting", Key: "sha256:x", State: Waiting}, {Name: "old-reported", Key: "sha256:x", State: Reported},
		{Name: "old-errored", Key: "sha256:x", State: Errored}, {Name: "old-unreported", Key: "sha256:x", State: Unreported},
	}
	names := func(list []Run) (out []string) {
		for _, r := range list {
			out = append(out, r.Name)
		}
		return out
	}
	if diff := cmp.Diff([]string{"old-running", "old-waiting"}, names(Superseded(runs, key))); diff != "" {
		t.Errorf("beside the current work (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"current", "old-running", "old-waiting"}, names(Superseded(runs, ""))); diff != "" {
		t.Errorf("without current work (-want +got):\n%s", diff)
	}
}

func TestNextAttemptsFollowWithGrowingDelays(t *testing.T) {
	attempt := func(round string, n int) resources.Attempt { return resources.Attempt{Round: round, Number: n} }
	run := func(a resources.Attempt, state State, ago time.Duration) Run {
		r := Run{Key: key, Attempt: a, State: state, CreatedAt: noon.Add(-ago - time.Minute), Message: "store gone"}
		if state != Waiting && state != Running {
			r.FinishedAt = noon.Add(-ago)
		}
		r.Report.Verdict = report.Passed
		return r
	}
	bad := run(attempt("", 0), Reported, 0)
	bad.Report.Verdict = report.Failed
	tests := map[string]struct {
		runs        []Run
		round       string
		wantStart   *resources.Attempt
		wantErrored bool
		wantWait    time.Duration
	}{
		"nothing has run":                        {nil, "", ptr.To(attempt("", 0)), false, 0},
		"another key has run":                    {[]Run{{Key: "sha256:x", State: Reported}}, "", ptr.To(attempt("", 0)), false, 0},
		"it runs":                                {[]Run{run(attempt("", 0), Running, 0)}, "", nil, false, 10 * time.Second},
		"it is reported":                         {[]Run{run(attempt("", 0), Reported, 0)}, "", nil, false, 0},
		"its pod is not seen yet":                {[]Run{run(attempt("", 0), Unreported, 20*time.Second)}, "", nil, false, 40 * time.Second},
		"its report was lost":                    {[]Run{run(attempt("", 0), Unreported, 2*time.Minute)}, "", ptr.To(attempt("", 1)), true, 0},
		"it errored just now":                    {[]Run{run(attempt("", 0), Errored, 0)}, "", nil, true, 30 * time.Second},
		"it errored a while ago":                 {[]Run{run(attempt("", 0), Errored, 31*time.Second)}, "", ptr.To(attempt("", 1)), true, 0},
		"the third attempt waits longer":         {[]Run{run(attempt("", 2), Errored, 0), run(attempt("", 1), Errored, time.Hour)}, "", nil, true, 2 * time.Minute},
		"no delay is longer than half an hour":   {[]Run{run(attempt("", 90), Errored, 0)}, "", nil, true, 30 * time.Minute},
		"a retry starts a new round at once":     {[]Run{run(attempt("", 2), Errored, 0)}, "r", ptr.To(attempt("r", 0)), false, 0},
		"a retry repeats a bad result":           {[]Run{bad}, "r", ptr.To(attempt("r", 0)), false, 0},
		"a retry leaves alone what is under way": {[]Run{run(attempt("", 0), Running, 0)}, "r", nil, false, 10 * time.Second},
		"a retry leaves alone what is good":      {[]Run{run(attempt("", 0), Reported, 0)}, "r", nil, false, 0},
		"the new round counts once it has begun": {
			[]Run{run(attempt("r", 0), Errored, 0), run(attempt("", 2), Errored, time.Hour)}, "r", nil, true, 30 * time.Second,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Decide(test.runs, key, test.round, noon)
			if diff := cmp.Diff(test.wantStart, got.Start); diff != "" {
				t.Errorf("start (-want +got):\n%s", diff)
			}
			if got.Errored != test.wantErrored || got.Wait != test.wantWait {
				t.Errorf("errored %t, wait %s; want %t, %s", got.Errored, got.Wait, test.wantErrored, test.wantWait)
			}
		})
	}
}

func TestOnlyWhatHasNeverRunMayBeReplaced(t *testing.T) {
	pending, running := workerPod("p", corev1.PodPending, time.Minute, "", 0), workerPod("r", corev1.PodRunning, time.Minute, "", 0)
	failed := workerPod("f", corev1.PodFailed, time.Hour, "", 1)
	tests := map[string]struct {
		pods []corev1.Pod
		want bool
	}{
		"no pod": {nil, true}, "a pending pod": {[]corev1.Pod{pending}, true}, "a running pod": {[]corev1.Pod{running}, false},
		"a pending pod after one that ran": {[]corev1.Pod{failed, pending}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			job, torch := resources.MakeJob(work(), corev1.PodTemplateSpec{}), makePyTorchJob(work(), corev1.PodTemplateSpec{}, 1)
			for _, run := range []Run{FromJob(job, test.pods), FromPyTorchJob(torch, test.pods)} {
				if got := Decide([]Run{run}, key, "", noon).Unbegun; got != test.want {
					t.Errorf("%s: unbegun %t, want %t", run.Kind, got, test.want)
				}
			}
		})
	}
}

func TestADelayedAttemptSaysWhenItComes(t *testing.T) {
	got := Decide([]Run{{Key: key, State: Errored, FinishedAt: noon, Message: "store gone"}}, key, "", noon)
	if want := "store gone; attempt 2 follows at 12:00:30 UTC"; got.Message != want {
		t.Errorf("got %q, want %q", got.Message, want)
	}
}

func TestWorkUnderWayTellsWhatFailedBefore(t *testing.T) {
	before := Run{Name: "a", Key: key, State: Errored, CreatedAt: noon.Add(-time.Hour), FinishedAt: noon.Add(-time.Minute), Message: "store gone"}
	now := Run{Name: "b", Key: key, State: Running, Attempt: resources.Attempt{Number: 1}, CreatedAt: noon}
	retried := now
	retried.Message = "no files yet"
	tests := map[string]struct {
		runs []Run
		want string
	}{
		"nothing has failed":                 {[]Run{now}, ""},
		"the attempt before failed":          {[]Run{before, now}, "; an earlier try failed: store gone"},
		"a pod of the same attempt failed":   {[]Run{before, retried}, "; an earlier try failed: no files yet"},
		"between attempts the whole is told": {[]Run{before}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Decide(test.runs, key, "", noon).Hitch(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
