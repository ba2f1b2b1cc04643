package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/hack/variant"
	"github.com/braincreators/tryon-operator/internal/history"
)

const (
	baseMethod = "pf-afn-demo"
	// askEvery is how often the demo's shoppers ask: two cores answer both versions with ease.
	askEvery = 150 * time.Millisecond
	// shopperSeed draws persons and garments that the model has never seen.
	shopperSeed = 23
	// shadowReport is the page of the rejected version's judgement, in out/demo.
	shadowReport = "reports/shadow.html"
)

// arrival is a new version: what its last stage does, and by how much it has to beat the baselines in the offline evaluation.
type arrival struct {
	change  variant.Change
	minGain string
}

// The two versions that the demo adds. Both take the trained stages over; only the last, short stage is new. A slightly blurred picture scores
// nearly as well as a sharp one, which is why live requests have the last word; its gate is lower so that it gets there on every machine.
var (
	blurred  = arrival{variant.Change{Way: variant.Blur, Strength: 3}, "0.05"}
	polished = arrival{variant.Change{Way: variant.Polish, Strength: 160, Params: map[string]string{
		"steps": "12", "warmup": "2", "learningRate": "0.0001", "averageOver": "0",
	}}, sampleGain}
)

// sampleGain is what the sample tryonmodel.yaml asks for.
const sampleGain = "0.15"

// rejectBlurred lets a version come whose pictures are blurred, and shoppers ask until it is rejected.
func (d *demo) rejectBlurred(ctx context.Context, say func(string)) (string, error) {
	if err := d.applySample(ctx, "demo/judged-deployment.yaml"); err != nil {
		return "", err
	}
	version, note, err := d.bringVersion(ctx, blurred, say)
	if err != nil {
		return "", err
	}
	return note, d.fetchJudgement(ctx, version, say)
}

// promotePolished lets a version come that was trained a little longer, and shoppers ask until it has taken over. Then the deployment is as
// it was before: versions that come without shoppers take over by weight, and do not wait for evidence.
func (d *demo) promotePolished(ctx context.Context, say func(string)) (string, error) {
	_, note, err := d.bringVersion(ctx, polished, say)
	if err != nil {
		return "", err
	}
	return note, d.applySample(ctx, "tryondeployment.yaml")
}

// judged is the place of the report of a version's judgement; empty until there is one. What the status has may be about an earlier version.
func judged(t *v1alpha1.TryOnDeployment, version string) string {
	if j := t.Status.Judgement; j != nil && j.Candidate == version && j.Report != nil {
		return j.Report.URI
	}
	return ""
}

// fetchJudgement leaves the page of a version's judgement in out/demo/reports, once the Job that makes it is done.
func (d *demo) fetchJudgement(ctx context.Context, version string, say func(string)) error {
	say("waiting for the page of the judgement")
	tod, err := d.deployment(ctx)
	if err != nil {
		return err
	}
	err = kube.Await(ctx, d.kube, tod, 3*time.Minute, func(t *v1alpha1.TryOnDeployment) (bool, error) {
		return judged(t, version) != "", nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the report of the judgement of %s: %w", version, err)
	}
	page := strings.TrimSuffix(judged(tod, version), ".json") + ".html"
	body, err := d.kube.Proxy(ctx, kube.Request{Method: http.MethodGet, Target: "pods/reports:8080", Path: page})
	if err != nil {
		return fmt.Errorf("fetching the judgement's report: %w", err)
	}
	if err := os.WriteFile(filepath.Join(d.out, shadowReport), body, 0o644); err != nil {
		return fmt.Errorf("writing the judgement's report: %w", err)
	}
	return nil
}

// bringVersion trains a version, and sends shoppers until it serves or is refused. It gives its name, and a note that says which, and why.
func (d *demo) bringVersion(ctx context.Context, a arrival, say func(string)) (version, note string, err error) {
	wishes, err := shoppers.Draw(ctx, filepath.Join(d.out, "shoppers"), shopperSeed, 32)
	if err != nil {
		return "", "", err
	}
	before, err := d.deployment(ctx)
	if err != nil {
		return "", "", err
	}
	method, err := d.deriveMethod(ctx, a.change)
	if err != nil {
		return "", "", err
	}
	version, err = d.trainBy(ctx, method, a.minGain, say)
	if err != nil {
		return "", "", err
	}
	crowd := shoppers.Start(ctx, d.kube, deploymentName, askEvery, shoppers.Mix(wishes, 8))
	after, err := d.awaitDecision(ctx, version, say)
	if failed := crowd.Stop(); err == nil && failed != nil {
		err = failed
	}
	if err != nil {
		return "", "", err
	}
	d.decisions = append(d.decisions, decisionLines(history.Since(after.Status.History, before.Status.History))...)
	return version, fmt.Sprintf("%s; %d requests, none failed", firstSentence(decisionOn(after, version)), crowd.Sent.Load()), nil
}

func (d *demo) deployment(ctx context.Context) (*v1alpha1.TryOnDeployment, error) {
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: deploymentName}}
	if err := d.kube.Get(ctx, client.ObjectKeyFromObject(tod), tod); err != nil {
		return nil, fmt.Errorf("reading %s: %w", deploymentName, err)
	}
	return tod, nil
}

