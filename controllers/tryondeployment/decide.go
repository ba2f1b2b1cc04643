package tryondeployment

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/judging"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/progress"
	"github.com/braincreators/tryon-operator/internal/reporting"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// lookAgain is how often a running pod that is not ready is asked why; its words cannot be watched.
const lookAgain = 5 * time.Second

// defaultDeadline is how long a candidate may take where the spec does not say it.
const defaultDeadline = 24 * time.Hour

// Plan is what has to be done and told.
type Plan struct {
	rollout.Plan
	// RejectedWeights are those of the version that is rejected now; empty when none is.
	RejectedWeights v1alpha1.Digest
	// At is when it was decided.
	At time.Time
	// Ledger has to be kept before anything else is done; nil when the kept one is right.
	Ledger *evidence.Ledger
	// Standing is how the judgement of the wanted version stands.
	Standing judging.Standing
	// Forwards is what came of the requests while the wanted version had a share.
	Forwards []v1alpha1.ForwardCounts
	// Capacity is how many pods each version is to have.
	Capacity capacity.Plan
	// Report of the judgement that has ended.
	Report reporting.Plan
}

// decide plans from facts. Without facts there is nothing to do.
func decide(obj *v1alpha1.TryOnDeployment, seen *Observed, now time.Time) Plan {
	if seen == nil {
		return Plan{}
	}
	plan := Plan{At: now, Standing: judging.Decide(obj, seen.Judging, now), Capacity: capacity.Decide(obj, lookOf(obj, seen, now), seen.Loads)}
	facts := factsOf(obj, seen, now)
	facts.Epoch, facts.Verdict, facts.Replay = plan.Standing.Epoch, plan.Standing.Verdict, plan.Standing.Replay
	facts.Replicas, facts.Least = plan.Capacity.Replicas, plan.Capacity.Least
	plan.Forwards, facts.Failing = forwardsOf(obj, seen, facts.Wanted)
	plan.Plan = rollout.Decide(facts, now)
	if plan.Rejection != nil {
		plan.RejectedWeights = weightsOf(seen, obj.Name, plan.Rejection.Version)
	}
	// What a share that is being taken away has cost must not be judged by the pass that finds its pods well again.
	if plan.Weight == 0 && plan.Rejection == nil {
		plan.Forwards = judge.AddForwards(plan.Forwards, facts.Wanted, control.Document{}, nil)
	}
	if plan.Stage == v1alpha1.ReasonRejected && rejectedFor(obj, facts.Wanted) == v1alpha1.ReasonForwardsFailed {
		plan.Stage = v1alpha1.ReasonForwardsFailed
	}
	if _, known := commandOf(obj); !known && plan.Stage == v1alpha1.ReasonPaused {
		plan.Message += "; " + unknownCommand(obj)
	}
	plan.Ledger = seen.Judging.LedgerFor(plan.Plan, now)
	plan.Report = reporting.Decide(obj, seen.Report, now)
	if telling(obj) {
		plan.RecheckAfter = soonest(plan.RecheckAfter, servingpod.Look)
	}
	plan.RecheckAfter = soonest(plan.RecheckAfter, nextWords(seen), nextOverdue(seen, now), plan.Capacity.RecheckAfter, plan.Report.Wait)
	return plan
}

// soonest is the shortest of some times until a next look; 0 is none.
func soonest(times ...time.Duration) time.Duration {
	var first time.Duration
	for _, d := range times {
		if d > 0 && (first == 0 || d < first) {
			first = d
		}
	}
	return first
}

func lookOf(obj *v1alpha1.TryOnDeployment, seen *Observed, now time.Time) capacity.Look {
	return capacity.Look{
		Now: now, Stable: stableOf(obj, seen), Present: seen.Present, Control: seen.Control, Pods: seen.Pods, Reports: seen.Reports,
		InPlace: obj.Spec.Rollout.Strategy == v1alpha1.StrategyInPlace,
	}
}

// nextOverdue is when the next pod that is being deleted counts as gone; 0 when none is.
func nextOverdue(seen *Observed, now time.Time) time.Duration {
	var next time.Duration
	for i := range seen.Pods {
		if p := &seen.Pods[i]; !p.DeletionTimestamp.IsZero() && !servingpod.Gone(p, now) {
			next = soonest(next, p.DeletionTimestamp.Add(servingpod.Overdue).Sub(now)+time.Second)
		}
	}
	return next
}

// nextWords is when to ask again a pod that runs without being ready; 0 when there is none.
func nextWords(seen *Observed) time.Duration {
	if slices.ContainsFunc(seen.Pods, func(p corev1.Pod) bool {
		return p.DeletionTimestamp.IsZero() && !servingpod.Finished(&p) && !servingpod.Ready(&p) && !servingpod.SidecarStart(&p).IsZero()
	}) {
		return lookAgain
	}
	return 0
}

