package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
)

var digest = v1alpha1.Digest("sha256:" + strings.Repeat("ab", 32))

// rule is one rule of the schema: an object that the API server takes, the change that it refuses, and what it then says.
type rule struct {
	good   client.Object
	change func(client.Object)
	want   string
}

// onModel makes a rule about a TryOnModel out of a good spec and a change of it.
func onModel(good, bad func(*v1alpha1.TryOnModel), want string) rule {
	m := model()
	good(m)
	return rule{good: m, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnModel)) }, want: want}
}

func onDeployment(good, bad func(*v1alpha1.TryOnDeployment), want string) rule {
	d := deployment()
	good(d)
	return rule{good: d, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnDeployment)) }, want: want}
}

func onMethod(good, bad func(*v1alpha1.TryOnMethod), want string) rule {
	m := method()
	good(m)
	return rule{good: m, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnMethod)) }, want: want}
}

func model() *v1alpha1.TryOnModel {
	return &v1alpha1.TryOnModel{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tops"},
		Spec: v1alpha1.TryOnModelSpec{
			Method:  v1alpha1.MethodReference{Name: "pf-afn"},
			Dataset: v1alpha1.DatasetSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/tops"}, License: "CC0-1.0"},
		},
	}
}

func deployment() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "storefront"},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: "tops"}},
	}
}

func method() *v1alpha1.TryOnMethod {
	stage := func(name string) v1alpha1.MethodStage {
		return v1alpha1.MethodStage{Name: name, Image: "trainer", Command: []string{"python3"}}
	}
	return &v1alpha1.TryOnMethod{
		ObjectMeta: metav1.ObjectMeta{Name: "mine"},
		Spec: v1alpha1.TryOnMethodSpec{
			License: "Apache-2.0",
			Stages:  []v1alpha1.MethodStage{stage("teacher"), stage("student")},
			Serving: v1alpha1.MethodServing{Stage: "student", Signature: "tryon/v1"},
		},
	}
}

func gate(min, max, gain string) v1alpha1.MetricGate {
	g := v1alpha1.MetricGate{Metric: v1alpha1.MetricSSIM}
	for value, field := range map[string]**v1alpha1.Decimal{min: &g.Min, max: &g.Max, gain: &g.MinGain} {
		if value != "" {
			*field = ptr.To(v1alpha1.Decimal(value))
		}
	}
	return g
}

func gates(g ...v1alpha1.MetricGate) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Gates = g }
}

func source(uri string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Source.URI = uri }
}

func checks(c ...v1alpha1.CheckOverride) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.DataTests.Checks = c }
}

func resourcesOf(name corev1.ResourceName) *v1alpha1.ResourceRequirements {
	return &v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{name: resource.MustParse("1")}}
}

// sidecarMemory gives the sidecar what is not empty, and a CPU.
func sidecarMemory(request, limit string) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		given := resourcesOf(corev1.ResourceCPU)
		if limit != "" {
			given.Limits[corev1.ResourceMemory] = resource.MustParse(limit)
		}
		if request != "" {
			given.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(request)}
		}
		d.Spec.Sidecar.Resources = given
	}
}

func stageResources(name corev1.ResourceName) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) {
		m.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "teacher", Resources: resourcesOf(name)}}
	}
}

// dataResources and evaluationResources are of memory, a request and a limit; an empty one is none.
func dataResources(request, limit string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Resources = memory(request, limit) }
}

func evaluationResources(request, limit string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Resources = memory(request, limit) }
}

func memory(request, limit string) *v1alpha1.ResourceRequirements {
	r := &v1alpha1.ResourceRequirements{}
	for quantity, list := range map[string]*corev1.ResourceList{request: &r.Requests, limit: &r.Limits} {
		if quantity != "" {
			*list = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
		}
	}
	return r
}

func steps(s ...v1alpha1.RolloutStep) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) { d.Spec.Rollout.Steps = s }
}

func step(weight int32, hold time.Duration) v1alpha1.RolloutStep {
	return v1alpha1.RolloutStep{Weight: weight, Hold: &metav1.Duration{Duration: hold}}
}

