package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// world is a cluster in memory: Deployments make pods, pods get ready or fail by their version's nature, Services follow their
// selector some seconds later, ConfigMaps reach pods after half a minute and pushes at once.
type world struct {
	now      time.Time
	start    time.Time
	wanted   string
	replicas int32
	steps    []rollout.Step
	natures  map[string]nature

	inPlace bool
	// places is how many pods the nodes have room for; 0 for any number.
	places   int
	deadline time.Duration
	silence  rollout.Silence
	command  rollout.Command
	// spec and retry are what a new attempt of a rejected version depends on; spec alone stands for the gates too.
	spec  int
	retry string
	// silent says that no shopper comes.
	silent bool
	// evidence counts pairs of answers by epoch, one a second, and rejected has the reasons by attempt and version.
	evidence map[string]int
	rejected map[string]map[string]string
	// failed counts forwards that failed by the document's generation, and recorded is what the status has of them.
	failed   map[int64]int
	recorded forwards
	// job is the replay that runs or failed, known how many requests it has, and replayed the epochs whose evidence it gave.
	job      *replayJob
	known    int
	replayed map[string]bool

	routed     string
	lastStable string
	endpoints  map[string]int32
	sets       map[string]*deployment
	control    rollout.Document
	writtenAt  time.Time
	record     *rollout.Record
	deaf       map[string]bool

	story   []string
	changes []string
	stage   string
	recheck time.Time
	touched bool
	serial  int
	lag     int
}

// nature is how the pods of a version behave.
type nature struct {
	readyAfter time.Duration
	failure    string // never ready, for this reason
	homeless   bool   // never ready, because no node has room
	bad        bool   // the verdict is against it
	turnsBad   int    // the verdict is for it at first, and against it after this many pairs
	unasked    string // a replay fails, for this reason
	unheard    string // what a replay says is refused, for this reason
	fails      bool   // every request that is forwarded to it fails, although its pods are ready
}

// forwards are those that failed a version: under the document of a generation, and under earlier ones.
type forwards struct {
	version    string
	generation int64
	now, ended int
}

// replayJob is a comparison in a Job.
type replayJob struct {
	epoch   string
	ends    time.Time
	failed  string
	refused string
}

type deployment struct {
	version   string
	deployed  bool
	replicas  int32
	pods      []*pod
	endpoints int32
	// updating is until when pods of an earlier spec are being replaced.
	updating time.Time
}

type pod struct {
	fleet.Pod
	born    time.Time
	placed  bool
	leaveAt time.Time
}

const (
	drainTime     = 3 * time.Second
	propagateTime = 30 * time.Second
	// enoughPairs is what a verdict takes.
	enoughPairs = 15
	// enoughFailures is what it takes to show that forwards fail.
	enoughFailures = 8
	// endpointLag is how many seconds the Service's endpoints are behind its selector and the pods.
	endpointLag = 2
	// replayTime is what a replay takes.
	replayTime = 6 * time.Second
)

func newWorld(replicas int32, steps ...rollout.Step) *world {
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	return &world{
		now: start, start: start, replicas: replicas, steps: steps, natures: map[string]nature{},
		endpoints: map[string]int32{}, sets: map[string]*deployment{}, deaf: map[string]bool{}, touched: true,
		evidence: map[string]int{}, rejected: map[string]map[string]string{}, replayed: map[string]bool{}, known: 40, failed: map[int64]int{},
	}
}

func (w *world) facts() rollout.Facts {
	f := rollout.Facts{
		Wanted: w.wanted, Replicas: w.replicas, Steps: w.steps, Routed: w.routed, LastStable: w.lastStable,
		Endpoints: w.endpoints, Control: w.control, Record: w.record, Buildable: map[string]bool{w.wanted: true},
		InPlace: w.inPlace, Deadline: w.deadline, Silence: w.silence, Command: w.command, Replay: w.replay(),
		Epoch: w.epoch(), Verdict: w.verdict(), Rejected: w.rejected[w.attempt()], Failing: w.failing(),
	}
	for _, name := range w.names() {
		s := w.sets[name]
		f.Buildable[name] = true
		set := fleet.Set{Version: name, Deployed: s.deployed, Replicas: s.replicas, Endpoints: s.endpoints, Updating: w.now.Before(s.updating)}
		for _, p := range s.pods {
			set.Pods = append(set.Pods, p.Pod)
		}
		f.Sets = append(f.Sets, set)
	}
	return f
}

