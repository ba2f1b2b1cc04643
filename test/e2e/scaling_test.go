//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// The load of the test, in pods: what keeps one pod a third busy, and then five times as much.
const (
	calm, peak = 0.3, 5 * calm
	// calmFor and peakFor are how long each lasts at least; then it is calm until the replicas are as few as before.
	calmFor, peakFor = 25 * time.Second, 60 * time.Second
)

// scaledDeployment serves what the demo trained. A runtime with a limit on its CPU is a unit of capacity even where all pods share two
// cores: three of them can do three times as much as one. The limit is so low that the model's runs are what a request waits for, and not
// its picture's way through the API server. Shoppers may wait for as long as pods take to start, so that nobody is refused.
func scaledDeployment() *v1alpha1.TryOnDeployment {
	lasting := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	return named(&v1alpha1.TryOnDeployment{Spec: v1alpha1.TryOnDeploymentSpec{
		Model: v1alpha1.ServedModel{Name: "tops"},
		Runtime: v1alpha1.RuntimeSpec{Resources: &v1alpha1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("80m")},
		}},
		Sidecar: v1alpha1.SidecarSpec{RequestTimeout: lasting(100 * time.Second)},
		Scaling: v1alpha1.ScalingSpec{
			MinReplicas: 1, MaxReplicas: 3, TargetBacklog: lasting(2 * time.Second), StableWindow: lasting(20 * time.Second), ScaleDownDelay: lasting(30 * time.Second),
		},
	}}, "elastic")
}

// TestReplicasFollowALoadThatRisesFiveFoldAndFalls asks one pod for more than it can do, sees that others come and go again, each once, and
// that no request fails meanwhile; one that is refused as Overloaded counts as failed too.
func TestReplicasFollowALoadThatRisesFiveFoldAndFalls(t *testing.T) {
	k := cluster(t)
	tod := scaledDeployment()
	if err := k.Create(t.Context(), tod); err != nil {
		t.Fatalf("creating TryOnDeployment: %v", err)
	}
	t.Cleanup(func() { remove(t, k, named(&v1alpha1.TryOnDeployment{}, tod.Name)) })
	await(t, k, tod, 5*time.Minute, podsAre("1/1"))
	person, garment := photos(t)
	wish := shoppers.Wish{Person: person, Garment: garment}
	each := timeOfOne(t, k, tod.Name, wish)
	t.Logf("a request takes %s of a pod", each.Round(time.Millisecond))

	every := func(load float64) time.Duration { return time.Duration(float64(each) / load) }
	crowd := shoppers.Start(t.Context(), k, tod.Name, every(calm), []shoppers.Wish{wish})
	trace := follow(t, k, tod.Name, crowd)
	wait(t, calmFor)
	crowd.Come(every(peak))
	wait(t, peakFor)
	await(t, k, tod, 2*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) { return ptr.Deref(d.Status.ReadyReplicas, 0) > 1, nil })
	wait(t, calmFor)
	crowd.Come(every(calm))
	await(t, k, tod, 3*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		return d.Status.Scaling.Desired == 1 && d.Status.Pods == "1/1" && podsLeft(t, k, tod.Name) == 1, nil
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

// podsLeft counts the pods of a deployment, those that answer their last requests included.
func podsLeft(t *testing.T, k *kube.Cluster, name string) int {
	return len(podsOf(t.Context(), k, name))
}

func podsOf(ctx context.Context, k *kube.Cluster, name string) []corev1.Pod {
	var list corev1.PodList
	// What cannot be listed now is listed a second later.
	_ = k.List(ctx, &list, client.InNamespace(kube.Namespace), client.MatchingLabels{names.LabelDeployment: name})
	return list.Items
}

func wait(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// timeOfOne is how long a pod takes for a request when it has no other: the median of a few, after two that warm it up.
func timeOfOne(t *testing.T, k *kube.Cluster, service string, w shoppers.Wish) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 9 {
		begin := time.Now()
		if _, err := shoppers.Ask(t.Context(), k, service, w); err != nil {
			t.Fatalf("asking an idle pod: %v", err)
		}
		took = append(took, time.Since(begin))
	}
	took = took[2:]
	slices.Sort(took)
	return took[len(took)/2]
}

// moment is how the deployment is at some second.
type moment struct {
	at, rate        float64
	replicas, ready int32
	backlog         float64
}

// trace follows a deployment and writes down every second of it.
type trace struct {
	t       *testing.T
	cancel  context.CancelFunc
	done    sync.WaitGroup
	moments []moment
}

func follow(t *testing.T, k *kube.Cluster, name string, crowd *shoppers.Crowd) *trace {
	ctx, cancel := context.WithCancel(t.Context())
	tr := &trace{t: t, cancel: cancel}
	t.Cleanup(func() { tr.stop() })
	begin := time.Now()
	tr.done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			tod := named(&v1alpha1.TryOnDeployment{}, name)
			if err := k.Get(ctx, client.ObjectKeyFromObject(tod), tod); err != nil || tod.Status.Scaling == nil {
				continue
			}
			m := moment{at: time.Since(begin).Seconds(), rate: 1 / crowd.Every().Seconds(), replicas: tod.Status.Scaling.Desired}
			m.ready, m.backlog = loadOf(ctx, k, name)
			tr.moments = append(tr.moments, m)
		}
	})
	return tr
}