// judged has a shadow step first, and more.
func judged(more ...v1alpha1.RolloutStep) func(*v1alpha1.TryOnDeployment) {
	return steps(append([]v1alpha1.RolloutStep{shadow(20)}, more...)...)
}

func shadow(percent int32) v1alpha1.RolloutStep {
	return v1alpha1.RolloutStep{Shadow: v1alpha1.ShadowStep{SamplePercent: percent}}
}

func replay() v1alpha1.RolloutStep { return v1alpha1.RolloutStep{Replay: &v1alpha1.ReplayStep{}} }

// replayed has a replay step first, and more.
func replayed(policy v1alpha1.SilencePolicy, more ...v1alpha1.RolloutStep) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		steps(append([]v1alpha1.RolloutStep{replay()}, more...)...)(d)
		d.Spec.Rollout.OnSilence = policy
	}
}

// liveGates are gates of a deployment that begins with a shadow step.
func liveGates(g ...v1alpha1.LiveGate) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		judged()(d)
		d.Spec.Gates = g
	}
}

func deadline(after time.Duration) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		d.Spec.Rollout.Deadline = &metav1.Duration{Duration: after}
	}
}

func onSilence(policy v1alpha1.SilencePolicy) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		judged()(d)
		d.Spec.Rollout.OnSilence = policy
	}
}

// inPlace replaces pods one at a time.
func inPlace(replicas int32) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		d.Spec.Replicas, d.Spec.Rollout.Strategy = replicas, v1alpha1.StrategyInPlace
	}
}

func timeout(d time.Duration) func(*v1alpha1.TryOnDeployment) {
	return func(o *v1alpha1.TryOnDeployment) { o.Spec.Sidecar.RequestTimeout = &metav1.Duration{Duration: d} }
}

func rules() map[string]rule {
	nothing := func(*v1alpha1.TryOnModel) {}
	all := modelRules(nothing)
	for name, r := range deploymentRules() {
		all[name] = r
	}
	for name, r := range judgementRules() {
		all[name] = r
	}
	for name, r := range scalingRules() {
		all[name] = r
	}
	for name, r := range methodRules() {
		all[name] = r
	}
	for name, r := range captureRules() {
		all[name] = r
	}
	return all
}

