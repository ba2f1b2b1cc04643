package judgement

import (
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// documentSchema of a judgement's report.
const documentSchema = "tryon.judgement/v1"

// Document is judgements/<key>/report.json.
type Document struct {
	Schema     string    `json:"schema"`
	Key        string    `json:"key"`
	Namespace  string    `json:"namespace"`
	Deployment string    `json:"deployment"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason"`
	Decided    time.Time `json:"decided"`
	Verdict    string    `json:"verdict"`
	Rule       string    `json:"rule"`
	Alpha      float64   `json:"alpha"`

	Gates     []task.JudgedGate `json:"gates"`
	Stable    Version           `json:"stable"`
	Candidate Version           `json:"candidate"`
	Evidence  evidence.Frozen   `json:"evidence"`
	// Requests that both versions have a recorded answer to, by disagreement.
	Requests []Request `json:"requests"`
	// Captured requests of this judgement are shown elsewhere; nil where none are kept.
	Captured *Captured `json:"captured,omitempty"`
	// Notes say what the page lacks.
	Notes []string `json:"notes,omitempty"`
}

// Version is one side of the judgement. Its digests are written without "sha256:": a report names no blob, so that a sweep of the store
// may take the weights of a version that is long gone.
type Version struct {
	Name    string `json:"name"`
	Weights string `json:"weightsSHA256,omitempty"`
	Dataset string `json:"datasetSHA256,omitempty"`
	Golden  string `json:"goldenSHA256,omitempty"`
}

// Request is one golden request with two answers.
type Request struct {
	Name  string `json:"name"`
	Input string `json:"inputSHA256"`
	// Garment and Outside are how far the pictures are apart inside the garments and elsewhere, 0 to 1.
	Garment float64 `json:"garment"`
	Outside float64 `json:"outside"`
}

// Captured tells of the page of a judgement's captured requests, which is not kept for long.
type Captured struct {
	// Place is where the deployment keeps captured requests, in the words of its owner.
	Place string `json:"place"`
	// Page is the name of the page in there and Until when it is removed at the latest; without a page neither is set.
	Page  string     `json:"page,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Compared requests of this judgement were found; Shown are on the page.
	Compared int `json:"compared"`
	Shown    int `json:"shown"`
}

func newDocument(t task.Judgement, frozen evidence.Frozen) *Document {
	return &Document{
		Schema: documentSchema, Key: t.Key, Namespace: t.Namespace, Deployment: t.Deployment,
		Outcome: t.Outcome, Reason: t.Reason, Decided: t.Decided, Verdict: t.Verdict, Rule: t.Rule, Alpha: t.Alpha,
		Gates: t.Gates, Stable: versionOf(t.Stable), Candidate: versionOf(t.Candidate), Evidence: frozen, Requests: []Request{},
	}
}

func versionOf(v task.JudgedVersion) Version {
	bare := func(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
	return Version{Name: v.Name, Weights: bare(v.Weights), Dataset: bare(v.Dataset), Golden: bare(v.Golden)}
}

func (d *Document) looks() []evidence.Look {
	if d.Evidence.History == nil {
		return nil
	}
	return d.Evidence.History.Looks
}

func (d *Document) summary(g *gallery) report.JudgementSummary {
	s := report.JudgementSummary{
		Pairs: d.Evidence.Totals.Pairs, Looks: int32(len(d.looks())), Shared: int32(g.shared), Shown: int32(g.shown()),
	}
	if d.Captured != nil {
		s.Captured = int32(d.Captured.Shown)
	}
	return s
}
