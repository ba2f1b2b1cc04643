package manager

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/metrics/metricstest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// TestStories tells each story in a namespace of its own of one API server.
func TestStories(t *testing.T) {
	config := apitest.Start(t)
	for name, story := range map[string]func(w *world){
		"A model goes from its manifest to ready":                 aModelGoesFromItsManifestToReady,
		"Broken data stops the model before any training pod":     brokenDataStopsTheModelBeforeAnyTrainingPod,
		"A changed stage trains only what it changes":             aChangedStageTrainsOnlyWhatItChanges,
		"A changed gate skips all work":                           aChangedGateSkipsAllWork,
		"A failed stage is tried again only when asked":           aFailedStageIsTriedAgainOnlyWhenAsked,
		"A job that gave up is followed by another":               aJobThatGaveUpIsFollowedByAnother,
		"A restarted manager continues where the old one stopped": aRestartedManagerContinuesWhereTheOldOneStopped,
		"A ready model stays ready when the operator is upgraded": aReadyModelStaysReadyWhenTheOperatorIsUpgraded,
		"A superseded version stops for its successor":            aSupersededVersionStopsForItsSuccessor,
		"A new placement reaches jobs that wait":                  aNewPlacementReachesJobsThatWait,
		"A foreign job of the same name is not touched":           aForeignJobOfTheSameNameIsNotTouched,
		"A pods trouble reaches the model":                        aPodsTroubleReachesTheModel,
		"A served version is kept until it is let go":             aServedVersionIsKeptUntilItIsLetGo,
		"Metrics are for those who may read them":                 metricsAreForThoseWhoMayReadThem,
		"Two models share one dataset version":                    twoModelsShareOneDatasetVersion,
		"All work fits into a namespace with a quota":             allWorkFitsIntoANamespaceWithAQuota,
		"A refused pod says which field to change":                aRefusedPodSaysWhichFieldToChange,
		"A quota that is used up is said":                         aQuotaThatIsUsedUpIsSaid,
		"More memory has nothing done again":                      moreMemoryHasNothingDoneAgain,
	} {
		t.Run(name, func(t *testing.T) { story(newWorld(t, config)) })
	}
	// Last, because it installs a kind that the others do without.
	t.Run("PyTorchJob is taken once the cluster has it", func(t *testing.T) { pyTorchJobIsTakenOnceTheClusterHasIt(newWorld(t, config)) })
}

func aModelGoesFromItsManifestToReady(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonPinning)
	w.toReady()

	model, version := &v1alpha1.TryOnModel{}, &v1alpha1.TryOnModelVersion{}
	w.reason(model, "tops", v1alpha1.ReasonReady)
	w.reason(version, "tops-v1", v1alpha1.ReasonReady)
	if diff := cmp.Diff([]string{"tops-v1", "tops-v1", "garment-ssim 0.66 (+0.25)"},
		[]string{model.Status.LatestVersion, model.Status.ReadyVersion, model.Status.Score}); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	wantLicenses := []string{"Apache-2.0", "CC-BY-NC-4.0"}
	if diff := cmp.Diff(wantLicenses, version.Spec.Licenses); diff != "" {
		t.Errorf("licences (-want +got):\n%s", diff)
	}
	if got := version.Spec.Stages[0].Image; got != "trainer:1" {
		t.Errorf("the reference trainer became %q", got)
	}
	if got := ptr.Deref(version.Status.GPUSeconds, -1); got != 120 {
		t.Errorf("GPU seconds %d, want 120", got)
	}
	for _, c := range model.Status.Conditions {
		if c.Status != metav1.ConditionTrue {
			t.Errorf("%s is %s (%s: %s)", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	if err := w.get("tryon-artefacts", &corev1.PersistentVolumeClaim{}); err != nil {
		t.Errorf("the store's claim: %v", err)
	}
}

func brokenDataStopsTheModelBeforeAnyTrainingPod(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.finish(w.openJob(resources.DataTest, ""), report.KindDataTests, report.Failed, report.DataTestsSummary{
		Checks: 20, Passed: 19, Failed: 1,
		First: &report.CheckFailure{Check: "train-test-leak", Severity: "Block", Count: 3, Offender: "test/image/000001_00.png"},
	})
	got := w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonDataTestsFailed)
	want := ": check train-test-leak (Block): 3 offenders, 0 allowed; the first is test/image/000001_00.png"
	if len(got) < len(want) || got[len(got)-len(want):] != want {
		t.Errorf("message %q, want it to end with %q", got, want)
	}
	w.never("a training job exists", func() bool { return len(w.jobs(resources.Stage, "")) > 0 })
}

func aChangedStageTrainsOnlyWhatItChanges(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.toReady()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)

	w.change("tops", func(m *v1alpha1.TryOnModel) {
		m.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "student", Params: map[string]string{"steps": "40"}}}
	})
	job := w.openJob(resources.Stage, "student")
	if job.Labels[names.LabelModelVersion] != "tops-v2" {
		t.Fatalf("the job is for %s", job.Labels[names.LabelModelVersion])
	}
	w.finish(job, report.KindStage, report.Passed, report.StageSummary{Weights: digest("a better student"), Steps: 40, Seconds: 5, GPUSeconds: 7})
	w.evaluate(0.7)
	w.publish()
	version := &v1alpha1.TryOnModelVersion{}
	w.reason(version, "tops-v2", v1alpha1.ReasonReady)
	if got := version.Status.Stages[0].ReusedFrom; got != "tops-v1" {
		t.Errorf("the teacher was taken from %q, want tops-v1", got)
	}
	if got := len(w.jobs(resources.Stage, "teacher")); got != 1 {
		t.Errorf("%d jobs for the teacher, want 1", got)
	}
	if got := ptr.Deref(version.Status.GPUSeconds, -1); got != 7 {
		t.Errorf("GPU seconds %d, want 7: only what this version trained itself", got)
	}
}