func modelRules(nothing func(*v1alpha1.TryOnModel)) map[string]rule {
	return map[string]rule{
		"a model's name is short":              onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Name = strings.Repeat("a", 41) }, "at most 40 characters"),
		"a model's name can begin a Service's": onModel(func(m *v1alpha1.TryOnModel) { m.Name = "tops-2026" }, func(m *v1alpha1.TryOnModel) { m.Name = "2026-tops" }, "must begin with a letter"),
		"a model's name has no dots":           onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Name = "tops.eu" }, "lower-case letters, digits and '-'"),
		"a method is named":                    onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Method.Name = "" }, "spec.method"),
		"a license is given":                   onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.License = "" }, "license"),
		"a source has a known scheme": onModel(source("s3://vton/zalando?endpoint=https://minio.example"), source("https://example.com/x.zip"),
			"must be pvc://<claim>/<path> or s3://<bucket>/<prefix>"),
		"a claim's name is in lower case": onModel(source("pvc://my-data.2026/a/B"), source("pvc://My_Data/a"), "only lower-case letters, digits"),
		"an endpoint is a URL": onModel(source("s3://vton/zalando?region=eu-1&endpoint=http://10.0.0.7:9000"), source("s3://vton/zalando?endpoint=minio"),
			"endpoint is a URL"),
		"a source stays below its root": onModel(source("pvc://data/a/b"), source("pvc://data/../etc"), "must not contain '..'"),
		"a secret goes with s3 only": onModel(func(m *v1alpha1.TryOnModel) {
			source("s3://vton/a")(m)
			m.Spec.Dataset.Source.SecretRef = v1alpha1.SecretReference{Name: "s3"}
		}, source("pvc://data/tops"), "secretRef takes effect with s3:// only"),
		"a digest is sha256":               onModel(func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Digest = digest }, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Digest = "md5:00" }, "spec.dataset.digest"),
		"a layout is known":                onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Layout = "Folder" }, "VITONHD"),
		"a backend is known":               onModel(func(m *v1alpha1.TryOnModel) { m.Spec.Training.Backend = v1alpha1.BackendPyTorchJob }, func(m *v1alpha1.TryOnModel) { m.Spec.Training.Backend = "Ray" }, "PyTorchJob"),
		"a gate bounds something":          onModel(gates(gate("0.8", "", "")), gates(gate("", "", "")), "set at least one of min, max and minGain"),
		"a gate's bounds are in order":     onModel(gates(gate("0.8", "0.9", "")), gates(gate("0.9", "0.8", "")), "min must not be above max"),
		"a bound can be kept":              onModel(gates(gate("-1", "1.0", "0.15")), gates(gate("87", "", "")), "write 0.87 for 87 percent"),
		"a gain can be had":                onModel(gates(gate("", "", "1")), gates(gate("", "", "1.5")), "write 0.87 for 87 percent"),
		"decibels are above one":           onModel(gates(v1alpha1.MetricGate{Metric: v1alpha1.MetricPSNR, Min: ptr.To(v1alpha1.Decimal("22"))}), gates(v1alpha1.MetricGate{Metric: v1alpha1.MetricL1, Min: ptr.To(v1alpha1.Decimal("22"))}), "lie between 0 and 1"),
		"a bound is a decimal":             onModel(gates(gate("", "", "0.15")), gates(gate("", "", "1e9")), "minGain"),
		"a check is changed by something":  onModel(checks(v1alpha1.CheckOverride{Name: "blur", Severity: "Warn"}), checks(v1alpha1.CheckOverride{Name: "blur"}), "set severity, budget or both"),
		"a budget is a percentage":         onModel(checks(v1alpha1.CheckOverride{Name: "blur", Budget: "1%"}), checks(v1alpha1.CheckOverride{Name: "blur", Budget: "101%"}), "must be a percentage from 0% to 100%"),
		"data work keeps to its limit":     onModel(dataResources("1024Mi", "1Gi"), dataResources("2Gi", "1Gi"), "a request must not be above its limit"),
		"data work takes something":        onModel(dataResources("", "16Gi"), dataResources("", "-1Gi"), "must not be negative"),
		"an evaluation keeps to its limit": onModel(evaluationResources("900000", "1M"), evaluationResources("2000000", "1M"), "a request must not be above its limit"),
		"an evaluation takes something":    onModel(evaluationResources("1Gi", ""), evaluationResources("-1", ""), "must not be negative"),
		"GPUs of an override are counted":  onModel(stageResources(corev1.ResourceMemory), stageResources("nvidia.com/gpu"), "ask for GPUs with gpusPerNode"),
		"a check's name is in lower case":  onModel(checks(v1alpha1.CheckOverride{Name: "train-test-leak", Severity: "Off"}), checks(v1alpha1.CheckOverride{Name: "Train_Leak", Severity: "Off"}), "must be lower-case words"),
	}
}