// factsOf says in the words of the rollout what was observed.
func factsOf(obj *v1alpha1.TryOnDeployment, seen *Observed, now time.Time) rollout.Facts {
	versions := versionsByPod(seen)
	facts := rollout.Facts{
		Wanted:     resolve(obj, seen).Version,
		Steps:      progress.Steps(obj.Spec.Rollout.Steps),
		LastStable: obj.Status.Stable,
		Endpoints:  endpointsOf(obj.Name, seen, versions),
		Buildable:  map[string]bool{},
		Control:    progress.Document(seen.Control),
		Record:     progress.Record(obj.Status.Candidate),
		Routed:     routed(seen),

		Deadline: ptr.Deref(obj.Spec.Rollout.Deadline, metav1.Duration{Duration: defaultDeadline}).Duration,
		InPlace:  obj.Spec.Rollout.Strategy == v1alpha1.StrategyInPlace,
		Silence:  rollout.Silence(obj.Spec.Rollout.OnSilence),
		Rejected: rejectedOf(obj, seen),
	}
	facts.Command, _ = commandOf(obj)
	for _, version := range versionNames(seen, versions, now) {
		facts.Buildable[version] = weightsOf(seen, obj.Name, version) != ""
		facts.Sets = append(facts.Sets, setOf(obj, seen, version, now))
	}
	if facts.Wanted != "" {
		facts.Buildable[facts.Wanted] = true
	}
	for _, version := range []string{facts.Routed, facts.LastStable} {
		if version != "" {
			facts.Buildable[version] = weightsOf(seen, obj.Name, version) != ""
		}
	}
	return facts
}

// commandOf reads the rollout annotation; known is false when it holds something else than a command. Whoever wrote that wanted something
// of the rollout: until they say what, it is held.
func commandOf(obj *v1alpha1.TryOnDeployment) (command rollout.Command, known bool) {
	switch c := rollout.Command(obj.Annotations[names.RolloutAnnotation]); c {
	case "", rollout.Pause, rollout.Abort, rollout.Promote:
		return c, true
	}
	return rollout.Pause, false
}

// forwardsOf adds what the stable pods say to what is recorded of a candidate, and says what it shows.
func forwardsOf(obj *v1alpha1.TryOnDeployment, seen *Observed, candidate string) ([]v1alpha1.ForwardCounts, rollout.Failing) {
	var kept []v1alpha1.ForwardCounts
	if c := obj.Status.Candidate; c != nil && c.Version == candidate {
		kept = c.Forwards
	}
	var said []control.Forwards
	for i := range seen.Pods {
		report := seen.Reports[seen.Pods[i].UID]
		if seen.Pods[i].Labels[names.LabelModelVersion] == routed(seen) && report.Forwards != nil {
			said = append(said, *report.Forwards)
		}
	}
	all, gates := judge.AddForwards(kept, candidate, seen.Control, said), judge.Gates(obj)
	if why := judge.ForwardsAgainst(gates, kept); why != "" {
		return all, rollout.Failing{Why: why, Kept: true}
	}
	return all, rollout.Failing{Why: judge.ForwardsAgainst(gates, all)}
}

// rejectedFor is the reason for which a version was rejected last; empty when it was not.
func rejectedFor(obj *v1alpha1.TryOnDeployment, version string) string {
	for _, r := range obj.Status.Rejected {
		if r.Version == version {
			return r.Reason
		}
	}
	return ""
}

// rejectedOf are the versions that this attempt has rejected. A version of the same name that has other weights was not: a model that
// is made again may give names anew.
func rejectedOf(obj *v1alpha1.TryOnDeployment, seen *Observed) map[string]string {
	attempt, out := judge.Attempt(obj), map[string]string{}
	for _, r := range obj.Status.Rejected {
		if r.Attempt == attempt && (r.Weights == "" || r.Weights == weightsOf(seen, obj.Name, r.Version)) {
			out[r.Version] = r.Message
		}
	}
	return out
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
		if !servingpod.Gone(&seen.Pods[i], now) {
			add(byPod[seen.Pods[i].Name])
		}
	}
	return all
}

func setOf(obj *v1alpha1.TryOnDeployment, seen *Observed, version string, now time.Time) fleet.Set {
	set := fleet.Set{Version: version}
	if d := deploymentFor(seen, obj.Name, version); d != nil {
		set.Deployed, set.Replicas = true, ptr.Deref(d.Spec.Replicas, 1)
		set.Stalled = stalled(d)
		set.Updating = updating(d) || d.Annotations[names.AnnotationBuilt] != seen.Built
	}
	for i := range seen.Pods {
		p := &seen.Pods[i]
		if p.Labels[names.LabelModelVersion] != version || servingpod.Gone(p, now) {
			continue
		}
		report, answered := seen.Reports[p.UID]
		pod := servingpod.FactOf(p, report, now)
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
			return "pods cannot be created: " + c.Message + podwatch.Remedy(c.Message, d.Labels)
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
