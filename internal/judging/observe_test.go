package judging

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/metrics/metricstest"
	"github.com/braincreators/tryon-operator/internal/pace"
	"github.com/braincreators/tryon-operator/internal/replayjob"
	envelope "github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
	"github.com/braincreators/tryon-operator/internal/servingpod"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

// witnesses answer with what they are given, by UID, and count how often each is asked.
type witnesses struct {
	mu      sync.Mutex
	reports map[string]evidence.Report
	errs    map[string]error
	asked   map[string]int
}

func (w *witnesses) Evidence(_ context.Context, pod controlclient.Target) (evidence.Report, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[pod.UID]++
	return w.reports[pod.UID], w.errs[pod.UID]
}

// storefront shadows a candidate.
func storefront() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "tod"},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model:   v1alpha1.ServedModel{Name: "tops"},
			Rollout: v1alpha1.RolloutSpec{Steps: []v1alpha1.RolloutStep{{Shadow: v1alpha1.ShadowStep{SamplePercent: 20}}}},
		},
	}
}

// shadowed is a look at it while one stable pod compares.
func shadowed(tod *v1alpha1.TryOnDeployment) Look {
	look := Look{
		Wanted: serving.Version{Name: "tops-v2"}, Stable: serving.Version{Name: "tops-v1"}, Control: control.New(4, nil),
		Pods: []corev1.Pod{pod("1", "tops-v1"), pod("2", "tops-v2")}, Reports: map[types.UID]servingpod.Report{"1": {Generation: 4}, "2": {Generation: 4}},
	}
	look.Control.Shadow = &control.Shadow{Epoch: caseOf(tod, look, 0).Epoch, Version: "tops-v2", Address: "http://h", SamplePercent: 20, LatencyRatio: 1.1}
	return look
}

func pod(uid, version string) corev1.Pod {
	p := servingpodtest.Pod(uid, version, servingpodtest.Readiness(corev1.ConditionTrue, time.Second))
	p.UID = types.UID(uid)
	return p
}

// counted is what a pod counted, or a replay.
func counted(t *testing.T, c *judge.Case, instance string, sequence int64, pairs int) evidence.Report {
	t.Helper()
	totals, err := evidence.NewTotals(1.1)
	if err != nil {
		t.Fatal(err)
	}
	for range pairs {
		totals.Pairs++
		totals.Errors.Observe(false, false)
	}
	return evidence.Report{
		Schema: evidence.Schema, Epoch: c.Epoch, Stable: c.Stable, Candidate: c.Candidate, Instance: instance, Sequence: sequence,
		TakenAt: servingpodtest.Noon, Totals: totals,
	}
}

// court sits a minute after Noon in a cluster that holds some objects.
func court(t *testing.T, pods *witnesses, objects ...client.Object) *Court {
	t.Helper()
	scheme := apitest.Scheme(t)
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return &Court{
		Live: c, Applier: apply.New(c, scheme), Pods: pods, Pace: &pace.Pace{},
		Clock:   clocktesting.NewFakePassiveClock(servingpodtest.Noon.Add(time.Minute)),
		Replays: &replayjob.Jobs{Client: c, Run: &runner.Runner{Cached: c, Live: c, Writer: c}},
	}
}

// kept is a ledger in its ConfigMap.
func kept(t *testing.T, tod *v1alpha1.TryOnDeployment, ledger *evidence.Ledger) *corev1.ConfigMap {
	t.Helper()
	config, err := serving.MakeEvidence(tod, ledger)
	if err != nil {
		t.Fatal(err)
	}
	config.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(tod, v1alpha1.GroupVersion.WithKind("TryOnDeployment"))}
	return config
}

func open(t *testing.T, c *judge.Case) *evidence.Ledger {
	t.Helper()
	ledger, err := c.Open(servingpodtest.Noon)
	if err != nil {
		t.Fatal(err)
	}
	return ledger
}