func deploymentRules() map[string]rule {
	nothing := func(*v1alpha1.TryOnDeployment) {}
	return map[string]rule{
		"a deployment's name is short":                      onDeployment(nothing, func(d *v1alpha1.TryOnDeployment) { d.Name = strings.Repeat("a", 41) }, "at most 40 characters"),
		"a deployment's name can be a Service's":            onDeployment(func(d *v1alpha1.TryOnDeployment) { d.Name = "store-front-2" }, func(d *v1alpha1.TryOnDeployment) { d.Name = "store.front" }, "it is the name of a Service"),
		"a sidecar's limit has room for a photo":            onDeployment(sidecarMemory("", "640Mi"), sidecarMemory("2Gi", "639Mi"), "give limits.memory or, without a limit, requests.memory at least 640Mi"),
		"a sidecar's request has, where there is no limit":  onDeployment(sidecarMemory("671088640", ""), sidecarMemory("640M", ""), "at least 640Mi"),
		"a sidecar's request may be smaller than its limit": onDeployment(sidecarMemory("100Mi", "1Gi"), sidecarMemory("100Mi", ""), "at least 640Mi"),
		"a sidecar's memory of nothing is the default":      onDeployment(sidecarMemory("0", "0"), sidecarMemory("1", "0"), "at least 640Mi"),
		"a sidecar's memory is not negative":                onDeployment(sidecarMemory("", ""), sidecarMemory("", "-1Gi"), "at least 640Mi"),
		"a run is shared by at least one":                   onDeployment(func(d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.MaxBatch = 1 }, func(d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.MaxBatch = -1 }, "spec.sidecar.maxBatch"),
		"a run is shared by 16 at most":                     onDeployment(func(d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.MaxBatch = 16 }, func(d *v1alpha1.TryOnDeployment) { d.Spec.Sidecar.MaxBatch = 17 }, "spec.sidecar.maxBatch"),
		"replicas are at least one":                         onDeployment(func(d *v1alpha1.TryOnDeployment) { d.Spec.Replicas = 3 }, func(d *v1alpha1.TryOnDeployment) { d.Spec.Replicas = -1 }, "spec.replicas"),
		"weights rise":                                      onDeployment(steps(step(10, time.Minute), step(50, 0)), steps(step(50, 0), step(10, 0)), "weights may not fall from step to step"),
		"a weight is a percentage":                          onDeployment(steps(step(100, 0)), steps(step(101, 0)), "weight"),
		"a hold ends":                                       onDeployment(steps(step(10, time.Hour)), steps(step(10, 200*time.Hour)), "must be from 0s to 168h"),
		"a runtime's image is a reference": onDeployment(func(d *v1alpha1.TryOnDeployment) {
			d.Spec.Runtime.Image = "127.0.0.1:5000/tryon/runtime:dev@" + string(digest)
		},
			func(d *v1alpha1.TryOnDeployment) { d.Spec.Runtime.Image = "https://registry.example/runtime:1" }, "must be an image reference"),
		"in place takes two replicas": onDeployment(inPlace(2), inPlace(1), "to 2 or more, or use Surge"),
		"a strategy is known":         onDeployment(inPlace(3), func(d *v1alpha1.TryOnDeployment) { d.Spec.Rollout.Strategy = "Recreate" }, "InPlace"),
		"a request ends":              onDeployment(timeout(time.Minute), timeout(time.Hour), "must be from 1s to 10m"),
	}
}

// scaled is a deployment of up to eight pods, with a change of that.
func scaled(change func(*v1alpha1.ScalingSpec)) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		d.Spec.Scaling.MaxReplicas = 8
		change(&d.Spec.Scaling)
	}
}

