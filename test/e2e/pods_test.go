//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// scale does what kubectl scale does, and waits until all pods serve and none is left over.
func (s *shop) scale(t *testing.T, replicas int32) {
	t.Helper()
	d := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName)
	// As kubectl does: the operator may write the status between the two.
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		scale := &autoscalingv1.Scale{}
		if err := s.k.SubResource("scale").Get(t.Context(), d, scale); err != nil {
			return err
		}
		scale.Spec.Replicas = replicas
		return s.k.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(scale))
	})
	if err != nil {
		t.Fatalf("scaling: %v", err)
	}
	s.awaitServing(t, replicas)
	s.awaitPods(t, int(replicas), nil)
}

// evictAll takes both pods away as the drain of their node does: it evicts all of them, again and again where the disruption budget forbids it,
// which lets the second one go only when there is another for the first.
func (s *shop) evictAll(t *testing.T) {
	t.Helper()
	var refused int
	gone := map[string]bool{}
	pods := s.pods(t)
	await(t, s.k, named(&v1alpha1.TryOnDeployment{}, judgedName), 3*time.Minute, func(*v1alpha1.TryOnDeployment) (bool, error) {
		for i := range pods {
			p := &pods[i]
			if gone[p.Name] {
				continue
			}
			err := s.k.SubResource("eviction").Create(t.Context(), p, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}})
			switch {
			case apierrors.IsTooManyRequests(err):
				refused++
			case err != nil:
				return false, err
			default:
				gone[p.Name] = true
			}
		}
		return len(gone) == len(pods), nil
	})
	if len(pods) != 2 || refused == 0 {
		t.Errorf("%d pods were evicted, and the budget refused %d times, want two, one after the other", len(pods), refused)
	}
	s.awaitPods(t, 2, gone)
}

// killModelServer kills the model server of one pod without grace, as the kernel does when memory runs out, and waits until kubelet has started it
// again. Processes of a cluster that is not ours are out of reach.
func (s *shop) killModelServer(t *testing.T) {
	t.Helper()
	if os.Getenv("KUBECONFIG") != "" {
		return
	}
	pod := s.pods(t)[0]
	before := restarts(&pod)
	if err := syscall.Kill(modelServerOf(t, pod.UID), syscall.SIGKILL); err != nil {
		t.Fatalf("killing the model server of %s: %v", pod.Name, err)
	}
	await(t, s.k, named(&corev1.Pod{}, pod.Name), 2*time.Minute, func(p *corev1.Pod) (bool, error) {
		return restarts(p) > before && servingpod.Ready(p), nil
	})
}

// modelServerOf finds the process in whose control group the pod's name is.
func modelServerOf(t *testing.T, pod types.UID) int {
	t.Helper()
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups {
		// A process may end while we look.
		of, _ := os.ReadFile(group)
		command, _ := os.ReadFile(filepath.Join(filepath.Dir(group), "cmdline"))
		if !strings.Contains(string(of), string(pod)) || !strings.HasPrefix(string(command), "/tryon-runtime\x00--model-dir") {
			continue
		}
		number, err := strconv.Atoi(filepath.Base(filepath.Dir(group)))
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	t.Fatalf("no process is the model server of pod %s", pod)
	return 0
}

// restarts of all containers of a pod.
func restarts(p *corev1.Pod) (all int32) {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		all += c.RestartCount
	}
	return all
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
