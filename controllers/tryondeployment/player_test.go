package tryondeployment_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// player plays the parts of the cluster that a lone kube-apiserver lacks: Deployments make pods, pods start or crash, Services get
// endpoints. It also is what the pods answer. It writes down every breach of a promise that it sees.
type player struct {
	client.Client
	namespace string

	mu sync.Mutex
	// places is how many pods find a node, 0 for any number, and shared how many have to be ready there, of whichever version.
	places, shared int
	// crashing versions never get ready.
	crashing map[string]bool
	// deaf pods neither answer nor listen, by version.
	deaf map[string]bool
	// arrivals are how much work arrives at a version, of which each ready pod says its part, and ready how many there are.
	arrivals map[string]float64
	ready    map[string]int
	// unkept is why pods cannot keep requests, and lacking are the claims and Secrets that do not exist.
	unkept  string
	lacking map[string]bool
	// permits are what pods wait for before they keep requests, by UID, and permitted the ones that there are; keeping pods do it.
	permits            map[string]string
	permitted, keeping map[string]bool
	// documents are what pods apply, by UID.
	documents map[string]control.Document
	// slower says by how much a version is slower than the one that serves; silent, that no shopper comes.
	slower map[string]float64
	silent bool
	// failing versions answer nothing that is forwarded to them; asked counts that by who forwards.
	failing map[string]bool
	asked   map[string]int64
	// known is how many requests a replay counts; 0 for one that does not end.
	known int
	// foreign says that replays answer another question than the one they were given.
	foreign bool
	// compared counts the pairs of a pod in an epoch, and the reports that it gave.
	compared map[string]*comparison
	// owners are the versions of pods, by UID.
	owners  map[string]string
	created int
	placed  int
	// promised is the capacity that must not be undercut; 0 until it is first reached.
	promised int
	breaches []string
}

func newPlayer(c client.Client, namespace string) *player {
	return &player{
		Client: c, namespace: namespace, crashing: map[string]bool{}, failing: map[string]bool{}, asked: map[string]int64{}, deaf: map[string]bool{},
		arrivals: map[string]float64{}, ready: map[string]int{}, documents: map[string]control.Document{}, owners: map[string]string{}, slower: map[string]float64{}, compared: map[string]*comparison{},
		lacking: map[string]bool{}, permits: map[string]string{}, permitted: map[string]bool{}, keeping: map[string]bool{},
	}
}

func (p *player) locked(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// Status implements tryondeployment.Pods.
func (p *player) Status(_ context.Context, pod controlclient.Target) (control.Status, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf[p.owners[pod.UID]] {
		return control.Status{}, controlclient.ErrPod
	}
	version := p.owners[pod.UID]
	part := p.arrivals[version] / float64(max(p.ready[version], 1))
	return control.Status{
		Schema: control.StatusSchema, Generation: p.documents[pod.UID].Generation, Load: &control.Load{ArrivalsPerSecond: part, Busy: min(part, 1)},
		Capture: &control.Capture{Trouble: p.unkept, Held: !p.keeping[pod.UID]}, Forwards: p.forwards(pod.UID),
	}, nil
}

// Unready implements tryondeployment.Pods.
func (p *player) Unready(context.Context, controlclient.Target) (string, error) { return "", nil }

// Push implements tryondeployment.Pods.
func (p *player) Push(_ context.Context, pod controlclient.Target, document control.Document) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf[p.owners[pod.UID]] {
		return controlclient.ErrPod
	}
	if document.Generation < p.documents[pod.UID].Generation {
		p.breaches = append(p.breaches, fmt.Sprintf("document %d is pushed after %d", document.Generation, p.documents[pod.UID].Generation))
	}
	p.documents[pod.UID] = document
	return nil
}

// comparison is what a pod counted in an epoch.
type comparison struct {
	report evidence.Report
}

// Evidence implements tryondeployment.Pods: each question finds 250 more pairs than the one before.
func (p *player) Evidence(_ context.Context, pod controlclient.Target) (evidence.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	shadow := p.documents[pod.UID].Shadow
	if shadow == nil || p.deaf[p.owners[pod.UID]] {
		return evidence.Report{}, controlclient.ErrPod
	}
	key := pod.UID + " " + shadow.Epoch
	c := p.compared[key]
	if c == nil {
		totals, err := evidence.NewTotals(shadow.LatencyRatio)
		if err != nil {
			return evidence.Report{}, err
		}
		sum := sha256.Sum256([]byte(key))
		c = &comparison{report: evidence.Report{
			Schema: evidence.Schema, Epoch: shadow.Epoch, Stable: p.owners[pod.UID], Candidate: shadow.Version,
			Instance: hex.EncodeToString(sum[:16]), Totals: totals,
		}}
		p.compared[key] = c
	}
	if err := c.grow(250, p.slower[shadow.Version], p.silent); err != nil {
		return evidence.Report{}, err
	}
	return c.report, nil
}

