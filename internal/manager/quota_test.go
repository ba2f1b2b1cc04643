package manager

import (
	"errors"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// quantities of resources, by name.
func quantities(of map[corev1.ResourceName]string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, quantity := range of {
		list[name] = resource.MustParse(quantity)
	}
	return list
}

// quota bounds the namespace, in the place of the controller that would count what is used.
func (w *world) quota(hard map[corev1.ResourceName]string) {
	w.t.Helper()
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "team", Namespace: w.namespace}}
	quota.Spec.Hard = quantities(hard)
	w.create(quota)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{}
	for name := range hard {
		quota.Status.Used[name] = resource.MustParse("0")
	}
	if err := w.client.Status().Update(w.ctx, quota); err != nil {
		w.t.Fatalf("writing status of quota: %v", err)
	}
}

// refused waits until no pod of the Job of a kind may be created, says so in an event as the Job controller does, and gives the API server's words.
func (w *world) refused(kind resources.Kind) string {
	w.t.Helper()
	var job *batchv1.Job
	var words string
	w.eventually("waiting for a pod of "+string(kind)+" to be refused", func() error {
		job = w.openJob(kind, "")
		pod := &corev1.Pod{ObjectMeta: *job.Spec.Template.ObjectMeta.DeepCopy(), Spec: *job.Spec.Template.Spec.DeepCopy()}
		pod.Namespace, pod.Name = job.Namespace, job.Name+"-x"
		err := w.client.Create(w.ctx, pod, client.DryRunAll)
		if err == nil {
			return errors.New("it is taken")
		}
		words = "Error creating: " + err.Error()
		return nil
	})
	event := &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: job.Name + ".", Namespace: job.Namespace}, Type: corev1.EventTypeWarning, Reason: "FailedCreate", Message: words,
		InvolvedObject: corev1.ObjectReference{APIVersion: "batch/v1", Kind: "Job", Namespace: job.Namespace, Name: job.Name, UID: job.UID},
		FirstTimestamp: metav1.Now(), LastTimestamp: metav1.Now(), Source: corev1.EventSource{Component: "job-controller"},
	}
	w.create(event)
	return words
}

func allWorkFitsIntoANamespaceWithAQuota(w *world) {
	w.quota(map[corev1.ResourceName]string{
		corev1.ResourceRequestsCPU: "20", corev1.ResourceRequestsMemory: "40Gi", corev1.ResourceLimitsMemory: "80Gi",
	})
	bare := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "bare", Namespace: w.namespace}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "a"}}}}
	w.eventually("waiting for the quota to be in force", func() error {
		if err := w.client.Create(w.ctx, bare.DeepCopy(), client.DryRunAll); err == nil || !strings.Contains(err.Error(), "must specify") {
			return fmt.Errorf("a pod without requests is not refused as such: %w", errors.Join(err, errors.New("want the quota to ask for requests")))
		}
		return nil
	})
	w.startManager()
	model := w.model("tops")
	for _, stage := range []string{"teacher", "student"} {
		model.Spec.Training.Stages = append(model.Spec.Training.Stages, v1alpha1.StageOverride{Name: stage, Resources: &v1alpha1.ResourceRequirements{
			Requests: quantities(map[corev1.ResourceName]string{corev1.ResourceCPU: "1", corev1.ResourceMemory: "1Gi"}),
			Limits:   quantities(map[corev1.ResourceName]string{corev1.ResourceMemory: "2Gi"}),
		}})
	}
	w.create(model)
	w.toReady()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
}

