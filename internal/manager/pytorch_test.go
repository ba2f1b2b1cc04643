package manager

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
)

// pyTorchJobIsTakenOnceTheClusterHasIt begins without the training-operator, says so, and goes on when its CRD is installed.
func pyTorchJobIsTakenOnceTheClusterHasIt(w *world) {
	t := w.t
	w.startManager()
	model := w.model("tops")
	model.Spec.Training.Backend = v1alpha1.BackendPyTorchJob
	w.create(model)
	w.pin()
	w.passDataTests()
	message := w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonBackendUnavailable)
	if !strings.Contains(message, "install the Kubeflow training-operator v1") {
		t.Errorf("the message %q does not say what to do", message)
	}
	module, err := exec.CommandContext(w.ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/kubeflow/training-operator").Output()
	if err != nil {
		t.Fatalf("finding the training-operator's module: %v", err)
	}
	crd := filepath.Join(strings.TrimSpace(string(module)), "manifests", "base", "crds", "kubeflow.org_pytorchjobs.yaml")
	if _, err := envtest.InstallCRDs(w.config, envtest.CRDInstallOptions{Paths: []string{crd}}); err != nil {
		t.Fatalf("installing PyTorchJob: %v", err)
	}
	// Any event makes the controller look again; by itself it would within half a minute.
	version := &v1alpha1.TryOnModelVersion{}
	w.eventually("annotating the version", func() error {
		if err := w.get("tops-v1", version); err != nil {
			return err
		}
		version.Annotations = map[string]string{"shop.example/look": "again"}
		return w.client.Update(w.ctx, version)
	})
	w.finishPyTorchJob("teacher")
	w.finishPyTorchJob("student")
	w.evaluate(0.66)
	w.publish()
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonReady)
}

// finishPyTorchJob plays the training-operator and the kubelet for one stage.
func (w *world) finishPyTorchJob(stage string) {
	w.t.Helper()
	var job *kubeflow.PyTorchJob
	w.eventually("waiting for the PyTorchJob of "+stage, func() error {
		var list kubeflow.PyTorchJobList
		if err := w.client.List(w.ctx, &list, client.InNamespace(w.namespace), client.MatchingLabels{names.LabelStage: stage}); err != nil {
			return err
		}
		if len(list.Items) != 1 {
			return errors.New("there is none")
		}
		job = &list.Items[0]
		return nil
	})
	envelope, err := report.New(report.KindStage, job.Annotations[names.AnnotationKey], report.Passed,
		report.StageSummary{Weights: digest("weights of " + stage), Steps: 20, Seconds: 30})
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := envelope.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	template := job.Spec.PyTorchReplicaSpecs[kubeflow.PyTorchJobReplicaTypeMaster].Template
	w.guarded(template.Labels)
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Name, pod.Namespace = job.Name+"-master-0", job.Namespace
	pod.Labels[kubeflow.ReplicaTypeLabel] = "master"
	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(job, kubeflow.GroupVersion.WithKind(kubeflow.PyTorchJobKind))}
	w.create(pod)
	pod.Status = corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: ended(string(body), 0)}
	pod.Status.ContainerStatuses[0].Name = names.ContainerPyTorch
	if err := w.client.Status().Update(w.ctx, pod); err != nil {
		w.t.Fatal(err)
	}
	now := metav1.Now()
	job.Status = kubeflow.JobStatus{
		Conditions:      []kubeflow.JobCondition{{Type: kubeflow.JobSucceeded, Status: corev1.ConditionTrue, LastTransitionTime: now, LastUpdateTime: now}},
		ReplicaStatuses: map[kubeflow.ReplicaType]*kubeflow.ReplicaStatus{kubeflow.PyTorchJobReplicaTypeMaster: {Succeeded: 1}},
		CompletionTime:  ptr.To(now),
	}
	if err := w.client.Status().Update(w.ctx, job); err != nil {
		w.t.Fatal(err)
	}
	// The operator's controller polls PyTorchJobs; a change of one of its pods makes it look at once.
	pod.Status.Message = "done"
	if err := w.client.Status().Update(w.ctx, pod); err != nil {
		w.t.Fatal(err)
	}
}