func (w *world) attempt() string { return fmt.Sprintf("%d/%s", w.spec, w.retry) }

func (w *world) epoch() string { return fmt.Sprintf("%s>%s/%s", w.routed, w.wanted, w.attempt()) }

// verdict is written anew every ten pairs only.
func (w *world) verdict() rollout.Verdict {
	n, have := w.natures[w.wanted], w.evidence[w.epoch()]
	if have == 0 {
		return rollout.Verdict{}
	}
	v := rollout.Verdict{Epoch: w.epoch(), Outcome: sequential.KeepCollecting, Rule: fmt.Sprintf("latency is not clear after %d pairs", have/10*10)}
	switch {
	case have >= enoughPairs && (n.bad || (n.turnsBad > 0 && have >= n.turnsBad)):
		v.Outcome, v.Rule = sequential.Reject, "latency is 1.3 times the stable one's"
	case have >= enoughPairs:
		v.Outcome, v.Rule = sequential.Promote, "latency is the stable one's"
	}
	return v
}

// counted adds what the pods say about the wanted version's forwards to what is recorded.
func (w *world) counted() forwards {
	f, share := w.recorded, w.control.Candidate
	if f.version != w.wanted {
		f = forwards{version: w.wanted}
	}
	if share == nil || share.Version != w.wanted {
		f.now = 0
		return f
	}
	if f.generation != w.control.Generation {
		f.generation, f.ended, f.now = w.control.Generation, f.ended+f.now, 0
	}
	f.now = w.failed[f.generation]
	return f
}

func (w *world) failing() rollout.Failing {
	why := func(f forwards) string {
		if f.version != w.wanted || f.now+f.ended < enoughFailures {
			return ""
		}
		return "it failed what was forwarded to it"
	}
	if kept := why(w.recorded); kept != "" {
		return rollout.Failing{Why: kept, Kept: true}
	}
	return rollout.Failing{Why: why(w.counted())}
}

// forward has a ready pod of the stable version forward a request, if the document says so.
func (w *world) forward() {
	s, share := w.sets[w.routed], w.control.Candidate
	if s == nil || share == nil || share.Version == w.routed || w.silent || !w.natures[share.Version].fails {
		return
	}
	if slices.ContainsFunc(s.pods, func(p *pod) bool { return p.State == fleet.PodReady && p.Generation == w.control.Generation }) {
		w.failed[w.control.Generation]++
	}
}

// compare adds a pair of answers to the evidence when a pod of the stable version copies requests.
func (w *world) compare() {
	s, shadow := w.sets[w.routed], w.control.Shadow
	if s == nil || shadow == nil || w.silent {
		return
	}
	if slices.ContainsFunc(s.pods, func(p *pod) bool { return p.State == fleet.PodReady && p.Generation == w.control.Generation }) {
		w.evidence[shadow.Epoch]++
	}
}

