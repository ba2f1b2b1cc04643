//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// The load of the test, in parts of what one full pod answers.
const (
	// calm is the load before and after. Between them it rises five-fold, in steps: with the fourth a pod is full, with the fifth it is more than full.
	calm, rise = 0.25, 5
	// calmFor is how long it is calm at first, and stepFor how long each step of the rise takes: pods take longer than that to start, and one pod
	// lets only so many requests wait.
	calmFor, stepFor = 25 * time.Second, 10 * time.Second

	targetBacklog, stableWindow, scaleDownDelay = 2 * time.Second, 20 * time.Second, 45 * time.Second
	// peakFor is how long the pods have been enough for the peak when the load falls: longer than it takes to take a pod away, so that one which
	// is needed would go.
	peakFor = stableWindow + scaleDownDelay

	// runtimeCPU lets a run of the demo's model take some five of the periods of 100 ms in which the kernel hands out a limit. A run that fits
	// into the share of one period is over at once on a pod that was idle before, and takes a whole period on a full one: such pods look idle
	// until they are nearly full.
	runtimeCPU = "40m"
)

// elasticDeployment serves what the demo trained, on one pod. A runtime with a limit on its CPU is a unit of capacity even where all pods share
// two cores: three of them can do three times as much as one. Shoppers may wait for as long as pods take to start, so that nobody is refused.
func elasticDeployment() *v1alpha1.TryOnDeployment {
	return named(&v1alpha1.TryOnDeployment{Spec: v1alpha1.TryOnDeploymentSpec{
		Model: v1alpha1.ServedModel{Name: "tops"},
		Runtime: v1alpha1.RuntimeSpec{Resources: &v1alpha1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(runtimeCPU), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(runtimeCPU)},
		}},
		Sidecar: v1alpha1.SidecarSpec{RequestTimeout: &metav1.Duration{Duration: 100 * time.Second}},
	}}, "elastic")
}

// scaleByWork has the number of pods follow their work from now on.
func scaleByWork(t *testing.T, k *kube.Cluster, tod *v1alpha1.TryOnDeployment) {
	t.Helper()
	lasting := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	base := client.MergeFrom(tod.DeepCopy())
	tod.Spec.Scaling = v1alpha1.ScalingSpec{
		MinReplicas: 1, MaxReplicas: 3, TargetBacklog: lasting(targetBacklog), StableWindow: lasting(stableWindow), ScaleDownDelay: lasting(scaleDownDelay),
	}
	if err := k.Patch(t.Context(), tod, base); err != nil {
		t.Fatalf("asking for scaling: %v", err)
	}
}

// TestReplicasFollowALoadThatRisesFiveFoldAndFalls asks one pod for more than it can do, sees that others come and go again, each once, and
// that no request fails meanwhile; one that is refused as Overloaded counts as failed too.
func TestReplicasFollowALoadThatRisesFiveFoldAndFalls(t *testing.T) {
	k := cluster(t)
	tod := elasticDeployment()
	if err := k.Create(t.Context(), tod); err != nil {
		t.Fatalf("creating TryOnDeployment: %v", err)
	}
	t.Cleanup(func() { remove(t, k, named(&v1alpha1.TryOnDeployment{}, tod.Name)) })
	await(t, k, tod, 3*time.Minute, podsAre("1/1"))
	person, garment := photos(t)
	wish := shoppers.Wish{Person: person, Garment: garment}
	each := timeOfOne(t, k, tod.Name, wish)
	t.Logf("a request is %s of a full pod's work", each.Round(time.Millisecond))

	every := func(pods float64) time.Duration { return time.Duration(float64(each) / pods) }
	crowd := shoppers.Start(t.Context(), k, tod.Name, every(calm), []shoppers.Wish{wish})
	awaitCalm(t, k, tod.Name)
	scaleByWork(t, k, tod)
	trace := follow(t, k, tod.Name, crowd)
	trace.await(t, "calm", calmFor+time.Minute, calmFor, func(m moment) bool { return m.replicas == 1 && m.backlog < targetBacklog.Seconds() })
	for step := 2; step <= rise; step++ {
		crowd.Come(every(calm * float64(step)))
		trace.await(t, "a step of the rise", stepFor+time.Minute, stepFor, func(moment) bool { return true })
	}
	trace.await(t, "enough pods", 4*time.Minute, peakFor, func(m moment) bool {
		return m.replicas > 1 && m.ready == m.replicas && m.backlog < targetBacklog.Seconds()
	})
	crowd.Come(every(calm))
	await(t, k, tod, 4*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return d.Status.Scaling.Desired == 1 && d.Status.Pods == "1/1" && len(podsOf(t.Context(), k, tod.Name)) == 1, nil
	})
	if err := crowd.Stop(); err != nil {
		t.Error(err)
	}
	checkTrace(t, trace.stop())
	t.Logf("%d requests, %d failed", crowd.Sent.Load(), crowd.Failed.Load())

	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 2}}
	if err := k.SubResource("scale").Update(t.Context(), tod, client.WithSubResourceBody(scale)); err != nil {
		t.Fatalf("asking for two replicas: %v", err)
	}
	await(t, k, tod, 2*time.Minute, podsAre("2/2"))
}

