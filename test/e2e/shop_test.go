//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/hack/variant"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
)

// judgedName is the name of the model and of the deployment of this file.
const judgedName = "judged"

// judgedModel is evaluated on few cases and behind a gate that lets everything pass: what counts here is what shoppers' requests show.
const judgedModel = `
apiVersion: tryon.braincreators.com/v1alpha1
kind: TryOnModel
metadata: {name: judged}
spec:
  method: {name: METHOD}
  dataset:
    source: {uri: pvc://vton-demo/tops}
    license: CC0-1.0
  evaluation:
    maxCases: 4
    gates: [{metric: garment-ssim, minGain: "-1"}]
`

// judgedDeployment has wide margins, so that verdicts that hold with 95 % take seconds. At 0.04 a candidate without any fault is promoted
// after 135 pairs. That is more than the 100 answers after which a pod knows what its own version's pictures are like: a blurred picture
// is no hard fault, it is told by lying outside what those had, and before the 135th pair.
const judgedDeployment = `
apiVersion: tryon.braincreators.com/v1alpha1
kind: TryOnDeployment
metadata: {name: judged}
spec:
  model: {name: judged}
  # Two pods of two versions find room beside the demo's.
  runtime: {resources: {requests: {cpu: 100m, memory: 256Mi}}}
  rollout:
    steps: [{shadow: {samplePercent: 100}}, {weight: 50, hold: 5s}]
  gates:
  - {metric: error-rate-difference, max: "0.04"}
  - {metric: artefact-rate-difference, max: "0.04"}
`

// shop is the deployment of this file with its shoppers.
type shop struct {
	k      *kube.Cluster
	wishes []shoppers.Wish
	// methods that the test has made, and the number of the newest version.
	methods []string
	newest  int64
}

// train makes the next version by a method and waits until it may be served.
func (s *shop) train(t *testing.T, method string) string {
	t.Helper()
	if err := s.k.ApplyYAML(t.Context(), []byte(strings.Replace(judgedModel, "METHOD", method, 1))); err != nil {
		t.Fatal(err)
	}
	s.newest++
	version := named(&v1alpha1.TryOnModelVersion{}, names.ModelVersion(judgedName, s.newest))
	await(t, s.k, version, 8*time.Minute, func(v *v1alpha1.TryOnModelVersion) (bool, error) {
		ready, reason, message := kube.Readiness(v.Generation, v.Status.Conditions)
		switch reason {
		case v1alpha1.ReasonTrainingFailed, v1alpha1.ReasonGateFailed, v1alpha1.ReasonPublishFailed:
			return false, fmt.Errorf("%s: %s", reason, message)
		}
		return ready, nil
	})
	for _, stage := range version.Status.Stages {
		if strings.HasPrefix(stage.Name, "p") && stage.Name != string(variant.Polish) && stage.ReusedFrom == "" {
			t.Errorf("stage %s of %s was trained again: the method does not repeat it to the letter", stage.Name, version.Name)
		}
	}
	return version.Name
}

// derive makes a method out of the demo's.
func (s *shop) derive(t *testing.T, change variant.Change) string {
	t.Helper()
	base := &v1alpha1.TryOnMethod{}
	if err := s.k.Get(t.Context(), client.ObjectKey{Name: "pf-afn-demo"}, base); err != nil {
		t.Fatal(err)
	}
	spec, err := variant.Derive(apitest.Root(t), base.Spec, change)
	if err != nil {
		t.Fatal(err)
	}
	method := &v1alpha1.TryOnMethod{ObjectMeta: metav1.ObjectMeta{Name: "judged-" + string(change.Way)}, Spec: spec}
	if err := s.k.Delete(t.Context(), method.DeepCopy()); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err := s.k.Create(t.Context(), method); err != nil {
		t.Fatal(err)
	}
	s.methods = append(s.methods, method.Name)
	return method.Name
}

// close takes everything away that the test has made.
func (s *shop) close(t *testing.T) {
	t.Helper()
	remove(t, s.k, named(&v1alpha1.TryOnDeployment{}, judgedName), named(&v1alpha1.TryOnModel{}, judgedName))
	for _, name := range s.methods {
		remove(t, s.k, &v1alpha1.TryOnMethod{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
}

// change edits the deployment as its owner would.
func (s *shop) change(t *testing.T, edit func(spec *v1alpha1.TryOnDeploymentSpec)) {
	t.Helper()
	d := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName)
	base := client.MergeFrom(d.DeepCopy())
	edit(&d.Spec)
	if err := s.k.Patch(t.Context(), d, base); err != nil {
		t.Fatalf("changing the deployment: %v", err)
	}
}

// awaitServing waits until one version serves on so many pods and nothing moves.
func (s *shop) awaitServing(t *testing.T, replicas int32) *v1alpha1.TryOnDeployment {
	t.Helper()
	d := named(&v1alpha1.TryOnDeployment{}, judgedName)
	await(t, s.k, d, 4*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
		ready, reason, _ := kube.Readiness(d.Generation, d.Status.Conditions)
		// A pod more or less than wanted may be on its way still.
		settled := reason == v1alpha1.ReasonServing || reason == v1alpha1.ReasonRejected
		return ready && settled && d.Status.Candidate == nil && ptr.Deref(d.Status.ReadyReplicas, 0) == replicas, nil
	})
	return d
}

// during lets shoppers come while something is done. Not one of their requests may fail.
func (s *shop) during(t *testing.T, every time.Duration, do func()) {
	t.Helper()
	crowd := shoppers.Start(t.Context(), s.k, judgedName, every, s.wishes)
	defer func() {
		if err := crowd.Stop(); err != nil {
			t.Error(err)
		}
		t.Logf("%d requests, %d failed", crowd.Sent.Load(), crowd.Failed.Load())
	}()
	do()
}
