package rollout

import (
	"time"

	"github.com/braincreators/tryon-operator/internal/fleet"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// Facts is what one look at the cluster found.
type Facts struct {
	// Wanted is the version that the spec asks for now; empty when there is none that may be served.
	Wanted string
	// Replicas that each version is to have.
	Replicas int32
	// Least is with how many of them the stable version serves as the spec asks for, when the others only follow the load; 0 for all.
	Least int32
	// InPlace replaces one pod at a time, for clusters without room for both versions. It takes two replicas; with one it changes nothing.
	InPlace bool
	// Steps of the spec; a last step of 100 percent is implied.
	Steps []Step
	// Deadline is how long a candidate may take until it is ready and judged; 0 for no end.
	Deadline time.Duration
	// Silence says what follows when there is no verdict at the deadline.
	Silence Silence
	// Replay is how the replay that answers Epoch stands.
	Replay Replay
	// Command of the user; empty when the rollout is left to itself.
	Command Command
	// Epoch names the judgement of Wanted against the stable version. Evidence of another epoch says nothing.
	Epoch string
	// Verdict of the evidence so far; zero when there is none.
	Verdict Verdict
	// Failing is what the forwarded requests show against Wanted; zero when nothing.
	Failing Failing
	// Rejected are the versions that must not be tried again, each with the reason.
	Rejected map[string]string
	// Routed is the version that the Service selects: the one and only definition of stable. Empty when there is no Service.
	Routed string
	// LastStable is the recorded stable version. It is looked at only when the Service is missing.
	LastStable string
	// Endpoints counts the ready endpoints of the Service by version.
	Endpoints map[string]int32
	// Sets are the versions that have a Deployment or pods.
	Sets fleet.Sets
	// Buildable holds the versions whose pods can be described, because their weights are known.
	Buildable map[string]bool
	// Control is the control document in the ConfigMap; generation 0 when there is none.
	Control Document
	// Record is the recorded progress of the rollout; nil when none is recorded.
	Record *Record
}

// Silence is what follows when there is no verdict at the deadline.
type Silence string

const (
	// SilenceHold goes on collecting evidence; the zero value does, too.
	SilenceHold Silence = "Hold"
	// SilenceReject gives the candidate up.
	SilenceReject Silence = "Reject"
	// SilenceReplay has a replay decide.
	SilenceReplay Silence = "Replay"
)

// Step tries the candidate for some time: in a replay, in shadow or with a share, one of them.
type Step struct {
	// Replay puts known requests to both versions in a Job, without pods of the candidate. Only the first step may be one; it ends with
	// a verdict.
	Replay bool
	// Shadow is the percentage of answered requests that the candidate answers once more, 1..100; 0 in other steps.
	// Only the first step may be one of shadow; it ends with a verdict.
	Shadow int
	// Weight in percent, 1..100; 0 in other steps.
	Weight int
	// Hold is how long the step lasts at least, once every stable pod applies it.
	Hold time.Duration
}

// Command is what the user asks of a rollout.
type Command string

const (
	// Pause holds everything where it is.
	Pause Command = "Pause"
	// Abort gives the candidate up.
	Abort Command = "Abort"
	// Promote skips the remaining steps.
	Promote Command = "Promote"
)

// Replay is how the comparison in a Job stands.
type Replay struct {
	State ReplayState
	// Message says why it does not get on, or failed; empty when nothing is wrong.
	Message string
}

// ReplayState is how far a replay is; empty when there is none.
type ReplayState string

const (
	// ReplayRunning is on its way.
	ReplayRunning ReplayState = "Running"
	// ReplayDone has given its evidence; more will not come.
	ReplayDone ReplayState = "Done"
	// ReplayFailed could not compare.
	ReplayFailed ReplayState = "Failed"
	// ReplayRefused has compared, and its evidence is refused for good: only another question is replayed again.
	ReplayRefused ReplayState = "Refused"
)

// Verdict is what the evidence of an epoch comes to.
type Verdict struct {
	Epoch   string
	Outcome sequential.Verdict
	// Rule is the sentence of the gate that decided, or of the one that is waited for.
	Rule string
}

// Failing is what forwarded requests show against a candidate.
type Failing struct {
	// Why is a sentence; empty when nothing is shown.
	Why string
	// Kept says that what shows it is recorded, so that a manager that is killed comes to the same.
	Kept bool
}

// Document is the control document, as far as it matters here.
type Document struct {
	// Generation rises by at least one with every change.
	Generation int64
	// Candidate is nil when no version gets a share.
	Candidate *Share
	// Shadow is nil when no version is compared in shadow.
	Shadow *Shadow
}

// Share is a version's share of the requests in percent.
type Share struct {
	Version string
	Weight  int
}

// Shadow is a comparison of a version with the stable one on a percentage of the answered requests.
type Shadow struct {
	Version string
	Epoch   string
	Percent int
}

// names says whether the document gives a version a share, or has it compared in shadow.
func (d Document) names(version string) bool {
	return (d.Candidate != nil && d.Candidate.Version == version) || (d.Shadow != nil && d.Shadow.Version == version)
}

// version that gets a share or is compared; empty when none is.
func (d Document) version() string {
	switch {
	case d.Candidate != nil:
		return d.Candidate.Version
	case d.Shadow != nil:
		return d.Shadow.Version
	}
	return ""
}

// empty says whether every request stays with the stable version, and no answer is compared.
func (d Document) empty() bool { return d.Candidate == nil && d.Shadow == nil }

// agrees says whether two documents ask the pods for the same, whatever their generations.
func (d Document) agrees(other Document) bool {
	return same(d.Candidate, other.Candidate) && same(d.Shadow, other.Shadow)
}

func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// Record is the progress of a rollout that cannot be seen in the cluster.
type Record struct {
	// Version that takes over.
	Version string
	// Started is when the deadline began to run; zero during a pause.
	Started time.Time
	// Step is the index of the step that applies; -1 before the first. The implied last step comes after the spec's.
	Step int
	// Generation of the control document that carries the step; 0 before the first.
	Generation int64
	// Applied is when every stable pod was first seen to apply it; zero before.
	Applied time.Time
}

// stable is the version that the Service selects. Without a Service it is the one that most likely was selected before.
func (f Facts) stable() string {
	if f.Routed != "" {
		return f.Routed
	}
	if f.LastStable != "" && f.Sets.Of(f.LastStable).Deployed {
		return f.LastStable
	}
	if best := f.Sets.Fittest(); best.Version != "" {
		return best.Version
	}
	if _, rejected := f.Rejected[f.Wanted]; rejected && f.Buildable[f.LastStable] {
		return f.LastStable
	}
	return f.Wanted
}

// maxLead bounds by how much a pod's report may be ahead of the control document. A larger lead is not a lost ConfigMap but
// nonsense, and must not drive the counter towards its end.
const maxLead = 1 << 20

// highest is the highest generation that anybody has seen; a new one has to be above it.
func (f Facts) highest() int64 {
	believed := f.Control.Generation + maxLead
	high := max(f.Control.Generation, f.Sets.Reported(believed))
	if f.Record != nil && f.Record.Generation <= believed {
		high = max(high, f.Record.Generation)
	}
	return high
}