// deriveMethod makes the method with one more stage, or brings it up to date.
func (d *demo) deriveMethod(ctx context.Context, change variant.Change) (string, error) {
	base, derived := &v1alpha1.TryOnMethod{}, &v1alpha1.TryOnMethod{}
	if err := d.kube.Get(ctx, client.ObjectKey{Name: baseMethod}, base); err != nil {
		return "", fmt.Errorf("reading method %s: %w", baseMethod, err)
	}
	spec, err := variant.Derive(d.root, base.Spec, change)
	if err != nil {
		return "", err
	}
	derived.Name = derivedName(change)
	err = d.kube.Get(ctx, client.ObjectKeyFromObject(derived), derived)
	derived.Spec = spec
	switch {
	case apierrors.IsNotFound(err):
		err = d.kube.Create(ctx, derived)
	case err == nil:
		err = d.kube.Update(ctx, derived)
	}
	if err != nil {
		return "", fmt.Errorf("writing method %s: %w", derived.Name, err)
	}
	return derived.Name, nil
}

// removeMethods removes what deriveMethod has made.
func removeMethods(ctx context.Context, k *kube.Cluster) error {
	for _, a := range []arrival{blurred, polished} {
		method := &v1alpha1.TryOnMethod{ObjectMeta: metav1.ObjectMeta{Name: derivedName(a.change)}}
		if err := k.Delete(ctx, method); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("removing method %s: %w", method.Name, err)
		}
	}
	return nil
}

func derivedName(change variant.Change) string { return baseMethod + "-" + string(change.Way) }

// trainBy has the model's next version made by a method, and waits until it may be served.
func (d *demo) trainBy(ctx context.Context, method, minGain string, say func(string)) (string, error) {
	body, err := d.sample("tryonmodel.yaml")
	if err != nil {
		return "", err
	}
	if body, err = reworded(body, [][2]string{{"name: " + baseMethod, "name: " + method}, {`minGain: "` + sampleGain, `minGain: "` + minGain}}); err != nil {
		return "", err
	}
	if err := d.kube.ApplyYAML(ctx, body); err != nil {
		return "", err
	}
	model := &v1alpha1.TryOnModel{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: modelName}}
	err = kube.Await(ctx, d.kube, model, 15*time.Minute, func(m *v1alpha1.TryOnModel) (bool, error) {
		ready, reason, message := kube.Readiness(m.Generation, m.Status.Conditions)
		say(stageNote(reason, m.Status.Progress, message))
		if stopped(reason) {
			return false, fmt.Errorf("%s stopped: %s: %s", modelName, reason, message)
		}
		return ready, nil
	})
	return model.Status.ReadyVersion, err
}

