package tryondeployment

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/history"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/metrics"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// pass is one carrying out of a plan.
type pass struct {
	*Reconciler
	obj   *v1alpha1.TryOnDeployment
	seen  *Observed
	stage string
	// replicas that there are to be; in place the versions share them.
	replicas int32
}

// act carries out a plan, in its order.
func (r *Reconciler) act(ctx context.Context, obj *v1alpha1.TryOnDeployment, seen *Observed, plan Plan) error {
	r.loads.Keep(client.ObjectKeyFromObject(obj), obj.UID, plan.Capacity)
	if len(plan.Intents) == 0 {
		return nil
	}
	p := &pass{Reconciler: r, obj: obj, seen: seen, stage: plan.Stage, replicas: plan.Capacity.Replicas}
	for _, guard := range []client.Object{r.Serving.MakeNetworkPolicy(obj), serving.MakeDisruptionBudget(obj)} {
		if err := p.Runner.Applier.Reapply(ctx, obj, guard); err != nil {
			return err
		}
	}
	if err := r.court().Keep(ctx, obj, seen.Judging, plan.Ledger); err != nil {
		return err
	}
	for _, intent := range plan.Intents {
		if err := p.carryOut(ctx, intent); err != nil {
			return fmt.Errorf("%s %s: %w", doing[intent.Verb], intent.Version, err)
		}
	}
	if change := plan.Capacity.Change(); change != "" {
		r.Recorder.Eventf(obj, nil, corev1.EventTypeNormal, plan.Capacity.Reason, "Scale", "%s", change)
	}
	if !plan.Replay {
		return r.court().Clear(ctx, obj, seen.Judging)
	}
	return r.court().Replay(ctx, obj, seen.Judging, plan.Standing.Next)
}

var doing = map[rollout.Verb]string{
	rollout.Keep: "keeping", rollout.Route: "routing to", rollout.Publish: "publishing control document to",
	rollout.Push: "pushing control document to", rollout.Retire: "retiring",
}

func (p *pass) carryOut(ctx context.Context, i rollout.Intent) error {
	switch i.Verb {
	case rollout.Keep:
		return p.keep(ctx, i)
	case rollout.Route:
		return p.route(ctx, i)
	case rollout.Publish:
		return p.publish(ctx, i)
	case rollout.Push:
		p.push(ctx, i.Version, p.seen.Control)
		return nil
	case rollout.Retire:
		return p.retire(ctx, i)
	}
	return fmt.Errorf("unknown intent %q", i.Verb)
}

func (p *pass) tell(format string, args ...any) {
	p.Recorder.Eventf(p.obj, nil, corev1.EventTypeNormal, p.stage, "Rollout", format, args...)
}

func (p *pass) keep(ctx context.Context, i rollout.Intent) error {
	version := serving.Version{Name: i.Version, Weights: weightsOf(p.seen, p.obj.Name, i.Version)}
	deployment, err := p.Serving.MakeDeployment(p.obj, version, serving.Places{Taken: i.Replicas, All: p.replicas})
	if err != nil {
		return err
	}
	if err := p.Runner.Applier.Reapply(ctx, p.obj, serving.MakeVersionService(p.obj, i.Version)); err != nil {
		return err
	}
	return p.Runner.Applier.Reapply(ctx, p.obj, deployment)
}

func (p *pass) route(ctx context.Context, i rollout.Intent) error {
	if err := p.Runner.Applier.Reapply(ctx, p.obj, serving.MakeService(p.obj, i.Version)); err != nil {
		return err
	}
	if p.seen.Service == nil || p.seen.Service.Spec.Selector[names.LabelModelVersion] != i.Version {
		p.tell("Service %s selects %s: %s", p.obj.Name, i.Version, i.Reason)
	}
	return nil
}

