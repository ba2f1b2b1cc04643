//go:build e2e

package e2e

import (
	"bytes"
	"image"
	"image/draw"
	"image/png"
	"strconv"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/hack/variant"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// A request every 125 ms, of which the model server needs some 20 ms for either version.
const (
	busy  = 125 * time.Millisecond
	quiet = 250 * time.Millisecond
	// oneIn is how many persons there are for one that the failing version refuses: two percent.
	oneIn = 50
)

// newcomer is a version that comes while shoppers keep asking, and what has to become of it.
type newcomer struct {
	change variant.Change
	// wantMetric is the gate that refuses it; empty for a version that takes over.
	wantMetric v1alpha1.LiveMetric
	// gates of the deployment for this version; nil leaves the deployment alone: it takes every new version by itself.
	gates []v1alpha1.LiveGate
}

// newcomers in the order in which they come. The numbers of pairs were computed with internal/sequential, see the comments.
var newcomers = []struct {
	name string
	newcomer
}{
	// From the 101st pair on nearly every picture is an artefact: refused after about 125 pairs.
	{"blurred pictures", newcomer{change: variant.Change{Way: variant.Blur, Strength: 5}, wantMetric: v1alpha1.LiveArtefacts}},
	// The garment that was asked for shows less and less, because in training it was never the one that the person wears. Refused within 125
	// pairs, and earlier the more of the pictures have the hard fault of a wrong garment.
	{"trained on shuffled pairs", newcomer{
		change: variant.Change{Way: variant.Shuffle, Strength: 160, Params: map[string]string{
			"steps": "60", "warmup": "4", "learningRate": "0.002", "decayFrom": "0.8", "averageOver": "0", "warpRateScale": "0",
		}},
		wantMetric: v1alpha1.LiveArtefacts,
	}},
	// As good as the stable one: 135 pairs.
	{"trained a little longer", newcomer{
		change: variant.Change{Way: variant.Polish, Strength: 160, Params: map[string]string{"steps": "12", "warmup": "2", "learningRate": "0.0001", "averageOver": "0"}},
	}},
	// One more run of the generator: the graph takes 1.4 times as long. Only runs that had their model server for themselves are compared.
	{"a third slower", newcomer{
		change: variant.Change{Way: variant.Slow, Strength: 1}, wantMetric: v1alpha1.LiveLatency,
		gates: []v1alpha1.LiveGate{{Metric: v1alpha1.LiveLatency, Max: "1.05"}},
	}},
	// Two in a hundred requests fail, which a margin of 0.04 allows. At 0.001 that is refused after eight failures: 400 to 450 pairs.
	{"two percent failing", newcomer{
		change: variant.Change{Way: variant.Fail, Strength: oneIn}, wantMetric: v1alpha1.LiveErrors,
		gates: []v1alpha1.LiveGate{{Metric: v1alpha1.LiveErrors, Max: "0.001"}},
	}},
}

// TestLiveTrafficJudgesVersions trains versions that are bad in one way each, and a good one, and lets shoppers' requests decide. No request
// may fail meanwhile, nor while a version is taken back that had a share already, pods come and go, and the manager is killed.
func TestLiveTrafficJudgesVersions(t *testing.T) {
	k := cluster(t)
	shop := &shop{k: k, wishes: judgedWishes(t)}
	t.Cleanup(func() { shop.close(t) })
	shop.train(t, "pf-afn-demo")
	if err := k.ApplyYAML(t.Context(), []byte(judgedDeployment)); err != nil {
		t.Fatal(err)
	}
	shop.awaitServing(t, 1)
	for _, n := range newcomers {
		t.Run(n.name, func(t *testing.T) { shop.judge(t, n.newcomer) })
	}
	t.Run("a version that turns bad when it has a share", shop.rollBack)
	t.Run("pods that come, are evicted and go", shop.movePods)
}

// judgedWishes are 50 persons in 8 garments each; exactly one of the persons is refused by the failing version.
func judgedWishes(t *testing.T) []shoppers.Wish {
	t.Helper()
	draw := func(seed uint64, persons int) []shoppers.Wish {
		wishes, err := shoppers.Draw(t.Context(), t.TempDir(), seed, persons)
		if err != nil {
			t.Fatal(err)
		}
		return wishes
	}
	// The test split of the demo's dataset: config/samples/demo/dataset.yaml has its seed and size.
	var spared [][]byte
	for _, w := range draw(7, 64) {
		spared = append(spared, pixels(t, w.Person))
	}
	var fine, refused []shoppers.Wish
	for seed := uint64(101); len(fine) < oneIn-1 || len(refused) == 0; seed++ {
		for _, w := range draw(seed, oneIn) {
			if variant.Fails(pixels(t, w.Person), oneIn, spared) {
				refused = append(refused, w)
			} else {
				fine = append(fine, w)
			}
		}
	}
	return shoppers.Mix(append(fine[:oneIn-1], refused[0]), 8)
}

func pixels(t *testing.T, body []byte) []byte {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	canvas := image.NewRGBA(picture.Bounds())
	draw.Draw(canvas, canvas.Rect, picture, picture.Bounds().Min, draw.Src)
	var out []byte
	for i := 0; i < len(canvas.Pix); i += 4 {
		out = append(out, canvas.Pix[i:i+3]...)
	}
	return out
}

// judge trains a newcomer, and waits under load until it is refused or has taken over. Nobody touches anything in between.
func (s *shop) judge(t *testing.T, n newcomer) {
	stable := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName).Status.Stable
	version := s.train(t, s.derive(t, n.change))
	if n.gates != nil {
		s.change(t, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Gates, spec.Model.Version = n.gates, s.newest })
	}
	d := named(&v1alpha1.TryOnDeployment{}, judgedName)
	s.during(t, busy, func() {
		await(t, s.k, d, 6*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
			s.tell(t, d)
			return d.Status.Candidate == nil && len(d.Status.History) > 0 && d.Status.History[0].Version == version, nil
		})
		d = s.awaitServing(t, 1)
	})
	if n.wantMetric == "" {
		checkPromoted(t, d, version)
		return
	}
	if d.Status.Stable != stable {
		t.Errorf("%s serves, want %s, which served before", d.Status.Stable, stable)
	}
	checkRefused(t, d, refusal{version, v1alpha1.ReasonRejected, n.wantMetric})
	s.checkEvent(t, refusal{version, v1alpha1.ReasonRejected, n.wantMetric})
}

