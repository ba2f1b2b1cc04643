package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"sort"

	"github.com/braincreators/tryon-operator/internal/strict"
)

// Schema names the version of the envelope.
const Schema = "tryon.report/v1"

// MaxEnvelopeBytes is the kubelet's limit for one container's termination message.
const MaxEnvelopeBytes = 4096

// Verdict says what came of the work. Could not measure (Errored) is never the same as measured and bad (Failed).
type Verdict string

const (
	// Passed: the work was done and its result is good.
	Passed Verdict = "Passed"
	// Failed: the work was done and its result is bad; doing it again with the same inputs changes nothing.
	Failed Verdict = "Failed"
	// Errored: the work could not be done; doing it again may help.
	Errored Verdict = "Errored"
)

// Kind names the work an envelope reports on.
type Kind string

const (
	// KindPin reports a pinned dataset; its summary is a PinSummary.
	KindPin Kind = "Pin"
	// KindDataTests reports the data unit tests; its summary is a DataTestsSummary.
	KindDataTests Kind = "DataTests"
	// KindStage reports one training stage; its summary is a StageSummary.
	KindStage Kind = "Stage"
	// KindEvaluation reports an evaluation; its summary is an EvaluationSummary.
	KindEvaluation Kind = "Evaluation"
	// KindReplay reports a comparison of two versions on known requests; its summary is a ReplaySummary.
	KindReplay Kind = "Replay"
	// KindPublish reports published weights; its summary is a PublishSummary.
	KindPublish Kind = "Publish"
	// KindErase reports that captured requests were removed; its summary is an EraseSummary.
	KindErase Kind = "Erase"
	// KindJudgement reports the page of a decided judgement; its summary is a JudgementSummary.
	KindJudgement Kind = "Judgement"
)

// Reference points to a full document in the artefact store.
type Reference struct {
	// URI is the document's name below the store's root, for example "stages/<hex>/stage.json".
	URI string `json:"uri"`
	// Digest is the document's "sha256:<hex>".
	Digest string `json:"digest"`
}

// ExitTerminated is the exit code of a worker that was asked to end before its work was done (128 + SIGTERM): the work did not fail, and
// whoever runs it does not count the attempt.
const ExitTerminated = 143

// Envelope is what a worker leaves behind.
type Envelope struct {
	Schema  string  `json:"schema"`
	Kind    Kind    `json:"kind"`
	Key     string  `json:"key"`
	Verdict Verdict `json:"verdict"`
	// Reason is a short CamelCase word and Message a sentence for people; both are set unless the verdict is Passed.
	Reason  string          `json:"reason,omitempty"`
	Message string          `json:"message,omitempty"`
	Summary json.RawMessage `json:"summary,omitempty"`
	Report  *Reference      `json:"report,omitempty"`
}

// PinSummary counts a pinned dataset.
type PinSummary struct {
	Digest string `json:"digest"`
	Files  int64  `json:"files"`
	Bytes  int64  `json:"bytes"`
	// TrainPairs and TestPairs count the rows of the pair lists.
	TrainPairs int64 `json:"trainPairs"`
	TestPairs  int64 `json:"testPairs"`
	// Height and Width of the person images, in pixels.
	Height int32 `json:"height"`
	Width  int32 `json:"width"`
}

// EraseSummary counts what was removed.
type EraseSummary struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// DataTestsSummary counts the verdicts of the checks and names what failed first.
type DataTestsSummary struct {
	Checks  int32 `json:"checks"`
	Passed  int32 `json:"passed"`
	Warned  int32 `json:"warned"`
	Failed  int32 `json:"failed"`
	Errored int32 `json:"errored"`
	// First is the failing check with the highest severity, in suite order; nil when none failed.
	First *CheckFailure `json:"first,omitempty"`
}

// CheckFailure is one check that did not hold.
type CheckFailure struct {
	Check    string `json:"check"`
	Severity string `json:"severity"`
	Count    int64  `json:"count"`
	// Budget is the number of offenders that would have been allowed.
	Budget   int64  `json:"budget"`
	Offender string `json:"offender"`
	Detail   string `json:"detail,omitempty"`
}

