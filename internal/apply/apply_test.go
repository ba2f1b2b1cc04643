package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/names"
)

// Each test has a namespace of its own of one API server.
func TestAgainstAnAPIServer(t *testing.T) {
	config := apitest.Start(t)
	n := 0
	for name, test := range map[string]func(*world){
		"What is stored already is asked for no more":           storedAlready,
		"Apply asks each time":                                  asksEachTime,
		"Another desired object is applied":                     changed,
		"A foreign edit is put right":                           edited,
		"What the cache holds no more is applied":               unlabelled,
		"A status that changes costs one apply":                 statusChanges,
		"What was deleted is made again":                        deleted,
		"Another owner of the same name is not taken for it":    sameNameOfOwner,
		"Content that was stored before the last is not it":     thereAndBack,
		"A write without an answer is no knowledge":             answerLost,
		"What somebody else owns is refused whenever it is met": notOwned,
		"A restarted manager applies once":                      restarted,
	} {
		n++
		t.Run(name, func(t *testing.T) { test(newWorld(t, config, fmt.Sprintf("apply-%d", n))) })
	}
}

// world is one owner in one namespace, and an Applier that reads as the manager's does: metadata live, all else from a cache of what has
// our label.
type world struct {
	*testing.T
	// Client reads and writes live, for the test itself.
	client.Client
	*counter
	applying client.Client
	applier  *apply.Applier
	cached   client.Reader
	owner    *corev1.ConfigMap
}

func newWorld(t *testing.T, config *rest.Config, namespace string) *world {
	t.Helper()
	w := &world{T: t, Client: apitest.Client(t, config), counter: &counter{}}
	w.must(w.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
	w.owner = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner", Namespace: namespace}}
	w.must(w.Create(t.Context(), w.owner))
	cached, err := cache.New(config, cache.Options{
		Scheme: apitest.Scheme(t), DefaultNamespaces: map[string]cache.Config{namespace: {}},
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{names.LabelManagedBy: names.FieldManager}),
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- cached.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the cache ended with %v", err)
		}
	})
	counted := rest.CopyConfig(config)
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		w.next = next
		return w.counter
	})
	w.cached, w.applying = cached, &metadataLive{Client: apitest.Client(t, counted), cached: cached}
	w.applier = apply.New(w.applying, w.Scheme())
	return w
}

// metadataLive reads as the manager's client does.
type metadataLive struct {
	client.Client
	cached client.Reader
}

func (c *metadataLive) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if _, bare := obj.(*metav1.PartialObjectMetadata); bare {
		return c.Client.Get(ctx, key, obj, opts...)
	}
	return c.cached.Get(ctx, key, obj, opts...)
}

// counter counts requests, and keeps answers from who asked.
type counter struct {
	next  http.RoundTripper
	asked atomic.Int32
	deaf  atomic.Bool
}

var errLost = errors.New("the answer is lost")

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.asked.Add(1)
	response, err := c.next.RoundTrip(r)
	if err == nil && r.Method == http.MethodPatch && c.deaf.Load() {
		response.Body.Close()
		return nil, errLost
	}
	return response, err
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// service is what is wanted most of the time.
func (w *world) service(selects string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "child", Namespace: w.owner.Namespace, Labels: map[string]string{names.LabelManagedBy: names.FieldManager}},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": selects}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

// reapply counts the requests of one Reapply.
func (w *world) reapply(desired client.Object) int32 {
	w.Helper()
	before := w.asked.Load()
	w.must(w.applier.Reapply(w.Context(), w.owner, desired))
	return w.asked.Load() - before
}

// settle applies, and waits until the cache has what was applied.
func (w *world) settle(desired client.Object) {
	w.Helper()
	w.reapply(desired)
	w.catchUp(desired)
}

// catchUp waits until the cache has what the API server has.
func (w *world) catchUp(like client.Object) {
	w.Helper()
	var live, cached string
	err := wait.PollUntilContextTimeout(w.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		live, cached = w.version(w, like), w.version(w.cached, like)
		return live == cached, nil
	})
	if err != nil {
		w.Fatalf("the API server has %q and the cache %q: %v", live, cached, err)
	}
}