// reworded replaces parts of a manifest; one that is not there is an error.
func reworded(body []byte, changes [][2]string) ([]byte, error) {
	for _, c := range changes {
		if !bytes.Contains(body, []byte(c[0])) {
			return nil, fmt.Errorf("the sample has no %q", c[0])
		}
		body = bytes.ReplaceAll(body, []byte(c[0]), []byte(c[1]))
	}
	return body, nil
}

// awaitDecision tells how the rollout of a version gets on until it serves alone, or is given up.
func (d *demo) awaitDecision(ctx context.Context, version string, say func(string)) (*v1alpha1.TryOnDeployment, error) {
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: deploymentName}}
	err := kube.Await(ctx, d.kube, tod, 10*time.Minute, func(t *v1alpha1.TryOnDeployment) (bool, error) {
		ready, reason, message := kube.Readiness(t.Generation, t.Status.Conditions)
		say(rolloutNote(t, reason, message))
		settled := reason == v1alpha1.ReasonServing || reason == v1alpha1.ReasonRejected
		return ready && settled && t.Status.Candidate == nil && len(t.Status.History) > 0 && t.Status.History[0].Version == version, nil
	})
	return tod, err
}

// rolloutNote says where a rollout is; while a version is compared in shadow, what its gates show so far.
func rolloutNote(t *v1alpha1.TryOnDeployment, reason, message string) string {
	j := t.Status.Judgement
	if reason != v1alpha1.ReasonShadowing || t.Status.Candidate == nil || j == nil || j.Candidate != t.Status.Candidate.Version {
		return stageNote(reason, "", message)
	}
	var notes []string
	for _, gate := range j.Gates {
		notes = append(notes, gateNote(gate))
	}
	return fmt.Sprintf("%s in shadow: %s", j.Candidate, strings.Join(notes, "; "))
}

// gateNote is, for example, "143 of about 310 pairs, artefacts +30.1 % (at most +4 %)".
func gateNote(g v1alpha1.GateStatus) string {
	var pairs, shown string
	if g.Have != nil {
		pairs = strconv.FormatInt(*g.Have, 10)
	}
	if g.Need != nil && g.Have != nil && *g.Need > *g.Have {
		pairs += fmt.Sprintf(" of about %d", *g.Need)
	}
	what := map[v1alpha1.LiveMetric]string{v1alpha1.LiveErrors: "errors", v1alpha1.LiveArtefacts: "artefacts", v1alpha1.LiveLatency: "p95"}[g.Metric]
	if g.Estimate != nil && g.Max != nil {
		shown = fmt.Sprintf(", %s %s (at most %s)", what, amount(g.Metric, *g.Estimate), amount(g.Metric, *g.Max))
	}
	return pairs + " pairs" + shown
}

// amount writes a difference of rates in percent, and a ratio as it is.
func amount(metric v1alpha1.LiveMetric, d v1alpha1.Decimal) string {
	x, err := strconv.ParseFloat(string(d), 64)
	switch {
	case err != nil:
		return string(d)
	case metric == v1alpha1.LiveLatency:
		return fmt.Sprintf("x%.2f", x)
	}
	return fmt.Sprintf("%+.1f %%", 100*x)
}

// decisionLines are history entries, oldest first, a line each.
func decisionLines(entries []v1alpha1.HistoryEntry) []string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, fmt.Sprintf("%s %s: %s", e.Version, strings.ToLower(e.Reason), e.Message))
	}
	return lines
}

// decisionOn is the newest entry of the history; it is the version's.
func decisionOn(t *v1alpha1.TryOnDeployment, version string) string {
	if len(t.Status.History) == 0 || t.Status.History[0].Version != version {
		return version + ": undecided"
	}
	e := t.Status.History[0]
	return fmt.Sprintf("%s %s: %s", version, strings.ToLower(e.Reason), e.Message)
}

// firstSentence leaves the numbers of the gate's sentence out; they stand in the last lines.
func firstSentence(s string) string {
	before, _, _ := strings.Cut(s, ", between")
	return before
}
