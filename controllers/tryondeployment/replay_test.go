package tryondeployment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// work plays the Jobs of replays: each gets a pod, which reports so many known requests unless they are held back.
func (p *player) work(ctx context.Context) error {
	var jobs batchv1.JobList
	if err := p.List(ctx, &jobs, client.InNamespace(p.namespace), client.HasLabels{names.LabelReplay}); err != nil {
		return err
	}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if p.known == 0 || len(job.Status.Conditions) > 0 || !job.DeletionTimestamp.IsZero() {
			continue
		}
		if err := p.finish(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// finish lets a Job's pod report.
func (p *player) finish(ctx context.Context, job *batchv1.Job) error {
	words, err := p.lastWords(job)
	if err != nil {
		return err
	}
	pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.GenerateName, pod.Namespace = job.Name+"-", job.Namespace
	if err := controllerutil.SetControllerReference(job, pod, p.Scheme()); err != nil {
		return err
	}
	if err := p.Create(ctx, pod); err != nil {
		return err
	}
	pod.Status.Phase = corev1.PodSucceeded
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: job.Spec.Template.Spec.Containers[0].Name, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{Message: words, FinishedAt: metav1.Now()},
	}}}
	if err := p.Client.Status().Update(ctx, pod); err != nil {
		return err
	}
	now := metav1.Now()
	job.Status.StartTime, job.Status.CompletionTime, job.Status.Succeeded = &now, &now, 1
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	job.Status.Conditions = []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
	}
	return p.Client.Status().Update(ctx, job)
}

// lastWords is the envelope of a replay that counted the known requests.
func (p *player) lastWords(job *batchv1.Job) (string, error) {
	var t task.Replay
	for _, e := range job.Spec.Template.Spec.Containers[0].Env {
		if e.Name == task.Env {
			if err := task.Decode([]byte(e.Value), &t); err != nil {
				return "", err
			}
		}
	}
	totals, err := evidence.NewTotals(t.LatencyRatio)
	if err != nil {
		return "", err
	}
	c := &comparison{report: evidence.Report{
		Schema: evidence.Schema, Epoch: t.Epoch, Stable: t.Stable.Version, Candidate: t.Candidate.Version,
		Instance: evidence.ReplayInstance(t.Epoch), Totals: totals,
	}}
	if err := c.grow(min(p.known, 40), p.slower[t.Candidate.Version], false); err != nil {
		return "", err
	}
	if p.foreign {
		// The instance is the right one, so that nothing but the ledger can refuse it.
		c.report.Epoch = "another"
	}
	early := c.report
	if err := c.grow(p.known-min(p.known, 40), p.slower[t.Candidate.Version], false); err != nil {
		return "", err
	}
	packed, err := evidence.Pack(early, c.report)
	if err != nil {
		return "", err
	}
	e, err := report.New(report.KindReplay, t.Key, report.Passed, report.ReplaySummary{Pairs: c.report.Pairs, Evidence: packed})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(e)
	return string(body), err
}

// dataset makes the record of the dataset that every version was trained on.
func (s *stage) dataset() {
	s.Helper()
	s.must(s.Create(s.Context(), &v1alpha1.TryOnDatasetVersion{
		ObjectMeta: metav1.ObjectMeta{Name: "ds", Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnDatasetVersionSpec{
			Source: v1alpha1.BlobSource{URI: "pvc://data/vton"}, Layout: v1alpha1.LayoutVITONHD, License: "CC0-1.0",
			Digest: v1alpha1.Digest(fmt.Sprintf("sha256:%064d", 7)), Contents: v1alpha1.DatasetContents{Files: ptr.To[int64](3)},
		},
	}))
}

func replayed() v1alpha1.RolloutStep { return v1alpha1.RolloutStep{Replay: &v1alpha1.ReplayStep{}} }

// rateGates need few requests.
func rateGates(spec *v1alpha1.TryOnDeploymentSpec) {
	spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.2"}, {Metric: v1alpha1.LiveArtefacts, Max: "0.2"}}
}

func messageOf(tod *v1alpha1.TryOnDeployment) string {
	if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Message
	}
	return ""
}

func (s *stage) deployments() []appsv1.Deployment {
	s.Helper()
	var list appsv1.DeploymentList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.player.namespace)))
	return list.Items
}

// age lets a rollout have begun earlier than it did.
func (s *stage) age(key client.ObjectKey, by time.Duration) {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	s.must(s.Get(s.Context(), key, tod))
	patch := client.MergeFrom(tod.DeepCopy())
	tod.Status.Candidate.StartTime = ptr.To(metav1.NewTime(tod.Status.Candidate.StartTime.Add(-by)))
	s.must(s.Client.Status().Patch(s.Context(), tod, patch))
}

func (s *stage) replayJobs() []batchv1.Job {
	s.Helper()
	var jobs batchv1.JobList
	s.must(s.List(s.Context(), &jobs, client.InNamespace(s.player.namespace), client.HasLabels{names.LabelReplay}))
	return jobs.Items
}