// tell shows how a judgement gets on.
func (s *shop) tell(t *testing.T, d *v1alpha1.TryOnDeployment) {
	t.Helper()
	if j := d.Status.Judgement; j != nil && j.UpdatedTime != nil && time.Since(j.UpdatedTime.Time) < time.Second {
		t.Logf("%s: %s: %s", j.Candidate, j.Verdict, j.Rule)
	}
}

func checkPromoted(t *testing.T, d *v1alpha1.TryOnDeployment, version string) {
	t.Helper()
	if d.Status.Stable != version || d.Status.History[0].Reason != v1alpha1.ReasonPromoted {
		t.Errorf("%s serves, want %s to have taken over: %+v", d.Status.Stable, version, d.Status.History[0])
	}
	if j := d.Status.Judgement; j == nil || j.Candidate != version || string(j.Verdict) != string(sequential.Promote) {
		t.Errorf("the judgement of %s is %+v", version, j)
	}
}

// refusal is what is told of a version that was refused.
type refusal struct {
	version, reason string
	metric          v1alpha1.LiveMetric
}

// checkRefused sees that the version was refused by that gate and no other, and that every record of it says so.
func checkRefused(t *testing.T, d *v1alpha1.TryOnDeployment, want refusal) {
	t.Helper()
	j := d.Status.Judgement
	if j == nil || j.Candidate != want.version || string(j.Verdict) != string(sequential.Reject) {
		t.Fatalf("the judgement of %s is %+v", want.version, j)
	}
	for _, gate := range j.Gates {
		if refused := string(gate.Verdict) == string(sequential.Reject); refused != (gate.Metric == want.metric) {
			t.Errorf("gate %s says %s, want a refusal by %s alone: %s", gate.Metric, gate.Verdict, want.metric, j.Rule)
		}
	}
	if len(d.Status.Rejected) == 0 {
		t.Fatalf("no version is recorded as rejected")
	}
	rejected, entry := d.Status.Rejected[0], d.Status.History[0]
	if rejected.Version != want.version || rejected.Reason != want.reason || !strings.HasPrefix(rejected.Message, string(want.metric)) {
		t.Errorf("status.rejected has %+v, want %+v", rejected, want)
	}
	if entry.Version != want.version || entry.Reason != want.reason || !strings.HasPrefix(entry.Message, string(want.metric)) {
		t.Errorf("status.history has %+v, want %+v", entry, want)
	}
}