func aChangedGateSkipsAllWork(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.toReady()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
	var before batchv1.JobList
	if err := w.client.List(w.ctx, &before, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	w.change("tops", func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Gates[0].Min = ptr.To(v1alpha1.Decimal("0.65")) })
	w.reason(&v1alpha1.TryOnModelVersion{}, "tops-v2", v1alpha1.ReasonReady)
	w.change("tops", func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Gates[0].Min = ptr.To(v1alpha1.Decimal("0.9")) })
	message := w.reason(&v1alpha1.TryOnModelVersion{}, "tops-v3", v1alpha1.ReasonGateFailed)
	if want := "garment-ssim: 0.66 misses min 0.9"; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	model := &v1alpha1.TryOnModel{}
	w.reason(model, "tops", v1alpha1.ReasonGateFailed)
	if model.Status.ReadyVersion != "tops-v2" {
		t.Errorf("readyVersion is %q, want tops-v2", model.Status.ReadyVersion)
	}
	var after batchv1.JobList
	if err := w.client.List(w.ctx, &after, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(after.Items) != len(before.Items) {
		t.Errorf("%d jobs after, %d before", len(after.Items), len(before.Items))
	}
}

func aFailedStageIsTriedAgainOnlyWhenAsked(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	w.finish(w.openJob(resources.Stage, "teacher"), report.KindStage, report.Failed, report.StageSummary{})
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonTrainingFailed)
	w.never("a second job exists", func() bool { return len(w.jobs(resources.Stage, "teacher")) > 1 })

	version := &v1alpha1.TryOnModelVersion{}
	if err := w.get("tops-v1", version); err != nil {
		t.Fatal(err)
	}
	patch := client.MergeFrom(version.DeepCopy())
	version.Annotations = map[string]string{names.RetryAnnotation: "please"}
	if err := w.client.Patch(w.ctx, version, patch); err != nil {
		t.Fatal(err)
	}
	w.train("teacher")
	w.openJob(resources.Stage, "student")
	if err := w.get("tops-v1", version); err != nil {
		t.Fatal(err)
	}
	if version.Status.Retry != "please" {
		t.Errorf("the recorded retry is %q", version.Status.Retry)
	}
}