// grow adds pairs of answers of 100 to 200 ms, of which the candidate's take slower times longer.
func (c *comparison) grow(pairs int, slower float64, silent bool) error {
	c.report.Sequence++
	c.report.TakenAt = time.Now()
	if silent {
		return nil
	}
	for i := range pairs {
		stable := time.Duration(100+37*i%100) * time.Millisecond
		c.report.Pairs++
		c.report.Errors.Observe(false, false)
		c.report.Artefacts.Observe(false, false)
		if err := c.report.Latency.Observe(stable, time.Duration(float64(stable)*(1+slower))); err != nil {
			return err
		}
	}
	return nil
}

// play plays until the test ends.
func (p *player) play(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := p.tick(ctx); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
				t.Errorf("playing the cluster: %v", err)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		p.locked(func() {
			for _, breach := range p.breaches {
				t.Error(breach)
			}
		})
	})
}

func (p *player) tick(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var deployments appsv1.DeploymentList
	var pods corev1.PodList
	if err := p.List(ctx, &deployments, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	if err := p.List(ctx, &pods, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	if err := p.work(ctx); err != nil {
		return err
	}
	if err := p.permit(ctx, pods.Items); err != nil {
		return err
	}
	if err := p.guard(ctx); err != nil {
		return err
	}
	pods.Items = slices.DeleteFunc(pods.Items, func(pod corev1.Pod) bool { return pod.Labels[names.LabelReplay] != "" })
	clear(p.ready)
	for i := range pods.Items {
		if c := pods.Items[i].Status.Conditions; pods.Items[i].DeletionTimestamp.IsZero() && len(c) > 0 && c[0].Type == corev1.PodReady && c[0].Status == corev1.ConditionTrue {
			p.ready[pods.Items[i].Labels[names.LabelModelVersion]]++
		}
	}
	for i := range deployments.Items {
		if err := p.deploy(ctx, &deployments.Items[i], pods.Items); err != nil {
			return err
		}
	}
	p.count(pods.Items)
	for i := range pods.Items {
		if pods.Items[i].Labels[names.LabelDeployment] == "" {
			// The pod of a report is none that serves.
			continue
		}
		if err := p.live(ctx, &pods.Items[i], deployments.Items); err != nil {
			return err
		}
	}
	return p.route(ctx)
}

func (p *player) deploy(ctx context.Context, d *appsv1.Deployment, pods []corev1.Pod) error {
	have, ready := int32(0), int32(0)
	var old []*corev1.Pod
	for i := range pods {
		if pods[i].Labels[names.LabelModelVersion] != d.Labels[names.LabelModelVersion] || !pods[i].DeletionTimestamp.IsZero() {
			continue
		}
		// Of all that may change in a template, only whether and where requests are kept is played.
		if !sameCaptures(&pods[i], &d.Spec.Template) {
			old = append(old, &pods[i])
			continue
		}
		if servingpod.Ready(&pods[i]) {
			ready++
		}
		if have++; have > *d.Spec.Replicas {
			if err := p.Delete(ctx, &pods[i]); err != nil {
				return err
			}
		}
	}
	for ; have < *d.Spec.Replicas; have++ {
		p.created++
		pod := &corev1.Pod{ObjectMeta: *d.Spec.Template.ObjectMeta.DeepCopy(), Spec: *d.Spec.Template.Spec.DeepCopy()}
		pod.Name, pod.Namespace = fmt.Sprintf("%s-%d", d.Name, p.created), d.Namespace
		if err := p.Create(ctx, pod); err != nil {
			return err
		}
	}
	for _, pod := range old {
		// New pods surge; one that never took requests goes at once.
		if ready < *d.Spec.Replicas && servingpod.Ready(pod) {
			continue
		}
		if err := p.Delete(ctx, pod); err != nil {
			return err
		}
	}
	all := *d.Spec.Replicas + int32(len(old))
	if d.Status.ObservedGeneration == d.Generation && d.Status.Replicas == all && d.Status.UpdatedReplicas == *d.Spec.Replicas {
		return nil
	}
	d.Status.ObservedGeneration, d.Status.Replicas, d.Status.UpdatedReplicas = d.Generation, all, *d.Spec.Replicas
	return p.Client.Status().Update(ctx, d)
}

func sameCaptures(pod *corev1.Pod, template *corev1.PodTemplateSpec) bool {
	return pod.Annotations[names.AnnotationCaptures] == template.Annotations[names.AnnotationCaptures] && permitOf(&pod.Spec) == permitOf(&template.Spec)
}

// live starts pods, crashes those of crashing versions, and removes those whose Deployment is gone.
func (p *player) live(ctx context.Context, pod *corev1.Pod, deployments []appsv1.Deployment) error {
	version := pod.Labels[names.LabelModelVersion]
	alive := false
	for i := range deployments {
		alive = alive || deployments[i].Labels[names.LabelModelVersion] == version
	}
	if !alive {
		return p.Delete(ctx, pod, client.GracePeriodSeconds(0))
	}
	if p.places > 0 && pod.Status.PodIP == "" && p.placed >= p.places {
		return p.refuse(ctx, pod, "0/1 nodes are available: 1 Insufficient nvidia.com/gpu")
	}
	if lacks, is := p.lacks(pod); is {
		return p.refuse(ctx, pod, lacks)
	}
	ready := corev1.ConditionTrue
	if p.crashing[version] {
		ready = corev1.ConditionFalse
	}
	if len(pod.Status.Conditions) > 0 && pod.Status.Conditions[0].Status == ready {
		return nil
	}
	if _, known := p.documents[string(pod.UID)]; !known {
		p.owners[string(pod.UID)] = version
		config := &corev1.ConfigMap{}
		if err := p.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: names.Control(pod.Labels[names.LabelDeployment])}, config); err != nil {
			return err
		}
		document, err := control.Decode([]byte(config.Data[control.Key]))
		if err != nil {
			return err
		}
		p.documents[string(pod.UID)] = document
		p.permits[string(pod.UID)] = permitOf(&pod.Spec)
	}
	if pod.Status.PodIP == "" {
		p.placed++
	}
	pod.Status.PodIP = fmt.Sprintf("10.0.0.%d", p.created%250+1)
	pod.Status.PodIPs = []corev1.PodIP{{IP: pod.Status.PodIP}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: ready, LastTransitionTime: metav1.Now()}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: names.ContainerSidecar, State: corev1.ContainerState{
		Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()},
	}}}
	if p.crashing[version] {
		pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{
			Name: names.ContainerRuntime, RestartCount: 2,
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Message: "loading model.onnx: bad graph"}},
		}}
	}
	return p.Client.Status().Update(ctx, pod)
}

