package manager

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestTheCacheKeepsNeitherLedgersNorTasks(t *testing.T) {
	managed := metav1.ObjectMeta{Name: "a", ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "tryon"}}}
	kept := metav1.ObjectMeta{Name: "a"}
	pod := func(env ...corev1.EnvVar) corev1.PodSpec {
		return corev1.PodSpec{
			InitContainers: []corev1.Container{{Name: "pull", Env: env}}, Containers: []corev1.Container{{Name: "worker", Image: "worker:1", Env: env}},
		}
	}
	task := corev1.EnvVar{Name: "TRYON_TASK", Value: "{}"}
	tests := map[string]struct{ object, want any }{
		"a ledger keeps its key": {
			&corev1.ConfigMap{ObjectMeta: managed, Data: map[string]string{"ledger": "long"}},
			&corev1.ConfigMap{ObjectMeta: kept, Data: map[string]string{"ledger": leftOut}},
		},
		"a pod":      {&corev1.Pod{ObjectMeta: managed, Spec: pod(task)}, &corev1.Pod{ObjectMeta: kept, Spec: pod()}},
		"a Job":      {&batchv1.Job{ObjectMeta: managed, Spec: jobSpec(pod(task))}, &batchv1.Job{ObjectMeta: kept, Spec: jobSpec(pod())}},
		"all others": {&corev1.Service{ObjectMeta: managed}, &corev1.Service{ObjectMeta: kept}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := slim(test.object)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func jobSpec(pod corev1.PodSpec) batchv1.JobSpec {
	return batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod}}
}