func podsAre(said string) func(*v1alpha1.TryOnDeployment) (bool, error) {
	return func(d *v1alpha1.TryOnDeployment) (bool, error) {
		ready, _, _ := kube.Readiness(d.Generation, d.Status.Conditions)
		return ready && d.Status.Pods == said, nil
	}
}

// podsOf are the pods of a deployment, those that answer their last requests included.
func podsOf(ctx context.Context, k *kube.Cluster, name string) []corev1.Pod {
	var list corev1.PodList
	// What cannot be listed now is listed a second later.
	_ = k.List(ctx, &list, client.InNamespace(kube.Namespace), client.MatchingLabels{names.LabelDeployment: name})
	return list.Items
}

// statusOf is what a pod says of itself, its load included.
func statusOf(ctx context.Context, k *kube.Cluster, pod string) (control.Status, error) {
	body, err := k.Proxy(ctx, kube.Request{Method: http.MethodGet, Target: "pods/" + pod + ":8081", Path: "control"})
	if err != nil {
		return control.Status{}, err
	}
	status, err := control.DecodeStatus(body)
	if err == nil && status.Load == nil {
		err = errors.New("the pod does not say its load")
	}
	return status, err
}

// timeOfOne is how much of a full pod's time a request takes, by what the only pod says of itself while some shoppers ask again as soon as they
// are answered. What a single request takes on an idle pod says little: most of it may be its picture's way, and an idle pod runs faster.
func timeOfOne(t *testing.T, k *kube.Cluster, service string, w shoppers.Wish) time.Duration {
	t.Helper()
	const shoppersAtOnce, answers = 4, 25
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	defer asking.Wait()
	defer stop()
	for range shoppersAtOnce {
		asking.Go(func() {
			for ctx.Err() == nil {
				if _, err := shoppers.Ask(ctx, k, service, w); err != nil && ctx.Err() == nil {
					t.Errorf("asking the only pod: %v", err)
					return
				}
			}
		})
	}
	pod := podsOf(ctx, k, service)[0].Name
	var begin time.Time
	var served int64
	var each time.Duration
	await(t, k, named(&corev1.Pod{}, pod), 2*time.Minute, func(*corev1.Pod) (bool, error) {
		now, err := statusOf(ctx, k, pod)
		switch {
		case err != nil:
			return false, fmt.Errorf("reading the pod's load: %w", err)
		case now.Load.Busy < 0.95:
			begin = time.Time{}
		case begin.IsZero():
			begin, served = time.Now(), now.Served
		case now.Served-served >= answers:
			each = time.Since(begin) / time.Duration(now.Served-served)
		}
		return each > 0, nil
	})
	return each
}

// awaitCalm waits until the only pod has forgotten the load before.
func awaitCalm(t *testing.T, k *kube.Cluster, service string) {
	t.Helper()
	pod := podsOf(t.Context(), k, service)[0].Name
	await(t, k, named(&corev1.Pod{}, pod), time.Minute, func(*corev1.Pod) (bool, error) {
		now, err := statusOf(t.Context(), k, pod)
		if err != nil {
			return false, fmt.Errorf("reading the pod's load: %w", err)
		}
		return now.Load.Busy < 2*calm && now.Load.ArrivalsPerSecond < 2*calm, nil
	})
}

// loadOf is how many pods of a deployment are ready, and their mean backlog in seconds.
func loadOf(ctx context.Context, k *kube.Cluster, name string) (ready int32, backlog float64) {
	for _, p := range podsOf(ctx, k, name) {
		if p.DeletionTimestamp != nil || !servingpod.Ready(&p) {
			continue
		}
		ready++
		if status, err := statusOf(ctx, k, p.Name); err == nil {
			backlog += status.Load.BacklogSeconds
		}
	}
	return ready, backlog / max(float64(ready), 1)
}