// publish writes the ConfigMap first: it is the truth, and a pod that starts now reads it.
func (p *pass) publish(ctx context.Context, i rollout.Intent) error {
	document := p.document(i.Document)
	config, err := serving.MakeControl(p.obj, document)
	if err != nil {
		return err
	}
	if err := p.Runner.Applier.Apply(ctx, p.obj, config); err != nil {
		return err
	}
	p.tell("Control document %d: %s", i.Document.Generation, i.Reason)
	p.push(ctx, i.Version, document)
	return nil
}

func (p *pass) document(d rollout.Document) control.Document {
	document := control.New(d.Generation, nil)
	if c := d.Candidate; c != nil {
		document.Candidate = &control.Candidate{Version: c.Version, Address: serving.Address(p.obj, c.Version), Weight: c.Weight}
	}
	if s := d.Shadow; s != nil {
		document.Shadow = &control.Shadow{
			Epoch: s.Epoch, Version: s.Version, Address: serving.Address(p.obj, s.Version), SamplePercent: s.Percent, LatencyRatio: p.latencyRatio(s.Epoch),
		}
	}
	return document
}

// latencyRatio of an epoch: that of the present gates, but for an epoch that began under others.
func (p *pass) latencyRatio(epoch string) float64 {
	if s := p.seen.Control.Shadow; s != nil && s.Epoch == epoch {
		return s.LatencyRatio
	}
	return judge.LatencyRatio(judge.Gates(p.obj))
}

// push makes a version's pods apply the document at once. One that does not listen gets it from the ConfigMap; whether it applies it
// is seen in its report and nowhere else.
func (p *pass) push(ctx context.Context, version string, document control.Document) {
	controlclient.Each(len(p.seen.Pods), func(i int) {
		pod := &p.seen.Pods[i]
		if pod.Labels[names.LabelModelVersion] != version || !servingpod.Ready(pod) || pod.Status.PodIP == "" ||
			p.seen.Reports[pod.UID].Generation == document.Generation {
			return
		}
		if err := p.Pods.Push(ctx, controlclient.TargetOf(pod), document); err != nil {
			ctrl.LoggerFrom(ctx).Info("Serving pod did not take the control document", "pod", pod.Name, "generation", document.Generation, "reason", err.Error())
		}
	})
}

// retire deletes the Deployment last: as long as it is there, the version is found again after a crash in between.
func (p *pass) retire(ctx context.Context, i rollout.Intent) error {
	deployment := deploymentFor(p.seen, p.obj.Name, i.Version)
	if deployment == nil {
		return nil
	}
	service := &corev1.Service{}
	err := p.Get(ctx, client.ObjectKeyFromObject(deployment), service)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading Service %s: %w", deployment.Name, err)
	}
	if err == nil && metav1.IsControlledBy(service, p.obj) {
		if err := apply.Remove(ctx, p, service); err != nil {
			return err
		}
	}
	if err := apply.Remove(ctx, p, &appsv1.Deployment{ObjectMeta: deployment.ObjectMeta}); err != nil {
		return err
	}
	p.tell("%s is removed: %s", i.Version, i.Reason)
	return nil
}

// announce tells what the status has got since the pass began, once it is written: entries of the history, and a request that was cut.
func (r *Reconciler) announce(obj *v1alpha1.TryOnDeployment, before v1alpha1.TryOnDeploymentStatus) {
	if cut := capacity.NewlyCut(obj, before.Scaling); cut != "" {
		r.Recorder.Eventf(obj, nil, corev1.EventTypeWarning, v1alpha1.ReasonScalingRequestCut, "Scale", "%s", cut)
	}
	for _, e := range history.Since(obj.Status.History, before.History) {
		kind := corev1.EventTypeNormal
		switch e.Reason {
		case v1alpha1.ReasonRejected, v1alpha1.ReasonRolledBack, v1alpha1.ReasonForwardsFailed:
			kind = corev1.EventTypeWarning
		}
		r.Recorder.Eventf(obj, nil, kind, e.Reason, "Rollout", "%s: %s", e.Version, e.Message)
		metrics.RolloutEnded(e.Reason)
	}
}