// checkEvent waits for the event, which is written beside the status.
func (s *shop) checkEvent(t *testing.T, want refusal) {
	t.Helper()
	var last []string
	err := kube.Await(t.Context(), s.k, named(&v1alpha1.TryOnDeployment{}, judgedName), 30*time.Second, func(*v1alpha1.TryOnDeployment) (bool, error) {
		var events eventsv1.EventList
		if err := s.k.List(t.Context(), &events, client.InNamespace(kube.Namespace)); err != nil {
			return false, err
		}
		last = nil
		for _, e := range events.Items {
			if e.Regarding.Name != judgedName || e.Regarding.Kind != "TryOnDeployment" {
				continue
			}
			last = append(last, e.Reason+": "+e.Note)
			if e.Reason == want.reason && strings.HasPrefix(e.Note, want.version+": "+string(want.metric)) {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		t.Errorf("no event says %+v (%v); there are:\n%s", want, err, strings.Join(last, "\n"))
	}
}

// rollBack lets the blurred version pass its shadow step: at a margin of 0.1 that takes 55 pairs without a fault, and a pod knows only after 100
// answers what blurred pictures are. Then the version has a share already, and is taken back.
func (s *shop) rollBack(t *testing.T) {
	stable := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName).Status.Stable
	const blurred = 2
	version := names.ModelVersion(judgedName, blurred)
	d := named(&v1alpha1.TryOnDeployment{}, judgedName)
	s.during(t, quiet, func() {
		s.change(t, func(spec *v1alpha1.TryOnDeploymentSpec) {
			spec.Model.Version = blurred
			spec.Gates = []v1alpha1.LiveGate{{Metric: v1alpha1.LiveArtefacts, Max: "0.1"}}
			spec.Rollout.Steps = []v1alpha1.RolloutStep{
				{Shadow: v1alpha1.ShadowStep{SamplePercent: 100}}, {Weight: 25, Hold: &metav1.Duration{Duration: 10 * time.Minute}},
			}
		})
		await(t, s.k, d, 5*time.Minute, func(d *v1alpha1.TryOnDeployment) (bool, error) {
			s.tell(t, d)
			entry := d.Status.History[0]
			return d.Status.Candidate == nil && entry.Version == version && entry.Reason == v1alpha1.ReasonRolledBack, nil
		})
		d = s.awaitServing(t, 1)
	})
	if d.Status.Stable != stable {
		t.Errorf("%s serves, want %s, which served before", d.Status.Stable, stable)
	}
	checkRefused(t, d, refusal{version, v1alpha1.ReasonRolledBack, v1alpha1.LiveArtefacts})
	s.checkEvent(t, refusal{version, v1alpha1.ReasonRolledBack, v1alpha1.LiveArtefacts})
}

// movePods does to the serving pods and the manager what happens to them on a working day.
func (s *shop) movePods(t *testing.T) {
	stable := get(t, s.k, &v1alpha1.TryOnDeployment{}, judgedName).Status.Stable
	number, err := strconv.ParseInt(strings.TrimPrefix(stable, judgedName+"-v"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	s.change(t, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Model.Version = number })
	for _, event := range []struct {
		name string
		do   func(t *testing.T)
	}{
		{"kubectl scale to 2", func(t *testing.T) { s.scale(t, 2) }},
		{"the model server of one pod killed", s.killModelServer},
		{"both pods evicted, as a drain does", s.evictAll},
		{"the manager killed", func(t *testing.T) { killManager(t, s.k); s.awaitManager(t) }},
		{"kubectl scale to 1, by the new manager", func(t *testing.T) { s.scale(t, 1) }},
	} {
		t.Run(event.name, func(t *testing.T) { s.during(t, quiet, func() { event.do(t) }) })
	}
}