func TestOnlyStablePodsThatApplyTheDocumentGiveEvidence(t *testing.T) {
	tod := storefront()
	look := shadowed(tod)
	question := caseOf(tod, look, 0)
	look.Pods = append(look.Pods, pod("behind", "tops-v1"), pod("silent", "tops-v1"), pod("liar", "tops-v1"))
	look.Reports["behind"], look.Reports["silent"], look.Reports["liar"] = servingpod.Report{Generation: 3}, servingpod.Report{Generation: 4}, servingpod.Report{Generation: 4}
	unready := servingpodtest.Pod("unready", "tops-v1", servingpodtest.Readiness(corev1.ConditionFalse, time.Second))
	unready.UID, look.Reports["unready"] = "unready", servingpod.Report{Generation: 4}
	look.Pods = append(look.Pods, unready)
	pods := &witnesses{
		reports: map[string]evidence.Report{"1": counted(t, question, fmt.Sprintf("%032x", "1"), 1, 30)}, asked: map[string]int{},
		errs: map[string]error{"silent": controlclient.ErrPod, "liar": errors.Join(controlclient.ErrPod, evidence.ErrInvalid)},
	}
	c := court(t, pods, kept(t, tod, open(t, question)))
	invalid := metricstest.Total(t, `tryon_evidence_dropped_total{reason="Invalid"}`)
	seen, err := c.Observe(t.Context(), tod, look)
	if err != nil || seen.Ledger == nil {
		t.Fatalf("ledger %+v, %v", seen.Ledger, err)
	}
	if pods.asked["1"] != 1 || pods.asked["silent"] != 1 || pods.asked["liar"] != 1 || len(pods.asked) != 3 {
		t.Errorf("asked: %v", pods.asked)
	}
	if got := seen.Ledger.Totals().Pairs; got != 30 || !seen.Grown {
		t.Errorf("%d pairs, grown %v; want the 30 of the one pod that spoke", got, seen.Grown)
	}
	if got := seen.Ledger.Drops[evidence.Invalid]; got != 1 {
		t.Errorf("%d invalid reports are counted, want 1", got)
	}
	for kept, want := range []float64{0, 1} {
		if got := metricstest.Total(t, `tryon_evidence_dropped_total{reason="Invalid"}`) - invalid; got != want {
			t.Errorf("kept %d times the metrics have %g more invalid reports, want %g", kept, got, want)
		}
		if err := c.Keep(t.Context(), tod, seen, seen.Ledger); err != nil {
			t.Fatal(err)
		}
	}
	if seen, err = c.Observe(t.Context(), tod, look); err != nil || pods.asked["1"] != 1 || seen.Grown {
		t.Errorf("asked %d times within four seconds, grown %v, %v", pods.asked["1"], seen.Grown, err)
	}
}

func TestWhatPodsSayIsKeptAndRememberedAlsoWhenItIsDropped(t *testing.T) {
	tod := storefront()
	look := shadowed(tod)
	question := caseOf(tod, look, 0)
	foreign := counted(t, question, fmt.Sprintf("%032x", "1"), 1, 30)
	foreign.Epoch = "another"
	for name, tt := range map[string]struct {
		report evidence.Report
		drops  int64
		looks  int
	}{
		"a report that is dropped is counted": {foreign, 1, 0},
		"one that is taken is a look":         {counted(t, question, fmt.Sprintf("%032x", "1"), 1, 30), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			pods := &witnesses{reports: map[string]evidence.Report{"1": tt.report}, asked: map[string]int{}}
			seen, err := court(t, pods, kept(t, tod, open(t, question))).Observe(t.Context(), tod, look)
			if err != nil {
				t.Fatal(err)
			}
			if got := seen.Ledger.Drops[evidence.WrongEpoch]; got != tt.drops || !seen.Grown {
				t.Errorf("%d reports are counted as dropped, grown %v; want %d, and the ledger to be kept", got, seen.Grown, tt.drops)
			}
			looks := 0
			if h := seen.Ledger.History; h != nil {
				looks = len(h.Looks)
			}
			if looks != tt.looks {
				t.Errorf("%d looks are remembered, want %d", looks, tt.looks)
			}
		})
	}
}

// ofReplay is a look at a replay's Job that gave reports.
func ofReplay(t *testing.T, c *judge.Case, reports ...evidence.Report) *replayjob.Seen {
	t.Helper()
	packed, err := evidence.Pack(reports...)
	if err != nil {
		t.Fatal(err)
	}
	question := serving.Replay{Epoch: c.Epoch}
	words, err := envelope.New(envelope.KindReplay, string(question.Key()), envelope.Passed, envelope.ReplaySummary{Pairs: 30, Evidence: packed})
	if err != nil {
		t.Fatal(err)
	}
	return &replayjob.Seen{Replay: question, Runs: []backend.Run{{Key: question.Key(), State: backend.Reported, Report: words}}}
}

func TestAReplayIsTakenOnceAndEachOfItsReportsIsALook(t *testing.T) {
	tod := storefront()
	seen := Seen{Case: caseOf(tod, shadowed(tod), 0)}
	seen.Ledger = open(t, seen.Case)
	instance := evidence.ReplayInstance(seen.Case.Epoch)
	seen.Replay = ofReplay(t, seen.Case, counted(t, seen.Case, instance, 1, 10), counted(t, seen.Case, instance, 2, 30))
	for range 2 {
		court(t, nil).collectReplay(&seen)
	}
	if got := seen.Ledger.Totals().Pairs; got != 30 || !seen.Grown || len(seen.Ledger.Drops) != 0 {
		t.Errorf("%d pairs, grown %v, dropped %v; want the 30 of the replay once", got, seen.Grown, seen.Ledger.Drops)
	}
	if h := seen.Ledger.History; h == nil || len(h.Looks) != 2 || h.Looks[0].Pairs != 10 || h.Looks[1].Pairs != 30 {
		t.Errorf("history %+v, want a look at 10 pairs and one at 30", h)
	}
}