func aJobThatGaveUpIsFollowedByAnother(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	first := w.openJob(resources.Stage, "teacher")
	retries := metricstest.Total(t, `tryon_job_retries_total{work="stage"}`)
	w.giveUp(first, "the store does not answer", time.Now().Add(-time.Hour))
	second := w.openJob(resources.Stage, "teacher")
	w.eventually("counting the retry", func() error {
		if got := metricstest.Total(t, `tryon_job_retries_total{work="stage"}`); got <= retries {
			return fmt.Errorf("%g retries of stages are counted, as before", got)
		}
		return nil
	})
	if second.Name == first.Name || second.Annotations[names.AnnotationAttempt] != "1" {
		t.Errorf("the second job is %s, attempt %s", second.Name, second.Annotations[names.AnnotationAttempt])
	}
	w.train("teacher")
	w.openJob(resources.Stage, "student")
}

func aRestartedManagerContinuesWhereTheOldOneStopped(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	job := w.openJob(resources.Stage, "teacher")
	w.stop()
	w.finish(job, report.KindStage, report.Passed, report.StageSummary{Weights: digest("weights of teacher"), Steps: 20})
	w.startManager()
	w.train("student")
	w.evaluate(0.66)
	w.publish()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
	for _, stage := range []string{"teacher", "student"} {
		if got := len(w.jobs(resources.Stage, stage)); got != 1 {
			t.Errorf("%d jobs for %s, want 1", got, stage)
		}
	}
	if got := len(w.jobs(resources.Pin, "")); got != 1 {
		t.Errorf("%d pin jobs, want 1", got)
	}
}

func aReadyModelStaysReadyWhenTheOperatorIsUpgraded(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.toReady()
	model := &v1alpha1.TryOnModel{}
	w.reason(model, "tops", v1alpha1.ReasonReady)
	w.stop()
	w.worker = "worker:2"
	w.startManager()
	w.change("tops", func(m *v1alpha1.TryOnModel) { m.Spec.Training.Backend = v1alpha1.BackendAuto })
	w.eventually("waiting for the new manager to look at the model", func() error {
		if err := w.get("tops", model); err != nil || model.Status.ObservedGeneration == model.Generation {
			return err
		}
		return fmt.Errorf("its status speaks of generation %d", model.Status.ObservedGeneration)
	})
	if ready := meta.FindStatusCondition(model.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue {
		t.Errorf("Ready is %+v", ready)
	}
	if got := len(w.jobs(resources.Pin, "")); got != 1 {
		t.Errorf("%d pin jobs, want 1: the new worker reads what the old one has read", got)
	}
}

func aSupersededVersionStopsForItsSuccessor(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	w.train("teacher")
	old := w.openJob(resources.Stage, "student")
	w.change("tops", func(m *v1alpha1.TryOnModel) {
		m.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "student", Params: map[string]string{"steps": "40"}}}
	})
	w.reason(&v1alpha1.TryOnModelVersion{}, "tops-v1", v1alpha1.ReasonSuperseded)
	w.eventually("waiting for the old student to be stopped", func() error {
		if err := w.get(old.Name, &batchv1.Job{}); !gone(err) {
			return fmt.Errorf("it is still there: %w", err)
		}
		return nil
	})
	if job := w.openJob(resources.Stage, "student"); job.Labels[names.LabelModelVersion] != "tops-v2" {
		t.Errorf("the student trains for %s", job.Labels[names.LabelModelVersion])
	}
	// The Job is there before the status tells of it.
	w.eventually("waiting for the status to say where the teacher is from", func() error {
		version := &v1alpha1.TryOnModelVersion{}
		if err := w.get("tops-v2", version); err != nil {
			return err
		}
		if stages := version.Status.Stages; len(stages) == 0 || stages[0].ReusedFrom != "tops-v1" {
			return fmt.Errorf("stages %+v, want the first from tops-v1", stages)
		}
		return nil
	})
}