func scalingRules() map[string]rule {
	lasting := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	of := func(good, bad func(*v1alpha1.ScalingSpec), want string) rule {
		return onDeployment(scaled(good), scaled(bad), want)
	}
	return map[string]rule{
		"scaling has a maximum":                        of(func(*v1alpha1.ScalingSpec) {}, func(s *v1alpha1.ScalingSpec) { s.MaxReplicas, s.MinReplicas = 0, 1 }, "spec.scaling.maxReplicas: Required"),
		"the maximum is bounded":                       of(func(s *v1alpha1.ScalingSpec) { s.MaxReplicas = 1000 }, func(s *v1alpha1.ScalingSpec) { s.MaxReplicas = 1001 }, "spec.scaling.maxReplicas"),
		"the minimum is at least one":                  of(func(s *v1alpha1.ScalingSpec) { s.MinReplicas = 2 }, func(s *v1alpha1.ScalingSpec) { s.MinReplicas = -1 }, "spec.scaling.minReplicas"),
		"the maximum is not below the minimum":         of(func(s *v1alpha1.ScalingSpec) { s.MinReplicas = 8 }, func(s *v1alpha1.ScalingSpec) { s.MinReplicas = 9 }, "raise maxReplicas, or lower minReplicas"),
		"a target is a time that shoppers wait":        of(func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = lasting(100 * time.Millisecond) }, func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = lasting(0) }, "must be from 100ms to 10m"),
		"a target is below what is refused by default": of(func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = lasting(30 * time.Second) }, func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = lasting(31 * time.Second) }, "lower targetBacklog, or raise requestTimeout"),
		"a target is below what is refused": onDeployment(
			func(d *v1alpha1.TryOnDeployment) {
				timeout(time.Minute)(d)
				scaled(func(s *v1alpha1.ScalingSpec) { s.TargetBacklog = lasting(time.Minute) })(d)
			},
			timeout(50*time.Second), "lower targetBacklog, or raise requestTimeout"),
		"in place takes two replicas with scaling, too": onDeployment(
			func(d *v1alpha1.TryOnDeployment) {
				scaled(func(s *v1alpha1.ScalingSpec) { s.MinReplicas = 2 })(d)
				d.Spec.Rollout.Strategy = v1alpha1.StrategyInPlace
			},
			func(d *v1alpha1.TryOnDeployment) { d.Spec.Scaling.MinReplicas, d.Spec.Replicas = 1, 2 }, "with scaling minReplicas, to 2 or more, or use Surge"),
		"a utilisation is a percentage":       of(func(s *v1alpha1.ScalingSpec) { s.UtilisationPercent = 100 }, func(s *v1alpha1.ScalingSpec) { s.UtilisationPercent = 101 }, "spec.scaling.utilisationPercent"),
		"some time is planned to be worked":   of(func(s *v1alpha1.ScalingSpec) { s.UtilisationPercent = 10 }, func(s *v1alpha1.ScalingSpec) { s.UtilisationPercent = 9 }, "spec.scaling.utilisationPercent"),
		"a window is longer than a few looks": of(func(s *v1alpha1.ScalingSpec) { s.StableWindow = lasting(10 * time.Second) }, func(s *v1alpha1.ScalingSpec) { s.StableWindow = lasting(9 * time.Second) }, "must be from 10s to 1h"),
		"a delay ends":                        of(func(s *v1alpha1.ScalingSpec) { s.ScaleDownDelay = lasting(time.Hour) }, func(s *v1alpha1.ScalingSpec) { s.ScaleDownDelay = lasting(2 * time.Hour) }, "must be from 10s to 1h"),
		"a delay is not shorter than a window": of(func(s *v1alpha1.ScalingSpec) {
			s.StableWindow, s.ScaleDownDelay = lasting(time.Minute), lasting(time.Minute)
		},
			func(s *v1alpha1.ScalingSpec) { s.ScaleDownDelay = lasting(59 * time.Second) }, "raise scaleDownDelay, or lower stableWindow"),
	}
}