func (w *world) names() []string {
	var all []string
	for name := range w.sets {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// reconcile looks once and carries out at most limit intents; a limit below the plan's length is a manager that is killed before
// it writes the status.
func (w *world) reconcile(limit int) rollout.Plan {
	plan, counted := rollout.Decide(w.facts(), w.now), w.counted()
	w.touched, w.recheck = false, time.Time{}
	if plan.RecheckAfter > 0 {
		w.recheck = w.now.Add(plan.RecheckAfter)
	}
	if line := plan.Stage + ": " + plan.Message; line != w.stage {
		w.stage = line
		w.say("%s", line)
	}
	for i, intent := range plan.Intents {
		if i >= limit {
			w.touched = true
			return plan
		}
		w.carryOut(intent)
	}
	w.employ(plan)
	w.record, w.lastStable, w.recorded = plan.Record, plan.Stable, forwards{}
	if plan.Candidate == counted.version {
		w.recorded = counted
	}
	if r := plan.Rejection; r != nil {
		if w.rejected[w.attempt()] == nil {
			w.rejected[w.attempt()] = map[string]string{}
		}
		w.rejected[w.attempt()][r.Version] = r.Message
		w.change("record %s as %s: %s", r.Version, r.Reason, r.Message)
		w.touched = false
	}
	return plan
}

// employ starts and removes the Job of a replay.
func (w *world) employ(plan rollout.Plan) {
	switch {
	case plan.Replay && (w.job == nil || w.job.epoch != w.epoch()):
		w.job = &replayJob{epoch: w.epoch(), ends: w.now.Add(replayTime)}
		w.change("start a replay of %s beside %s", plan.Candidate, plan.Stable)
	case !plan.Replay && w.job != nil:
		w.job = nil
		w.change("remove the replay")
	}
}

// replay is how the Job of the present question stands.
func (w *world) replay() rollout.Replay {
	switch {
	case w.replayed[w.epoch()]:
		return rollout.Replay{State: rollout.ReplayDone}
	case w.job == nil || w.job.epoch != w.epoch():
		return rollout.Replay{}
	case w.job.failed != "":
		return rollout.Replay{State: rollout.ReplayFailed, Message: w.job.failed}
	}
	if w.job.refused != "" {
		return rollout.Replay{State: rollout.ReplayRefused, Message: w.job.refused}
	}
	return rollout.Replay{State: rollout.ReplayRunning}
}

// work lets the replay end: it fails, or gives its evidence once.
func (w *world) work() {
	j := w.job
	if j == nil || j.failed+j.refused != "" || w.replayed[j.epoch] || w.now.Before(j.ends) {
		return
	}
	w.touched = true
	if failure := w.natures[w.wanted].unasked; failure != "" {
		j.failed = failure
		return
	}
	if j.refused = w.natures[w.wanted].unheard; j.refused != "" {
		return
	}
	w.evidence[j.epoch] += w.known
	w.replayed[j.epoch] = true
}

func (w *world) carryOut(i rollout.Intent) {
	switch i.Verb {
	case rollout.Keep:
		s := w.sets[i.Version]
		if s == nil {
			s = &deployment{version: i.Version}
			w.sets[i.Version] = s
		}
		if !s.deployed || s.replicas != i.Replicas {
			s.deployed, s.replicas = true, i.Replicas
			w.change("keep %s x%d: %s", i.Version, i.Replicas, i.Reason)
		}
	case rollout.Route:
		if w.routed != i.Version {
			w.routed = i.Version
			w.change("route to %s: %s", i.Version, i.Reason)
		}
	case rollout.Publish:
		w.control, w.writtenAt = i.Document, w.now
		w.change("publish %s: %s", tell(i.Document), i.Reason)
		w.push(i)
	case rollout.Push:
		w.push(i)
	case rollout.Retire:
		if s := w.sets[i.Version]; s != nil && s.deployed {
			s.deployed, s.replicas = false, 0
			w.change("retire %s: %s", i.Version, i.Reason)
		}
	}
}

func (w *world) push(i rollout.Intent) {
	s := w.sets[i.Version]
	if s == nil {
		return
	}
	for _, p := range s.pods {
		if p.State == fleet.PodReady && !w.deaf[p.Name] && p.Generation < i.Document.Generation {
			p.Generation, p.Reported = i.Document.Generation, true
		}
	}
}

func tell(d rollout.Document) string {
	text := fmt.Sprintf("#%d without candidate", d.Generation)
	if c := d.Candidate; c != nil {
		text = fmt.Sprintf("#%d with %d%% for %s", d.Generation, c.Weight, c.Version)
	}
	if s := d.Shadow; s != nil {
		text += fmt.Sprintf(", %d%% to %s in shadow", s.Percent, s.Version)
	}
	return text
}

// run lets the world go on for some time; the manager looks when something that it watches changed, or when it asked for it.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); w.advance() {
		w.look(1000)
	}
}

func (w *world) look(limit int) {
	if w.touched || (!w.recheck.IsZero() && !w.now.Before(w.recheck)) {
		w.reconcile(limit)
	}
}

// event is something that happens from outside.
func (w *world) event(format string, args ...any) {
	w.touched = true
	w.say("* "+format, args...)
}

func (w *world) say(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf("%5s  ", w.now.Sub(w.start))+fmt.Sprintf(format, args...))
}

func (w *world) change(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.changes = append(w.changes, line)
	w.say("  -> %s", line)
	w.touched = true
}

func (w *world) text() string { return strings.Join(w.story, "\n") + "\n" }
