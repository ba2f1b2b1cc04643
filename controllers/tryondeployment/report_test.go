package tryondeployment_test

import (
	"context"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/judgement"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// reportJobs are the Jobs that make reports of judgements.
func (s *stage) reportJobs() []batchv1.Job {
	s.Helper()
	var jobs batchv1.JobList
	s.must(s.List(s.Context(), &jobs, client.InNamespace(s.player.namespace), client.MatchingLabels{names.LabelWork: "judgement"}))
	return jobs.Items
}

// awaitReportJob waits for the first of them.
func (s *stage) awaitReportJob() *batchv1.Job {
	s.Helper()
	var jobs []batchv1.Job
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 60*time.Second, true, func(context.Context) (bool, error) {
		jobs = s.reportJobs()
		return len(jobs) > 0, nil
	})
	if err != nil || len(jobs) != 1 {
		s.Fatalf("%d Jobs make the report, %v", len(jobs), err)
	}
	return &jobs[0]
}

// work does what a report's Job asks for, as kubelet, worker and Job controller would; the worker is the real one, with a store on disk.
func (s *stage) work(job *batchv1.Job) (done task.Judgement, store *artefact.Store) {
	s.Helper()
	for _, e := range job.Spec.Template.Spec.Containers[0].Env {
		if e.Name == task.Env {
			s.must(task.Decode([]byte(e.Value), &done))
		}
	}
	done.Store, done.Scratch = (&url.URL{Scheme: "file", Path: filepath.Join(s.TempDir(), "store")}).String(), s.TempDir()
	store, err := artefact.Create(s.Context(), done.Store)
	s.must(err)
	s.Cleanup(func() { _ = store.Close() })
	envelope := judgement.Run(s.Context(), judgement.Options{Task: done, Log: io.Discard})
	s.finish(job, envelope)
	return done, store
}

// finish ends a Job with an envelope, as kubelet and Job controller would.
func (s *stage) finish(job *batchv1.Job, envelope report.Envelope) {
	s.Helper()
	body, err := envelope.Encode()
	s.must(err)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: job.Name + "-1", Namespace: job.Namespace, Labels: job.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))},
		},
		Spec: job.Spec.Template.Spec,
	}
	s.must(s.Create(s.Context(), pod))
	pod.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{{
		Name: job.Spec.Template.Spec.Containers[0].Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Message: string(body), StartedAt: metav1.Now(), FinishedAt: metav1.Now(),
		}},
	}}}
	s.must(s.Client.Status().Update(s.Context(), pod))
	now := ptr.To(metav1.Now())
	job.Status = batchv1.JobStatus{StartTime: now, CompletionTime: now, Succeeded: 1, Conditions: []batchv1.JobCondition{
		{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: *now},
		{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: *now},
	}}
	s.must(s.Client.Status().Update(s.Context(), job))
}

func isReported(tod *v1alpha1.TryOnDeployment) bool {
	return tod.Status.Judgement != nil && tod.Status.Judgement.Report != nil && reasonOf(tod, v1alpha1.ConditionJudgementReported) == v1alpha1.ReasonReported
}

func reportsRejection(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.player.locked(func() { s.player.slower["tops-v2"] = 0.5 })
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(100))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	s.await(key, "tops-v2 is rejected", stageIs(v1alpha1.ReasonRejected))
	job := s.awaitReportJob()
	if owner := metav1.GetControllerOf(job); owner == nil || owner.Name != "storefront" || owner.Kind != "TryOnDeployment" {
		s.Errorf("owner %+v", owner)
	}
	stop()
	stop = s.manage()
	s.await(key, "the report is waited for", func(tod *v1alpha1.TryOnDeployment) bool {
		return reasonOf(tod, v1alpha1.ConditionJudgementReported) == v1alpha1.ReasonReporting
	})
	stop()
	made, store := s.work(s.awaitReportJob())
	if made.Outcome != v1alpha1.ReasonRejected || made.Verdict != "Reject" || made.Candidate.Name != "tops-v2" || made.Stable.Name != "tops-v1" {
		s.Errorf("the task is about %+v", made)
	}
	stop = s.manage()
	tod := s.await(key, "the report is in the status", isReported)
	body, err := store.ReadDocument(s.Context(), tod.Status.Judgement.Report.URI, 1<<20)
	if err != nil || string(tod.Status.Judgement.Report.Digest) != artefact.DigestOf(body) {
		s.Errorf("report %+v: %v", tod.Status.Judgement.Report, err)
	}
	page, err := store.ReadDocument(s.Context(), strings.TrimSuffix(tod.Status.Judgement.Report.URI, ".json")+".html", 16<<20)
	if err != nil || !strings.Contains(string(page), "latency-p95-ratio") || !strings.Contains(string(page), `class="band"`) {
		s.Errorf("page of %d bytes: %v", len(page), err)
	}
	stop()
	s.must(s.Delete(s.Context(), job, client.PropagationPolicy(metav1.DeletePropagationBackground)))
	s.manage()
	s.annotate(key, names.RolloutAnnotation, "Nonsense")
	s.await(key, "the next manager has looked", func(tod *v1alpha1.TryOnDeployment) bool {
		return reasonOf(tod, v1alpha1.ConditionCommanded) == v1alpha1.ReasonUnknownCommand && isReported(tod)
	})
	if jobs := s.reportJobs(); len(jobs) != 0 {
		s.Errorf("a report that is made is made again by %s", jobs[0].Name)
	}
}

func reportsPromotion(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(100))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	s.await(key, "tops-v2 serves", serves("tops-v2"))
	made, _ := s.work(s.awaitReportJob())
	if made.Outcome != v1alpha1.ReasonPromoted || made.Verdict != "Promote" || len(made.Gates) != 3 {
		s.Errorf("the task is about %+v", made)
	}
	tod := s.await(key, "the report is in the status", isReported)
	if !serves("tops-v2")(tod) {
		s.Errorf("status: %s", show(tod))
	}
}

func reportsNothing(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	none := corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "no-jobs", Namespace: s.player.namespace}, Spec: corev1.ResourceQuotaSpec{Hard: none}}
	s.must(s.Create(s.Context(), quota))
	quota.Status = corev1.ResourceQuotaStatus{Hard: none, Used: none}
	s.must(s.Client.Status().Update(s.Context(), quota))
	s.manage()
	key := s.deploy("storefront", "tops", 1, shadow(100))
	s.await(key, "tops-v1 serves", serves("tops-v1"))
	s.pass("tops", 2)
	s.await(key, "tops-v2 serves", serves("tops-v2"))
	tod := s.await(key, "the refusal is said", func(tod *v1alpha1.TryOnDeployment) bool {
		return reasonOf(tod, v1alpha1.ConditionJudgementReported) == v1alpha1.ReasonReportFailed
	})
	if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionJudgementReported); !strings.Contains(c.Message, "quota") || !serves("tops-v2")(tod) {
		s.Errorf("status: %s", show(tod))
	}
	s.must(s.Delete(s.Context(), quota))
	s.annotate(key, names.RolloutAnnotation, "Nonsense")
	s.work(s.awaitReportJob())
	s.await(key, "the report is in the status", isReported)
}