func judgementRules() map[string]rule {
	latency := v1alpha1.LiveGate{Metric: v1alpha1.LiveLatency, Max: "1.10"}
	errors := v1alpha1.LiveGate{Metric: v1alpha1.LiveErrors, Max: "0.01"}
	artefacts := v1alpha1.LiveGate{Metric: v1alpha1.LiveArtefacts, Max: "0.01"}
	unjudged := func(d *v1alpha1.TryOnDeployment) { d.Spec.Rollout.Steps = []v1alpha1.RolloutStep{step(10, 0)} }
	both := shadow(20)
	both.Weight = 10
	held := replay()
	held.Hold = &metav1.Duration{Duration: time.Minute}
	return map[string]rule{
		"a step is of one kind":           onDeployment(judged(step(10, time.Minute)), steps(both), "exactly one of the fields in [shadow replay weight] must be set"),
		"a step does something":           onDeployment(judged(), steps(step(0, time.Minute)), "exactly one of the fields in [shadow replay weight] must be set"),
		"a shadow step comes first":       onDeployment(judged(step(10, 0)), steps(step(10, 0), shadow(20)), "it comes first: a version is judged before it gets a share"),
		"there is one shadow step":        onDeployment(judged(), judged(shadow(50)), "there is one shadow or replay step at most"),
		"weights rise after a shadow":     onDeployment(judged(step(10, 0), step(50, 0)), judged(step(50, 0), step(10, 0)), "weights may not fall from step to step"),
		"a sample is a percentage":        onDeployment(judged(), steps(shadow(101)), "samplePercent"),
		"a sample is something":           onDeployment(judged(), steps(shadow(-1)), "samplePercent"),
		"gates need a shadow step":        onDeployment(liveGates(latency, errors, artefacts), unjudged, "begin rollout.steps with such a step, or remove gates"),
		"a gate stands once":              onDeployment(liveGates(latency), liveGates(latency, latency), "Duplicate value"),
		"a live metric is known":          onDeployment(liveGates(latency), liveGates(v1alpha1.LiveGate{Metric: "ssim", Max: "1"}), "latency-p95-ratio"),
		"a gate has a bound":              onDeployment(liveGates(latency), liveGates(v1alpha1.LiveGate{Metric: v1alpha1.LiveLatency}), "max"),
		"a latency gate is a ratio":       onDeployment(liveGates(latency), liveGates(v1alpha1.LiveGate{Metric: v1alpha1.LiveLatency, Max: "0.1"}), "1.10 allows ten percent slower"),
		"a rate gate is a difference":     onDeployment(liveGates(errors), liveGates(v1alpha1.LiveGate{Metric: v1alpha1.LiveErrors, Max: "1.10"}), "0.01 allows one more in a hundred"),
		"a rate gate leaves some room":    onDeployment(liveGates(artefacts), liveGates(v1alpha1.LiveGate{Metric: v1alpha1.LiveArtefacts, Max: "0"}), "is above 0 and at most 0.5"),
		"a rollout ends":                  onDeployment(deadline(time.Hour), deadline(time.Second), "must be from 1m to 720h"),
		"silence is met as is known":      onDeployment(onSilence(v1alpha1.SilenceReject), onSilence("Promote"), "Hold"),
		"a replay decides on silence":     onDeployment(onSilence(v1alpha1.SilenceReplay), replayed(v1alpha1.SilenceReplay), "use Hold or Reject"),
		"silence is a matter of verdicts": onDeployment(onSilence(v1alpha1.SilenceHold), unjudged, "onSilence takes effect with a shadow or replay step only"),
		"a replay comes first":            onDeployment(replayed(v1alpha1.SilenceReject, step(10, 0)), steps(step(10, 0), replay()), "it comes first: a version is judged before it gets a share"),
		"a version is judged in one way":  onDeployment(replayed(v1alpha1.SilenceHold), steps(shadow(20), replay()), "there is one shadow or replay step at most"),
		"a replay ends by itself":         onDeployment(replayed(v1alpha1.SilenceHold), steps(held), "a replay lasts until its requests are put"),
		"gates are judged in a replay":    onDeployment(func(d *v1alpha1.TryOnDeployment) { liveGates(errors)(d); steps(replay())(d) }, unjudged, "begin rollout.steps with such a step, or remove gates"),
	}
}

func params(name, value string) func(*v1alpha1.TryOnMethod) {
	return func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Params = map[string]string{name: value} }
}

func methodRules() map[string]rule {
	nothing := func(*v1alpha1.TryOnMethod) {}
	return map[string]rule{
		"a served stage exists":    onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Serving.Stage = "nobody" }, "serving.stage must name one of the stages"),
		"initFrom names a stage":   onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].InitFrom = "teacher" }, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].InitFrom = "student" }, "initFrom must name another stage"),
		"freezeFrom names a stage": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].FreezeFrom = []string{"teacher"} }, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].FreezeFrom = []string{"nobody"} }, "freezeFrom must name other stages"),
		"a health check bounds": onMethod(func(m *v1alpha1.TryOnMethod) {
			m.Spec.Stages[0].HealthChecks = []v1alpha1.HealthCheck{{Metric: "loss", Max: ptr.To[v1alpha1.Decimal]("9")}}
		}, func(m *v1alpha1.TryOnMethod) {
			m.Spec.Stages[0].HealthChecks = []v1alpha1.HealthCheck{{Metric: "loss"}}
		}, "set min, max or both"),
		"a parameter fits into the environment": onMethod(params("steps", strings.Repeat("é", 256)), params("steps", strings.Repeat("1", 257)), "its value 256"),
		"a parameter's name is short":           onMethod(params(strings.Repeat("s", 63), "1"), params(strings.Repeat("s", 64), "1"), "at most 63 characters"),
		"a signature is known":                  onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Serving.Signature = "tryon/v9" }, "tryon/v1"),
		"a stage's image is a reference": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Image = "registry.example/vton/pf_afn:1.2-rc.1" },
			func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Image = "Trainer: latest" }, "must be an image reference, [registry[:port]/]name[:tag]"),
		"a stage's name is in lower case": onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Name = "Teacher" }, "must be lower-case letters, digits and '-'"),
		"GPUs of a stage are counted": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Resources = resourcesOf(corev1.ResourceCPU) },
			func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Resources = resourcesOf("nvidia.com/gpu") }, "ask for GPUs with gpusPerNode"),
		"a command is given": onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Command = nil }, "command"),
	}
}