// StageSummary describes the output of one training stage.
type StageSummary struct {
	// Weights is the digest of the output tree, Bytes its size.
	Weights string `json:"weights"`
	Bytes   int64  `json:"bytes"`
	Steps   int64  `json:"steps"`
	// Seconds is the wall time over all attempts; GPUSeconds is that times the GPUs of all nodes.
	Seconds    int64 `json:"seconds"`
	GPUSeconds int64 `json:"gpuSeconds"`
	// ResumedFrom is the step of the checkpoint that this attempt started from; 0 for a fresh start.
	ResumedFrom int64 `json:"resumedFrom,omitempty"`
	// Skipped is true when the store already held this stage's output.
	Skipped bool               `json:"skipped,omitempty"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// Scores are the means of one evaluation by metric: ssim, garment-ssim (both 0..1), psnr (dB), l1 (0..1).
type Scores map[string]float64

// EvaluationSummary holds the scores of what will be served, beside the two baselines on the same cases.
type EvaluationSummary struct {
	// Evaluator identifies everything the scores depend on besides the weights; only equal evaluators compare.
	Evaluator string `json:"evaluator"`
	// Protocol is "unpaired-truth" or "paired".
	Protocol string `json:"protocol"`
	Cases    int32  `json:"cases"`
	Scores   Scores `json:"scores"`
	// Baselines by name: copy-person, paste-garment.
	Baselines map[string]Scores `json:"baselines"`
	// Golden is the digest of the tree of golden requests recorded from the serving runtime.
	Golden string `json:"golden"`
}

// ReplaySummary holds the evidence about a candidate.
type ReplaySummary struct {
	// Pairs counts the requests that were put to both versions.
	Pairs int64 `json:"pairs"`
	// Evidence are packed evidence.Reports of one instance.
	Evidence []byte `json:"evidence"`
}

// PublishSummary names the published weights.
type PublishSummary struct {
	Weights string `json:"weights"`
	Bytes   int64  `json:"bytes"`
	Files   int32  `json:"files"`
	Height  int32  `json:"height"`
	Width   int32  `json:"width"`
}

// JudgementSummary tells what is on the page of a judgement.
type JudgementSummary struct {
	// Pairs were compared; Looks at them are drawn.
	Pairs int64 `json:"pairs"`
	Looks int32 `json:"looks"`
	// Shared requests were recorded of both versions and stand side by side; Shown are all that the page has pictures of.
	Shared int32 `json:"shared"`
	Shown  int32 `json:"shown"`
	// Captured requests of shoppers are on a page of their own, beside them.
	Captured int32 `json:"captured,omitempty"`
}

// New makes an envelope around a summary (nil for none).
func New(kind Kind, key string, verdict Verdict, summary any) (Envelope, error) {
	e := Envelope{Schema: Schema, Kind: kind, Key: key, Verdict: verdict}
	if summary == nil {
		return e, nil
	}
	body, err := json.Marshal(summary)
	if err != nil {
		return e, fmt.Errorf("encoding summary: %w", err)
	}
	e.Summary = body
	return e, nil
}

// Encode gives the envelope's bytes, at most MaxEnvelopeBytes: a message that is too long is cut, a summary is not.
func (e Envelope) Encode() ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding envelope: %w", err)
	}
	if len(body) <= MaxEnvelopeBytes {
		return body, nil
	}
	runes := []rune(e.Message)
	// Escapes make a rune cost up to six bytes, so the longest message that fits is searched for, not computed.
	tooLong := sort.Search(len(runes), func(n int) bool {
		cut, err := json.Marshal(e.cut(runes[:n]))
		return err != nil || len(cut) > MaxEnvelopeBytes
	})
	if tooLong == 0 {
		return nil, fmt.Errorf("envelope of %d bytes is over the limit of %d", len(body), MaxEnvelopeBytes)
	}
	if body, err = json.Marshal(e.cut(runes[:tooLong-1])); err != nil {
		return nil, fmt.Errorf("encoding envelope: %w", err)
	}
	return body, nil
}

func (e Envelope) cut(message []rune) Envelope {
	e.Message = string(message) + "…"
	return e
}

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ValidDigest tells whether s is "sha256:" and 64 lower-case hex digits.
func ValidDigest(s string) bool { return digestPattern.MatchString(s) }

// ErrNotAnEnvelope says that a termination message is something else: an empty one, a stack trace, a foreign program's words.
var ErrNotAnEnvelope = errors.New("not a report envelope")

// Decode reads an envelope strictly. Every error wraps ErrNotAnEnvelope.
func Decode(message string) (Envelope, error) {
	var e Envelope
	if err := strict.Decode([]byte(message), MaxEnvelopeBytes, &e); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrNotAnEnvelope, err)
	}
	if err := e.check(); err != nil {
		return Envelope{}, fmt.Errorf("%w: %w", ErrNotAnEnvelope, err)
	}
	return e, nil
}

func (e Envelope) check() error {
	switch {
	case e.Schema != Schema:
		return fmt.Errorf("schema is %q, want %q", e.Schema, Schema)
	case e.Verdict != Passed && e.Verdict != Failed && e.Verdict != Errored:
		return fmt.Errorf("verdict is %q, want Passed, Failed or Errored", e.Verdict)
	case e.Report != nil && !ValidDigest(e.Report.Digest):
		return fmt.Errorf("report digest %q is not a sha256 digest", e.Report.Digest)
	}
	return nil
}

// Into decodes the summary strictly into one of this package's summary types.
func (e Envelope) Into(kind Kind, summary any) error {
	if e.Kind != kind {
		return fmt.Errorf("%w: kind is %q, want %q", ErrNotAnEnvelope, e.Kind, kind)
	}
	if err := strict.Decode(e.Summary, MaxEnvelopeBytes, summary); err != nil {
		return fmt.Errorf("%w: summary: %w", ErrNotAnEnvelope, err)
	}
	return nil
}

// Finite tells whether every score is a finite number.
func (s Scores) Finite() bool {
	for _, v := range s {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