// version is the resource version of an object; empty when it is not there or not one of ours.
func (w *world) version(r client.Reader, like client.Object) string {
	w.Helper()
	found, ok := like.DeepCopyObject().(client.Object)
	if !ok {
		w.Fatalf("%T has no metadata", like)
	}
	err := r.Get(w.Context(), client.ObjectKeyFromObject(like), found)
	w.must(client.IgnoreNotFound(err))
	if err != nil || found.GetLabels()[names.LabelManagedBy] == "" {
		return ""
	}
	return found.GetResourceVersion()
}

// selects is what the live Service selects.
func (w *world) selects() string {
	w.Helper()
	service := &corev1.Service{}
	w.must(w.Get(w.Context(), client.ObjectKeyFromObject(w.service("")), service))
	return service.Spec.Selector["app"]
}

// edit changes the live Service as somebody else.
func (w *world) edit(change func(*corev1.Service)) {
	w.Helper()
	service := &corev1.Service{}
	w.must(w.Get(w.Context(), client.ObjectKeyFromObject(w.service("")), service))
	change(service)
	w.must(w.Update(w.Context(), service))
}

func storedAlready(w *world) {
	if w.reapply(w.service("v1")) == 0 {
		w.Error("the first apply asked the API server nothing")
	}
	w.catchUp(w.service("v1"))
	if n := w.reapply(w.service("v1")); n != 0 {
		w.Errorf("%d requests for what is stored already", n)
	}
	desired := w.service("v1")
	w.reapply(desired)
	if diff := cmp.Diff(w.service("v1"), desired); diff != "" {
		w.Errorf("the desired object was changed (-want +got):\n%s", diff)
	}
}

func asksEachTime(w *world) {
	w.settle(w.service("v1"))
	before := w.asked.Load()
	w.must(w.applier.Apply(w.Context(), w.owner, w.service("v1")))
	if n := w.asked.Load() - before; n != 2 {
		w.Errorf("%d requests, want a read and a write", n)
	}
}

func changed(w *world) {
	w.settle(w.service("v1"))
	if n := w.reapply(w.service("v2")); n != 2 || w.selects() != "v2" {
		w.Errorf("%d requests, and the Service selects %s", n, w.selects())
	}
	w.catchUp(w.service("v2"))
	if n := w.reapply(w.service("v2")); n != 0 {
		w.Errorf("%d requests for what is stored already", n)
	}
}

func edited(w *world) {
	w.settle(w.service("v1"))
	w.edit(func(s *corev1.Service) { s.Spec.Selector["app"] = "theirs" })
	w.catchUp(w.service("v1"))
	if n := w.reapply(w.service("v1")); n != 2 || w.selects() != "v1" {
		w.Errorf("%d requests, and the Service selects %s", n, w.selects())
	}
	w.catchUp(w.service("v1"))
	if n := w.reapply(w.service("v1")); n != 0 {
		w.Errorf("%d requests for what is stored again", n)
	}
}

func unlabelled(w *world) {
	w.settle(w.service("v1"))
	w.edit(func(s *corev1.Service) { s.Labels = nil })
	w.catchUp(w.service("v1"))
	w.reapply(w.service("v1"))
	if w.version(w, w.service("v1")) == "" {
		w.Error("the Service lacks our label")
	}
}

func statusChanges(w *world) {
	desired := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "child", Namespace: w.owner.Namespace, Labels: map[string]string{names.LabelManagedBy: names.FieldManager}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "v1"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "v1"}}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "example/c:1"}}},
			},
		},
	}
	w.settle(desired)
	live := &appsv1.Deployment{}
	w.must(w.Get(w.Context(), client.ObjectKeyFromObject(desired), live))
	live.Status = appsv1.DeploymentStatus{ObservedGeneration: live.Generation, Replicas: 2}
	w.must(w.Client.Status().Update(w.Context(), live))
	w.catchUp(desired)
	w.reapply(desired)
	if n := w.reapply(desired); n != 0 {
		w.Errorf("%d requests once more", n)
	}
	if got := w.version(w, desired); got != live.ResourceVersion {
		w.Errorf("the Deployment was written: version %s became %s", live.ResourceVersion, got)
	}
}

