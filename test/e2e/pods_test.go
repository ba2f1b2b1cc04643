//go:build e2e

package e2e

import (
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// scale does what kubectl scale does, and waits until all pods serve and none is left over.
func (s *shop) scale(t *testing.T, replicas int32) {
	t.Helper()
	d := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName)
	scale := &autoscalingv1.Scale{}
	if err := s.k.SubResource("scale").Get(t.Context(), d, scale); err != nil {
		t.Fatalf("reading the scale: %v", err)
	}
	scale.Spec.Replicas = replicas
	if err := s.k.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(scale)); err != nil {
		t.Fatalf("scaling: %v", err)
	}
	s.awaitServing(t, replicas)
	s.awaitPods(t, int(replicas), nil)
}

// evictAll takes away one pod after the other as the drain of a node does: through the Eviction API, which minds the disruption budget.
func (s *shop) evictAll(t *testing.T) {
	t.Helper()
	gone := map[string]bool{}
	for _, pod := range s.pods(t) {
		await(t, s.k, named(&corev1.Pod{}, pod.Name), 2*time.Minute, func(p *corev1.Pod) (bool, error) {
			err := s.k.SubResource("eviction").Create(t.Context(), p, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}})
			if apierrors.IsTooManyRequests(err) {
				return false, nil
			}
			return err == nil, err
		})
		gone[pod.Name] = true
		s.awaitPods(t, 2, gone)
	}
}

// pods of the stable version.
func (s *shop) pods(t *testing.T) []corev1.Pod {
	t.Helper()
	selector, err := labels.Parse(get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName).Status.Selector)
	if err != nil {
		t.Fatal(err)
	}
	var pods corev1.PodList
	if err := s.k.List(t.Context(), &pods, client.InNamespace(kube.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		t.Fatal(err)
	}
	return pods.Items
}

// awaitPods waits until there are exactly so many pods, all ready and none of them one that has to be gone.
func (s *shop) awaitPods(t *testing.T, count int, gone map[string]bool) {
	t.Helper()
	await(t, s.k, named(&v1alpha1.TryOnDeployment{}, judgedName), 3*time.Minute, func(*v1alpha1.TryOnDeployment) (bool, error) {
		pods := s.pods(t)
		for i := range pods {
			if gone[pods[i].Name] || !servingpod.Ready(&pods[i]) {
				return false, nil
			}
		}
		return len(pods) == count, nil
	})
}

// awaitManager waits until a manager is ready again.
func (s *shop) awaitManager(t *testing.T) {
	t.Helper()
	await(t, s.k, named(&v1alpha1.TryOnDeployment{}, judgedName), 2*time.Minute, func(*v1alpha1.TryOnDeployment) (bool, error) {
		var pods corev1.PodList
		if err := s.k.List(t.Context(), &pods, client.InNamespace(kube.OperatorNamespace)); err != nil {
			return false, err
		}
		for i := range pods.Items {
			if p := &pods.Items[i]; p.DeletionTimestamp.IsZero() && servingpod.Ready(p) {
				return true, nil
			}
		}
		return false, nil
	})
}