func aRefusedPodSaysWhichFieldToChange(w *world) {
	t := w.t
	w.create(&corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "small", Namespace: w.namespace}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type: corev1.LimitTypeContainer, Max: quantities(map[corev1.ResourceName]string{corev1.ResourceMemory: "1Gi"}),
	}}}})
	w.startManager()
	w.create(w.model("tops"))
	resized := func(memory string) {
		w.change("tops", func(m *v1alpha1.TryOnModel) {
			m.Spec.Dataset.Resources = &v1alpha1.ResourceRequirements{Limits: quantities(map[corev1.ResourceName]string{corev1.ResourceMemory: memory})}
		})
	}
	mended := func(kind resources.Kind) {
		w.t.Helper()
		words := w.refused(kind)
		message := w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonPodRefused)
		for _, want := range []string{words, "maximum memory usage per Container is 1Gi, but limit is 2Gi", "; change dataset.resources of the TryOnModel, or the LimitRange"} {
			if !strings.Contains(message, want) {
				t.Errorf("message %q does not say %q", message, want)
			}
		}
		resized("1Gi")
		w.limited(kind, "1Gi")
	}
	mended(resources.Pin)
	w.pin()
	w.limited(resources.DataTest, "1Gi")
	resized("2Gi")
	w.limited(resources.DataTest, "2Gi")
	mended(resources.DataTest)
	w.passDataTests()
	w.openJob(resources.Stage, "teacher")
}

// limited waits until the Job of a kind has a limit of memory.
func (w *world) limited(kind resources.Kind, memory string) {
	w.t.Helper()
	w.eventually("waiting for the "+string(kind)+" Job to be made anew", func() error {
		limits := w.openJob(kind, "").Spec.Template.Spec.Containers[0].Resources.Limits
		if got := limits.Memory().String(); got != memory {
			return fmt.Errorf("its limit is %s", got)
		}
		return nil
	})
}

func aQuotaThatIsUsedUpIsSaid(w *world) {
	w.quota(map[corev1.ResourceName]string{corev1.ResourceLimitsMemory: "1Gi", corev1.ResourceLimitsCPU: "1"})
	w.startManager()
	w.create(w.model("tops"))
	words := w.refused(resources.Pin)
	message := w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonQuotaExceeded)
	want := "No pod may be created: " + words + "; change dataset.resources of the TryOnModel, or the quota of the namespace"
	if message != want || !strings.Contains(words, "must specify limits.cpu") {
		w.t.Errorf("message %q, want %q", message, want)
	}
	w.change("tops", func(m *v1alpha1.TryOnModel) {
		m.Spec.Dataset.Resources = &v1alpha1.ResourceRequirements{
			Limits: quantities(map[corev1.ResourceName]string{corev1.ResourceMemory: "1Gi", corev1.ResourceCPU: "1"}),
		}
	})
	w.limited(resources.Pin, "1Gi")
	w.pin()
	w.openJob(resources.DataTest, "")
}

func moreMemoryHasNothingDoneAgain(w *world) {
	t := w.t
	w.startManager()
	w.create(w.model("tops"))
	w.toReady()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
	count := func() int {
		var list batchv1.JobList
		if err := w.client.List(w.ctx, &list, client.InNamespace(w.namespace)); err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	before := count()
	w.change("tops", func(m *v1alpha1.TryOnModel) {
		more := &v1alpha1.ResourceRequirements{Limits: quantities(map[corev1.ResourceName]string{corev1.ResourceMemory: "16Gi"})}
		m.Spec.Dataset.Resources, m.Spec.Evaluation.Resources = more, more
		m.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "teacher", Resources: more}}
	})
	version := &v1alpha1.TryOnModelVersion{}
	w.reason(version, "tops-v2", v1alpha1.ReasonReady)
	model := &v1alpha1.TryOnModel{}
	w.eventually("waiting for the model to be ready with its new version", func() error {
		if err := w.get("tops", model); err != nil || model.Status.ReadyVersion != "tops-v2" {
			return errors.Join(err, fmt.Errorf("the ready version is %s", model.Status.ReadyVersion))
		}
		return nil
	})
	if model.Status.Pin.Digest != v1alpha1.Digest(digest("data")) || version.Status.Weights.Digest != v1alpha1.Digest(digest("servable")) {
		t.Errorf("pin %+v, weights %+v", model.Status.Pin, version.Status.Weights)
	}
	if after := count(); after != before {
		t.Errorf("%d jobs after, %d before", after, before)
	}
}