func TestTheAPI(t *testing.T) {
	config := apitest.Start(t)
	c := apitest.Client(t, config)
	t.Run("each rule takes what is right and says what is wrong", func(t *testing.T) { checkRules(t, c) })
	t.Run("records never change", func(t *testing.T) { checkRecords(t, c) })
	t.Run("defaults are set", func(t *testing.T) { checkDefaults(t, c) })
	t.Run("captures have defaults where they are wanted", func(t *testing.T) { checkCaptureDefaults(t, c) })
	t.Run("kubectl get tells the story", func(t *testing.T) { checkColumns(t, config) })
}

func checkRules(t *testing.T, c client.Client) {
	for name, r := range rules() {
		t.Run(name, func(t *testing.T) {
			if err := c.Create(t.Context(), r.good.DeepCopyObject().(client.Object), client.DryRunAll); err != nil {
				t.Errorf("the right object was refused: %v", err)
			}
			wrong := r.good.DeepCopyObject().(client.Object)
			r.change(wrong)
			err := c.Create(t.Context(), wrong, client.DryRunAll)
			if err == nil {
				t.Fatal("the wrong object was taken")
			}
			if !strings.Contains(err.Error(), r.want) {
				t.Errorf("the message does not say %q: %v", r.want, err)
			}
		})
	}
}

func checkRecords(t *testing.T, c client.Client) {
	dataset := &v1alpha1.TryOnDatasetVersion{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ds-1"},
		Spec: v1alpha1.TryOnDatasetVersionSpec{
			Source: v1alpha1.BlobSource{URI: "pvc://data/tops"}, Layout: v1alpha1.LayoutVITONHD, Digest: digest, License: "CC0-1.0",
			Contents: v1alpha1.DatasetContents{Files: ptr.To[int64](3)},
		},
	}
	version := &v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tops-v1"},
		Spec: v1alpha1.TryOnModelVersionSpec{
			Model: v1alpha1.ModelReference{Name: "tops"}, Version: 1, Method: "mine", Licenses: []string{"CC0-1.0"}, Backend: v1alpha1.BackendJob,
			Dataset: v1alpha1.VersionDataset{Name: "ds-1", Digest: digest}, Stages: method().Spec.Stages, Serving: method().Spec.Serving,
		},
	}
	changes := map[client.Object]func(){
		dataset: func() { dataset.Spec.License = "MIT" },
		version: func() { version.Spec.Version = 2 },
	}
	for record, change := range changes {
		t.Run(fmt.Sprintf("%T", record), func(t *testing.T) {
			if err := c.Create(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			record.SetLabels(map[string]string{"team": "tops"})
			if err := c.Update(t.Context(), record); err != nil {
				t.Errorf("a label could not be added: %v", err)
			}
			change()
			if err := c.Update(t.Context(), record); err == nil || !strings.Contains(err.Error(), "is an immutable record; change the TryOnModel") {
				t.Errorf("a changed record got %v, want the message about immutable records", err)
			}
		})
	}
}

func checkDefaults(t *testing.T, c client.Client) {
	m, d := model(), deployment()
	d.Spec.Scaling.MaxReplicas = 3
	for _, obj := range []client.Object{m, d} {
		if err := c.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	if m.Spec.Dataset.Layout != v1alpha1.LayoutVITONHD {
		t.Errorf("layout is %q, want VITONHD", m.Spec.Dataset.Layout)
	}
	if d.Spec.Replicas != 1 {
		t.Errorf("replicas are %v, want 1", d.Spec.Replicas)
	}
	lasting := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	want := v1alpha1.ScalingSpec{
		MinReplicas: 1, MaxReplicas: 3, TargetBacklog: lasting(4 * time.Second), UtilisationPercent: 75,
		StableWindow: lasting(time.Minute), ScaleDownDelay: lasting(5 * time.Minute),
	}
	if diff := cmp.Diff(want, d.Spec.Scaling); diff != "" {
		t.Errorf("scaling (-want +got):\n%s", diff)
	}
}