func aNewPlacementReachesJobsThatWait(w *world) {
	w.startManager()
	w.create(w.model("tops"))
	place := func(kind resources.Kind, pool string) {
		w.t.Helper()
		w.change("tops", func(m *v1alpha1.TryOnModel) {
			m.Spec.Training.Placement.NodeSelector = map[string]string{"pool": pool}
		})
		w.eventually("waiting for the "+string(kind)+" Job to be placed in pool "+pool, func() error {
			jobs := w.jobs(kind, "")
			if len(jobs) != 1 || jobs[0].Spec.Template.Spec.NodeSelector["pool"] != pool {
				return fmt.Errorf("there are %d jobs", len(jobs))
			}
			return nil
		})
	}
	w.openJob(resources.Pin, "")
	place(resources.Pin, "a")
	w.pin()
	w.openJob(resources.DataTest, "")
	place(resources.DataTest, "b")
	w.passDataTests()
	w.openJob(resources.Stage, "teacher")
	w.change("tops", func(m *v1alpha1.TryOnModel) { m.Spec.Training.Placement.NodeSelector = map[string]string{"pool": "c"} })
	w.reason(&v1alpha1.TryOnModelVersion{}, "tops-v1", v1alpha1.ReasonSuperseded)
	w.train("teacher")
}

func aForeignJobOfTheSameNameIsNotTouched(w *world) {
	t := w.t
	foreign := &batchv1.Job{}
	foreign.Spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "theirs", Image: "theirs:1"}},
	}
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	// The key of the first data test is only known once its Job exists, so the story is told twice.
	name := w.openJob(resources.DataTest, "").Name
	w.stop()
	w.startOver()
	foreign.Name, foreign.Namespace = name, w.namespace
	w.create(foreign)
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonNotOwned)
	kept := &batchv1.Job{}
	if err := w.get(name, kept); err != nil {
		t.Fatal(err)
	}
	if len(kept.OwnerReferences) > 0 || kept.Spec.Template.Spec.Containers[0].Image != "theirs:1" {
		t.Errorf("the foreign job was changed: %+v", kept.ObjectMeta)
	}
}

func aPodsTroubleReachesTheModel(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	job := w.openJob(resources.Stage, "teacher")
	pod := w.pod(job, corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
	}}})
	got := w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonUnschedulable)
	want := fmt.Sprintf("tops-v1: Stage teacher (1 of 2) waits: Pod %s finds no node: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.", pod.Name)
	if got != want {
		t.Errorf("message %q, want %q", got, want)
	}
}

func aServedVersionIsKeptUntilItIsLetGo(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.toReady()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
	deployment := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: w.namespace}}
	deployment.Spec.Model.Name = "tops"
	w.create(deployment)
	version := &v1alpha1.TryOnModelVersion{}
	w.eventually("waiting for the finalizer", func() error {
		if err := w.get("tops-v1", version); err != nil || len(version.Finalizers) == 1 {
			return err
		}
		return fmt.Errorf("finalizers are %v", version.Finalizers)
	})
	if err := w.client.Delete(w.ctx, version); err != nil {
		t.Fatal(err)
	}
	message := w.reason(version, "tops-v1", v1alpha1.ReasonInUse)
	if want := "Kept until TryOnDeployment storefront serves another version"; message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	if err := w.client.Delete(w.ctx, deployment); err != nil {
		t.Fatal(err)
	}
	w.eventually("waiting for the version to go", func() error {
		if err := w.get("tops-v1", version); !gone(err) {
			return fmt.Errorf("it is still there: %v", version.Finalizers)
		}
		return nil
	})
}

func twoModelsShareOneDatasetVersion(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.pin()
	w.passDataTests()
	w.openJob(resources.Stage, "teacher")
	w.create(w.model("blouses"))
	w.pin()
	dataset := &v1alpha1.TryOnModel{}
	w.eventually("waiting for the second model", func() error {
		if err := w.get("blouses", dataset); err != nil || dataset.Status.LatestVersion != "" {
			return err
		}
		return fmt.Errorf("its status is %+v", dataset.Status)
	})
	var records v1alpha1.TryOnDatasetVersionList
	if err := w.client.List(w.ctx, &records, client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(records.Items) != 1 || len(records.Items[0].OwnerReferences) != 2 {
		t.Errorf("%d records; the first has the owners %+v", len(records.Items), records.Items[0].OwnerReferences)
	}
	if got := len(w.jobs(resources.DataTest, "")); got != 1 {
		t.Errorf("%d data-test jobs, want 1", got)
	}
	w.never("the second model trains what the first one trains already", func() bool { return len(w.jobs(resources.Stage, "teacher")) > 1 })
}