func TestAReportOfAReplayThatIsRefusedCountsOnceHoweverOftenItIsPut(t *testing.T) {
	tod := storefront()
	look := shadowed(tod)
	look.Control.Shadow = nil
	question := caseOf(tod, look, 0)
	// More than can have been compared since the ledger was opened; half an hour later it can.
	tooFast := counted(t, question, evidence.ReplayInstance(question.Epoch), 1, 60*evidence.MaxPairsPerSecond+1000)
	ledger := open(t, question)
	seen := Seen{Case: question, Ledger: ledger, Replay: ofReplay(t, question, tooFast)}
	c := court(t, nil)
	for pass := range 3 {
		seen.Grown = false
		c.collectReplay(&seen)
		if got := ledger.Drops[evidence.TooFast]; got != 1 || seen.Grown != (pass == 0) {
			t.Fatalf("pass %d: %d reports are counted as dropped, grown %v; want 1, and to keep that once", pass, got, seen.Grown)
		}
		// The next manager reads what was kept.
		body, err := ledger.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if ledger, err = evidence.DecodeLedger(body); err != nil {
			t.Fatal(err)
		}
		seen.Ledger = ledger
	}
	c.Clock = clocktesting.NewFakePassiveClock(servingpodtest.Noon.Add(30 * time.Minute))
	if c.collectReplay(&seen); ledger.Totals().Pairs != tooFast.Pairs || !seen.Grown {
		t.Errorf("%d pairs, grown %v; want the %d of the replay once they are possible", ledger.Totals().Pairs, seen.Grown, tooFast.Pairs)
	}
}

func TestEvidenceThatIsLostIsCollectedAnewUnderAnotherEpoch(t *testing.T) {
	tod := storefront()
	look := shadowed(tod)
	another := look
	another.Wanted.Name = "tops-v3"
	nonsense := kept(t, tod, open(t, caseOf(tod, look, 0)))
	nonsense.Data[evidence.LedgerKey] = "{}"
	for name, objects := range map[string][]client.Object{
		"it is gone":                  nil,
		"it makes no sense":           {nonsense},
		"it answers another question": {kept(t, tod, open(t, caseOf(tod, another, 0)))},
	} {
		t.Run(name, func(t *testing.T) {
			seen, err := court(t, &witnesses{asked: map[string]int{}}, objects...).Observe(t.Context(), tod, look)
			if err != nil || seen.Ledger != nil || seen.Restarts != 1 || seen.Case.Epoch == look.Control.Shadow.Epoch {
				t.Errorf("restarts %d, epoch %s, ledger %+v, %v", seen.Restarts, seen.Case.Epoch, seen.Ledger, err)
			}
		})
	}
}

func TestALedgerThatSomebodyElseMadeIsNotTouched(t *testing.T) {
	tod := storefront()
	look := shadowed(tod)
	theirs := kept(t, tod, open(t, caseOf(tod, look, 0)))
	theirs.OwnerReferences = nil
	if _, err := court(t, nil, theirs).Observe(t.Context(), tod, look); !errors.Is(err, apply.ErrNotOwned) {
		t.Errorf("error %v, want one that wraps %v", err, apply.ErrNotOwned)
	}
}

func TestLostEvidenceIsRememberedOfItsCandidateOnly(t *testing.T) {
	tod := storefront()
	tod.Status.Judgement = &v1alpha1.JudgementStatus{Candidate: "tops-v2", Restarts: ptr.To[int32](2)}
	if got := restarts(tod, "tops-v2"); got != 2 {
		t.Errorf("%d restarts are remembered, want 2", got)
	}
	if got := restarts(tod, "tops-v3"); got != 0 {
		t.Errorf("another candidate has %d restarts, want none", got)
	}
}

func TestOnlyWhatTheSpecAsksToBeComparedIsJudged(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.TryOnDeployment, *Look){
		"no steps": func(o *v1alpha1.TryOnDeployment, _ *Look) { o.Spec.Rollout.Steps = nil },
		"steps with shares": func(o *v1alpha1.TryOnDeployment, _ *Look) {
			o.Spec.Rollout.Steps = []v1alpha1.RolloutStep{{Weight: 10}}
		},
		"nothing new":           func(_ *v1alpha1.TryOnDeployment, l *Look) { l.Stable.Name = "tops-v2" },
		"nothing is served yet": func(_ *v1alpha1.TryOnDeployment, l *Look) { l.Stable.Name = "" },
		"nothing may be served": func(_ *v1alpha1.TryOnDeployment, l *Look) { l.Wanted.Name = "" },
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront()
			look := shadowed(tod)
			change(tod, &look)
			seen, err := court(t, nil).Observe(t.Context(), tod, look)
			if err != nil || seen.Case != nil || seen.Ledger != nil {
				t.Errorf("case %+v, ledger %+v, %v", seen.Case, seen.Ledger, err)
			}
		})
	}
}
