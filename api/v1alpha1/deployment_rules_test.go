package v1alpha1_test

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

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