func deleted(w *world) {
	w.settle(w.service("v1"))
	w.must(w.Delete(w.Context(), w.service("v1")))
	w.catchUp(w.service("v1"))
	if n := w.reapply(w.service("v1")); n != 2 || w.selects() != "v1" {
		w.Errorf("%d requests, and the Service selects %s", n, w.selects())
	}
}

func sameNameOfOwner(w *world) {
	w.settle(w.service("v1"))
	w.must(w.Delete(w.Context(), w.owner))
	w.owner = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner", Namespace: w.owner.Namespace}}
	w.must(w.Create(w.Context(), w.owner))
	// There is no garbage collector here, so the child of the first owner is still there.
	if err := w.applier.Reapply(w.Context(), w.owner, w.service("v1")); !errors.Is(err, apply.ErrNotOwned) {
		w.Errorf("a child of the first owner was applied for the second: %v", err)
	}
}

func thereAndBack(w *world) {
	// The cache stays at the first write, as one that lags does.
	w.settle(w.service("v1"))
	w.applier = apply.New(&metadataLive{Client: w.applying, cached: lagging{w.now()}}, w.Scheme())
	w.reapply(w.service("v1"))
	if n := w.reapply(w.service("v1")); n != 0 {
		w.Fatalf("%d requests for what is stored already", n)
	}
	w.reapply(w.service("v2"))
	w.reapply(w.service("v1"))
	if got := w.selects(); got != "v1" {
		w.Errorf("the Service selects %s", got)
	}
}

func answerLost(w *world) {
	w.settle(w.service("v1"))
	w.applier = apply.New(&metadataLive{Client: w.applying, cached: lagging{w.now()}}, w.Scheme())
	w.reapply(w.service("v1"))
	w.deaf.Store(true)
	if err := w.applier.Reapply(w.Context(), w.owner, w.service("v2")); !errors.Is(err, errLost) {
		w.Fatalf("the answer was heard: %v", err)
	}
	w.deaf.Store(false)
	if got := w.selects(); got != "v2" {
		w.Fatalf("the write whose answer is lost was not stored: the Service selects %s", got)
	}
	w.reapply(w.service("v1"))
	if got := w.selects(); got != "v1" {
		w.Errorf("the Service selects %s", got)
	}
}

// now is the Service as the API server has it.
func (w *world) now() *corev1.Service {
	w.Helper()
	service := &corev1.Service{}
	w.must(w.Get(w.Context(), client.ObjectKeyFromObject(w.service("")), service))
	return service
}

// lagging is a cache that got no events since it got the Service.
type lagging struct{ service *corev1.Service }

func (l lagging) Get(_ context.Context, _ client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	into, ok := obj.(*corev1.Service)
	if !ok {
		return fmt.Errorf("%T is not in the cache", obj)
	}
	l.service.DeepCopyInto(into)
	return nil
}

func (lagging) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("nobody lists here")
}

func notOwned(w *world) {
	w.must(w.Create(w.Context(), w.service("theirs")))
	for range 2 {
		if err := w.applier.Reapply(w.Context(), w.owner, w.service("v1")); !errors.Is(err, apply.ErrNotOwned) {
			w.Errorf("somebody else's Service: %v", err)
		}
	}
	w.must(w.Delete(w.Context(), w.service("theirs")))
	w.settle(w.service("v1"))
	w.edit(func(s *corev1.Service) { s.OwnerReferences = nil })
	w.catchUp(w.service("v1"))
	for range 2 {
		if err := w.applier.Reapply(w.Context(), w.owner, w.service("v1")); !errors.Is(err, apply.ErrNotOwned) {
			w.Errorf("a Service that was taken from us: %v", err)
		}
	}
}

func restarted(w *world) {
	w.settle(w.service("v1"))
	w.applier = apply.New(w.applying, w.Scheme())
	if n := w.reapply(w.service("v1")); n != 2 {
		w.Errorf("%d requests of the new manager, want a read and a write", n)
	}
	if n := w.reapply(w.service("v1")); n != 0 {
		w.Errorf("%d requests for what is stored already", n)
	}
}