// refuse says that a pod finds no node.
func (p *player) refuse(ctx context.Context, pod *corev1.Pod, why string) error {
	if len(pod.Status.Conditions) > 0 {
		return nil
	}
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: why, LastTransitionTime: metav1.Now(),
	}}
	return p.Client.Status().Update(ctx, pod)
}

// count counts the pods that have a node, and watches over those that share the places.
func (p *player) count(pods []corev1.Pod) {
	ready := 0
	p.placed = 0
	for i := range pods {
		if pods[i].Status.PodIP == "" {
			continue
		}
		p.placed++
		if c := pods[i].Status.Conditions; len(c) > 0 && c[0].Status == corev1.ConditionTrue {
			ready++
		}
	}
	if ready < p.shared {
		p.breaches = append(p.breaches, fmt.Sprintf("%d pods are ready, %d are promised", ready, p.shared))
	}
}

// route gives every Service the endpoints of its ready pods, and watches over the promised capacity of the group's Service.
func (p *player) route(ctx context.Context) error {
	var services corev1.ServiceList
	if err := p.List(ctx, &services, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	for i := range services.Items {
		service := &services.Items[i]
		if service.Labels[names.LabelDeployment] == "" {
			continue
		}
		var pods corev1.PodList
		if err := p.List(ctx, &pods, client.InNamespace(p.namespace), client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(service.Spec.Selector)}); err != nil {
			return err
		}
		slice := sliceOf(service, pods.Items)
		if service.Name == service.Labels[names.LabelDeployment] && len(slice.Endpoints) < p.promised {
			p.breaches = append(p.breaches, fmt.Sprintf("%d of %d promised pods behind Service %s, which selects %s",
				len(slice.Endpoints), p.promised, service.Name, service.Spec.Selector[names.LabelModelVersion]))
		}
		if err := p.put(ctx, slice); err != nil {
			return err
		}
	}
	return nil
}

func sliceOf(service *corev1.Service, pods []corev1.Pod) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4}
	slice.Name, slice.Namespace = service.Name+"-slice", service.Namespace
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: service.Name, names.LabelDeployment: service.Labels[names.LabelDeployment]}
	for i := range pods {
		if len(pods[i].Status.Conditions) == 0 || pods[i].Status.Conditions[0].Status != corev1.ConditionTrue {
			continue
		}
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pods[i].Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pods[i].Namespace, Name: pods[i].Name, UID: pods[i].UID},
		})
	}
	return slice
}

func (p *player) put(ctx context.Context, slice *discoveryv1.EndpointSlice) error {
	current := &discoveryv1.EndpointSlice{}
	err := p.Get(ctx, client.ObjectKeyFromObject(slice), current)
	if apierrors.IsNotFound(err) {
		return p.Create(ctx, slice)
	}
	if err != nil || describe(current) == describe(slice) {
		return err
	}
	current.Endpoints = slice.Endpoints
	return p.Update(ctx, current)
}

func describe(slice *discoveryv1.EndpointSlice) string {
	var all []string
	for _, e := range slice.Endpoints {
		all = append(all, e.TargetRef.Name)
	}
	return strings.Join(all, ",")
}