// replays: the Job decides before the candidate has a pod; a manager is killed while it runs.
func replays(s *stage) {
	s.dataset()
	s.model("tops")
	s.pass("tops", 1)
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1, replayed(), hold(50, time.Second))
	s.edit(key, rateGates)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })
	s.pass("tops", 2)
	tod := s.await(key, "tops-v2 is replayed", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonReplaying)(tod) && tod.Status.Weight == "replay" && len(s.replayJobs()) == 1
	})
	if len(s.deployments()) != 1 {
		s.Errorf("%d Deployments while a Job decides: %s", len(s.deployments()), show(tod))
	}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: key.Namespace, Name: "storefront-replay"}, &networkingv1.NetworkPolicy{}))
	job := s.replayJobs()[0]
	if owner := metav1.GetControllerOf(&job); owner == nil || owner.Name != "storefront" {
		s.Errorf("the Job's owner is %v", owner)
	}
	stop()
	s.player.locked(func() { s.player.known = 100 })
	s.manage()
	tod = s.await(key, "tops-v2 serves", serves("tops-v2"))
	if j := tod.Status.Judgement; j == nil || j.Verdict != "Promote" || ptr.Deref(j.Gates[0].Have, 0) != 100 || j.Dropped != "" {
		s.Errorf("judgement: %+v", j)
	}
	s.await(key, "the Job is cleared away, and its policy", func(*v1alpha1.TryOnDeployment) bool {
		err := s.Get(s.Context(), client.ObjectKey{Namespace: key.Namespace, Name: "storefront-replay"}, &networkingv1.NetworkPolicy{})
		return len(s.replayJobs()) == 0 && apierrors.IsNotFound(err)
	})
}

// replaysTooFew: what is known gives no verdict, and the spec says what follows.
func replaysTooFew(s *stage) {
	s.dataset()
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.known = 5 })
	s.manage()
	key := s.deploy("storefront", "tops", 1, replayed())
	s.edit(key, rateGates)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	tod := s.await(key, "the replay is over", func(tod *v1alpha1.TryOnDeployment) bool {
		return strings.Contains(messageOf(tod), "is over without a verdict")
	})
	if !stageIs(v1alpha1.ReasonReplaying)(tod) || !strings.Contains(messageOf(tod), "5") {
		s.Errorf("what it has and needs is not said: %s", show(tod))
	}
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Rollout.OnSilence = v1alpha1.SilenceReject })
	tod = s.await(key, "tops-v2 is rejected", stageIs(v1alpha1.ReasonRejected))
	if !strings.Contains(messageOf(tod), "the replay gave no verdict") {
		s.Errorf("message: %s", messageOf(tod))
	}
}

// replaysForNothing: evidence that is refused for good is said, once, and the spec says what follows.
func replaysForNothing(s *stage) {
	s.dataset()
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.known, s.player.foreign = 100, true })
	s.manage()
	key := s.deploy("storefront", "tops", 1, replayed())
	s.edit(key, rateGates)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	tod := s.await(key, "the refusal is said", stageIs(v1alpha1.ReasonReplayFailed))
	for _, want := range []string{"its evidence was refused (WrongEpoch): it answers another question", names.RetryAnnotation, "tops-v1 serves on"} {
		if !strings.Contains(messageOf(tod), want) {
			s.Errorf("message %q lacks %q", messageOf(tod), want)
		}
	}
	s.await(key, "the refusal is counted", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Judgement != nil && strings.Contains(tod.Status.Judgement.Dropped, "WrongEpoch") && stageIs(v1alpha1.ReasonReplayFailed)(tod)
	})
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Rollout.OnSilence = v1alpha1.SilenceReject })
	tod = s.await(key, "tops-v2 is rejected", stageIs(v1alpha1.ReasonRejected))
	if !strings.Contains(messageOf(tod), "its evidence was refused (WrongEpoch)") {
		s.Errorf("message: %s", messageOf(tod))
	}
	s.await(key, "it is told in an event", func(*v1alpha1.TryOnDeployment) bool { return len(s.notes(v1alpha1.ReasonReplayFailed)) > 0 })
	if notes := s.notes(v1alpha1.ReasonReplayFailed); len(notes) != 1 || !strings.Contains(notes[0], "its evidence was refused") {
		s.Errorf("the refusal is told in %d events: %q", len(notes), notes)
	}
}

// replaysWithoutDataset: what cannot be compared is said and is no verdict.
func replaysWithoutDataset(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.known = 100 })
	s.manage()
	key := s.deploy("storefront", "tops", 1, replayed())
	s.edit(key, rateGates)
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	tod := s.await(key, "the missing dataset is said", stageIs(v1alpha1.ReasonReplayFailed))
	if !strings.Contains(messageOf(tod), "the dataset ds of tops-v1 is gone") || tod.Status.Stable != "tops-v1" {
		s.Errorf("status: %s", show(tod))
	}
	s.dataset()
	s.await(key, "tops-v2 serves", serves("tops-v2"))
}

// replaysInstead: no shopper comes, and at the deadline known requests decide.
func replaysInstead(s *stage) {
	s.dataset()
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.silent, s.player.known, s.player.slower["tops-v2"] = true, 600, 0.5 })
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(20))
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) {
		spec.Rollout.OnSilence = v1alpha1.SilenceReplay
		spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveLatency, Max: "1.10"}}
	})
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	s.await(key, "tops-v2 is shadowed", func(tod *v1alpha1.TryOnDeployment) bool {
		return stageIs(v1alpha1.ReasonShadowing)(tod) && tod.Status.Candidate != nil && tod.Status.Candidate.StartTime != nil
	})
	stop()
	s.age(key, time.Hour)
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) {
		spec.Rollout.Deadline = &metav1.Duration{Duration: time.Minute}
	})
	s.manage()
	tod := s.await(key, "tops-v2 is rejected", stageIs(v1alpha1.ReasonRejected))
	if !strings.Contains(messageOf(tod), "latency-p95-ratio") {
		s.Errorf("message: %s", messageOf(tod))
	}
}