// loadOf is how many pods of a deployment are ready, and their mean backlog in seconds.
func loadOf(ctx context.Context, k *kube.Cluster, name string) (ready int32, backlog float64) {
	for _, p := range podsOf(ctx, k, name) {
		if p.DeletionTimestamp != nil || !servingpod.Ready(&p) {
			continue
		}
		ready++
		body, err := k.Proxy(ctx, kube.Request{Method: http.MethodGet, Target: "pods/" + p.Name + ":8081", Path: "control"})
		if err != nil {
			continue
		}
		if status, err := control.DecodeStatus(body); err == nil && status.Load != nil {
			backlog += status.Load.BacklogSeconds
		}
	}
	return ready, backlog / max(float64(ready), 1)
}

// stop ends the trace and writes it where bench/scale draws it from.
func (tr *trace) stop() []moment {
	tr.cancel()
	tr.done.Wait()
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"seconds", "rate", "replicas", "ready", "backlog"}}
	figure := func(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) }
	for _, m := range tr.moments {
		rows = append(rows, []string{figure(m.at), figure(m.rate), fmt.Sprint(m.replicas), fmt.Sprint(m.ready), figure(m.backlog)})
	}
	folder := filepath.Join(apitest.Root(tr.t), "out", "e2e")
	if err := w.WriteAll(rows); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "scaling.csv"), b.Bytes(), 0o644); err != nil {
		tr.t.Errorf("writing the trace: %v", err)
	}
	return tr.moments
}

// checkTrace sees that the replicas went out and in again, once each: no step back on either way, and none taken away before the load fell.
func checkTrace(t *testing.T, moments []moment) {
	t.Helper()
	var most, ready int32
	var backlog float64
	early, numbers := false, []int32{1}
	for _, m := range moments {
		if m.replicas != numbers[len(numbers)-1] {
			numbers = append(numbers, m.replicas)
		}
		most, ready, backlog = max(most, m.replicas), max(ready, m.ready), max(backlog, m.backlog)
		early = early || m.rate > moments[len(moments)-1].rate && m.replicas < most
	}
	t.Logf("replicas: %v; at most %d pods were ready, and the mean backlog was %.1f s", numbers, ready, backlog)
	if early {
		t.Error("replicas were taken away before the load fell")
	}
	if most < 2 || ready < 2 {
		t.Errorf("at most %d replicas were wanted and %d ready, want at least 2", most, ready)
	}
	top := slices.Index(numbers, most)
	out, in := numbers[:top+1], slices.Clone(numbers[top:])
	slices.Reverse(in)
	if !slices.IsSorted(out) || !slices.IsSorted(in) || numbers[len(numbers)-1] != 1 {
		t.Errorf("the replicas were %v, want more and more, and then fewer and fewer until one is left", numbers)
	}
}
