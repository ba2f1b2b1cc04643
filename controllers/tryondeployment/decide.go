package tryondeployment

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// lookAgain is how often a running pod that is not ready is asked why; its words cannot be watched.
const lookAgain = 5 * time.Second

// decide plans from facts. Without facts there is nothing to do.
func decide(obj *v1alpha1.TryOnDeployment, seen *Observed, now time.Time) rollout.Plan {
	if seen == nil {
		return rollout.Plan{}
	}
	plan := rollout.Decide(factsOf(obj, seen, now), now)
	if plan.RecheckAfter == 0 && anyUnready(seen) {
		plan.RecheckAfter = lookAgain
	}
	if plan.RecheckAfter == 0 {
		plan.RecheckAfter = nextOverdue(seen, now)
	}
	return plan
}

// nextOverdue is when the next pod that is being deleted counts as gone; 0 when none is.
func nextOverdue(seen *Observed, now time.Time) time.Duration {
	var next time.Duration
	for i := range seen.Pods {
		if p := &seen.Pods[i]; !p.DeletionTimestamp.IsZero() && !gone(p, now) {
			left := p.DeletionTimestamp.Add(overdue).Sub(now) + time.Second
			if next == 0 || left < next {
				next = left
			}
		}
	}
	return next
}

func anyUnready(seen *Observed) bool {
	for i := range seen.Pods {
		p := &seen.Pods[i]
		if p.DeletionTimestamp.IsZero() && !finished(p) && !podReady(p) && !sidecarStart(p).IsZero() {
			return true
		}
	}
	return false
}

// factsOf says in the words of the rollout what was observed.
func factsOf(obj *v1alpha1.TryOnDeployment, seen *Observed, now time.Time) rollout.Facts {
	versions := versionsByPod(seen)
	facts := rollout.Facts{
		Wanted:     resolve(obj, seen).Version,
		Replicas:   serving.Replicas(obj),
		Steps:      stepsOf(obj.Spec.Rollout.Steps),
		LastStable: obj.Status.Stable,
		Endpoints:  endpointsOf(obj.Name, seen, versions),
		Buildable:  map[string]bool{},
		Control:    documentOf(seen),
		Record:     recordOf(obj.Status.Candidate),
	}
	if seen.Service != nil {
		facts.Routed = seen.Service.Spec.Selector[names.LabelModelVersion]
	}
	for _, version := range versionNames(seen, versions, now) {
		facts.Buildable[version] = weightsOf(seen, obj.Name, version) != ""
		facts.Sets = append(facts.Sets, setOf(obj, seen, version, now))
	}
	if facts.Wanted != "" {
		facts.Buildable[facts.Wanted] = true
	}
	if facts.Routed != "" {
		facts.Buildable[facts.Routed] = weightsOf(seen, obj.Name, facts.Routed) != ""
	}
	return facts
}

func stepsOf(steps []v1alpha1.RolloutStep) []rollout.Step {
	var out []rollout.Step
	for _, s := range steps {
		step := rollout.Step{Weight: int(s.Weight)}
		if s.Hold != nil {
			step.Hold = s.Hold.Duration
		}
		out = append(out, step)
	}
	return out
}

func documentOf(seen *Observed) rollout.Document {
	out := rollout.Document{Generation: seen.Control.Generation}
	if c := seen.Control.Candidate; c != nil && c.Weight > 0 {
		out.Candidate = &rollout.Share{Version: c.Version, Weight: c.Weight}
	}
	return out
}

func recordOf(candidate *v1alpha1.CandidateStatus) *rollout.Record {
	if candidate == nil {
		return nil
	}
	record := &rollout.Record{Version: candidate.Version, Step: -1, Generation: ptr.Deref(candidate.ControlGeneration, 0)}
	if candidate.Step != nil {
		record.Step = int(*candidate.Step)
	}
	if candidate.AppliedTime != nil {
		record.Applied = candidate.AppliedTime.Time
	}
	return record
}

// versionsByPod gives the version of each pod by its name.
func versionsByPod(seen *Observed) map[string]string {
	out := map[string]string{}
	for i := range seen.Pods {
		out[seen.Pods[i].Name] = seen.Pods[i].Labels[names.LabelModelVersion]
	}
	return out
}

// versionNames are the versions that have a Deployment or pods, each once.
func versionNames(seen *Observed, byPod map[string]string, now time.Time) []string {
	var all []string
	have := map[string]bool{"": true}
	add := func(version string) {
		if !have[version] {
			have[version] = true
			all = append(all, version)
		}
	}
	for i := range seen.Deployments {
		add(seen.Deployments[i].Labels[names.LabelModelVersion])
	}
	for i := range seen.Pods {
		if !gone(&seen.Pods[i], now) {
			add(byPod[seen.Pods[i].Name])
		}
	}
	return all
}

func setOf(obj *v1alpha1.TryOnDeployment, seen *Observed, version string, now time.Time) rollout.Set {
	set := rollout.Set{Version: version}
	if d := deploymentFor(seen, obj.Name, version); d != nil {
		set.Deployed = true
		set.Stalled = stalled(d)
		set.Updating = updating(d)
	}
	for i := range seen.Pods {
		p := &seen.Pods[i]
		if p.Labels[names.LabelModelVersion] != version || gone(p, now) {
			continue
		}
		report, answered := seen.Reports[p.UID]
		pod := podFact(p, report, now)
		pod.Reported, pod.Generation = answered, report.Generation
		set.Pods = append(set.Pods, pod)
	}
	for range readyPods(names.Serving(obj.Name, version), seen) {
		set.Endpoints++
	}
	return set
}

func deploymentFor(seen *Observed, deployment, version string) *appsv1.Deployment {
	name := names.Serving(deployment, version)
	for i := range seen.Deployments {
		if seen.Deployments[i].Name == name {
			return &seen.Deployments[i]
		}
	}
	return nil
}

// stalled says why a Deployment's controller does not get on.
func stalled(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return "pods cannot be created: " + c.Message
		}
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}

func updating(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < d.Status.Replicas
}

// weightsOf finds the digest of a version's weights: in its record, or, when that is gone, on the Deployment that serves it.
func weightsOf(seen *Observed, deployment, version string) v1alpha1.Digest {
	for i := range seen.Versions {
		if v := &seen.Versions[i]; v.Name == version && v.Status.Weights != nil && v.Status.Weights.Digest != "" {
			return v.Status.Weights.Digest
		}
	}
	if d := deploymentFor(seen, deployment, version); d != nil {
		return v1alpha1.Digest(d.Annotations[names.AnnotationWeights])
	}
	return ""
}

// endpointsOf counts the ready endpoints of the group's Service by version.
func endpointsOf(service string, seen *Observed, versions map[string]string) map[string]int32 {
	counts := map[string]int32{}
	for pod := range readyPods(service, seen) {
		if version := versions[pod]; version != "" {
			counts[version]++
		}
	}
	return counts
}

// readyPods are the names of the pods behind a Service's ready endpoints; in a dual-stack cluster each stands in two slices.
func readyPods(service string, seen *Observed) map[string]bool {
	pods := map[string]bool{}
	for i := range seen.Slices {
		if seen.Slices[i].Labels[discoveryv1.LabelServiceName] != service {
			continue
		}
		for _, e := range seen.Slices[i].Endpoints {
			if e.TargetRef != nil && e.TargetRef.Kind == "Pod" && ptr.Deref(e.Conditions.Ready, true) {
				pods[e.TargetRef.Name] = true
			}
		}
	}
	return pods
}
