package task

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/strict"
)

// Env is the environment variable that carries a task into a pod.
const Env = "TRYON_TASK"

// Beginnings of the environment variables with the S3 credentials of the artefact store, of the dataset's source and of the place for
// captured requests, before the usual names (TRYON_STORE_AWS_ACCESS_KEY_ID). A pod may use several, and no bucket is ever asked with
// another's.
const (
	EnvStore   = "TRYON_STORE_"
	EnvSource  = "TRYON_SOURCE_"
	EnvCapture = "TRYON_CAPTURE_"
)

// Source says where a dataset lies, as the pod sees it.
type Source struct {
	// URI is file:///dir (a mounted claim) or s3://bucket/prefix?endpoint=….
	URI string `json:"uri"`
	// Layout of the files below it: VITONHD.
	Layout string `json:"layout"`
}

// Pin asks for a dataset's manifest and digest.
type Pin struct {
	Key    string `json:"key"`
	Store  string `json:"store"`
	Source Source `json:"source"`
	// Digest, when set, is the only content that is accepted.
	Digest string `json:"digest,omitempty"`
}

// CheckOverride changes one check of the standard suite.
type CheckOverride struct {
	Name string `json:"name"`
	// Severity is Block, Warn, Report or Off; empty keeps the suite's.
	Severity string `json:"severity,omitempty"`
	// Budget is the share of offenders allowed, as "1%" or "0.01"; empty keeps the suite's.
	Budget string `json:"budget,omitempty"`
}

// DataTest asks for the data unit tests of a pinned dataset.
type DataTest struct {
	Key    string          `json:"key"`
	Store  string          `json:"store"`
	Source Source          `json:"source"`
	Digest string          `json:"digest"`
	Checks []CheckOverride `json:"checks,omitempty"`
}

// Parent is a finished stage whose output another stage starts from or freezes.
type Parent struct {
	Stage   string `json:"stage"`
	Weights string `json:"weights"`
}

// HealthCheck stops a stage whose metric leaves its bounds.
type HealthCheck struct {
	Metric string `json:"metric"`
	// Min and Max are inclusive bounds; nil means unbounded.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`
	// AfterStep is the first step at which the bounds hold.
	AfterStep int64 `json:"afterStep,omitempty"`
}

// Train asks for one training stage. The command itself comes after "--" on the command line.
type Train struct {
	Key     string            `json:"key"`
	Store   string            `json:"store"`
	Stage   string            `json:"stage"`
	Source  Source            `json:"source"`
	Digest  string            `json:"digest"`
	Init    []Parent          `json:"init,omitempty"`
	Freeze  []Parent          `json:"freeze,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Health  []HealthCheck     `json:"health,omitempty"`
	Nodes   int32             `json:"nodes"`
	GPUs    int32             `json:"gpus"`
	Scratch string            `json:"scratch"`
	// ProgressAddress is where progress is served, for example ":8090".
	ProgressAddress string `json:"progressAddress"`
}

// Evaluate asks for the scores of what a serving runtime answers.
type Evaluate struct {
	Key    string `json:"key"`
	Store  string `json:"store"`
	Source Source `json:"source"`
	Digest string `json:"digest"`
	// Weights is the digest of the tree that the runtime serves.
	Weights string `json:"weights"`
	// Runtime is the base URL of the Open Inference Protocol server.
	Runtime string `json:"runtime"`
	// MaxCases bounds the evaluated rows; 0 means all of the test split.
	MaxCases int32  `json:"maxCases,omitempty"`
	Scratch  string `json:"scratch"`
	// Title is shown at the head of the report.
	Title string `json:"title,omitempty"`
}

// Side is one version of a comparison.
type Side struct {
	// Version is its name, Weights the folder that its runtime serves, and Runtime that server's base URL.
	Version string `json:"version"`
	Weights string `json:"weights"`
	Runtime string `json:"runtime"`
}

// Replay asks for the comparison of two versions on known requests.
type Replay struct {
	Key   string `json:"key"`
	Epoch string `json:"epoch"`
	Store string `json:"store"`
	// Source and Digest are the dataset whose test split is put.
	Source    Source `json:"source"`
	Digest    string `json:"digest"`
	Stable    Side   `json:"stable"`
	Candidate Side   `json:"candidate"`
	// LatencyRatio is the margin of the latency gate, at which each pair is compared.
	LatencyRatio float64 `json:"latencyRatio"`
	// TimeoutSeconds is how long one answer may take.
	TimeoutSeconds int64 `json:"timeoutSeconds"`
	// Capture is where captured requests lie, which are put as well; nil when none are.
	Capture *Capture `json:"capture,omitempty"`
}

// Timeout is how long one answer may take, a second at least.
func (r Replay) Timeout() time.Duration { return time.Duration(max(r.TimeoutSeconds, 1)) * time.Second }

// Lineage is everything a version's weights descend from; it is written into the published card. Names and numbers of the cluster
// are no part of it: the same weights from two models are the same tree.
type Lineage struct {
	Method  string `json:"method"`
	Dataset string `json:"dataset"`
	// Licenses are the SPDX expressions of dataset, method and code.
	Licenses []string     `json:"licenses"`
	Stages   []StageEntry `json:"stages"`
}

// StageEntry is one finished stage in a lineage.
type StageEntry struct {
	Name       string `json:"name"`
	Key        string `json:"key"`
	Weights    string `json:"weights"`
	GPUSeconds int64  `json:"gpuSeconds"`
}

// Publish asks for the servable tree of a version.
type Publish struct {
	Key   string `json:"key"`
	Store string `json:"store"`
	// Weights is the output tree of the serving stage, Golden the tree recorded by the evaluation.
	Weights   string             `json:"weights"`
	Golden    string             `json:"golden"`
	Evaluator string             `json:"evaluator"`
	Scores    map[string]float64 `json:"scores"`
	Lineage   Lineage            `json:"lineage"`
	Scratch   string             `json:"scratch"`
}

// JudgedVersion is one of the two versions of a judgement. Digests may be empty: the version may be gone.
type JudgedVersion struct {
	Name string `json:"name"`
	// Weights that it serves, Dataset that it was trained on, Golden tree of its recorded answers.
	Weights string `json:"weights,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	Golden  string `json:"golden,omitempty"`
}

// JudgedGate is a gate and what the evidence came to; nil is what nothing is known of.
type JudgedGate struct {
	Metric   string   `json:"metric"`
	Margin   float64  `json:"margin"`
	Verdict  string   `json:"verdict"`
	Estimate *float64 `json:"estimate,omitempty"`
	Low      *float64 `json:"low,omitempty"`
	High     *float64 `json:"high,omitempty"`
	Have     int64    `json:"have"`
}

// Judgement asks for the page of a decided judgement.
type Judgement struct {
	Key   string `json:"key"`
	Store string `json:"store"`
	// Namespace and Deployment name the TryOnDeployment.
	Namespace  string `json:"namespace"`
	Deployment string `json:"deployment"`
	// Outcome is Promoted, Fixed, Rejected, RolledBack or Aborted, at Decided; Reason says why.
	Outcome string    `json:"outcome"`
	Reason  string    `json:"reason"`
	Decided time.Time `json:"decided"`
	// Verdict of the gates together (Promote, Reject, KeepCollecting), and Rule, the sentence of the gate that decided or is waited for.
	Verdict string       `json:"verdict"`
	Rule    string       `json:"rule"`
	Alpha   float64      `json:"alpha"`
	Gates   []JudgedGate `json:"gates"`

	Stable    JudgedVersion `json:"stable"`
	Candidate JudgedVersion `json:"candidate"`
	// Evidence is the frozen evidence of the epoch: a copy, because the next judgement takes the place of this one's.
	Evidence json.RawMessage `json:"evidence"`
	Scratch  string          `json:"scratch"`
	// Capture is where captured requests lie, of which those of this epoch are shown; nil when none are kept.
	Capture *Capture `json:"capture,omitempty"`
}

// Capture is the place of a deployment's captured requests, as the pod sees it, and how long they are kept there.
type Capture struct {
	// URI is file:///dir (a mounted claim) or s3://bucket/prefix?endpoint=….
	URI string `json:"uri"`
	// Shown is how a user names the place, for what is said to people.
	Shown string `json:"shown"`
	// AgeSeconds is how long after the answer a request is kept.
	AgeSeconds int64 `json:"ageSeconds"`
}

// Age is how long after the answer a request is kept.
func (c Capture) Age() time.Duration { return time.Duration(c.AgeSeconds) * time.Second }

// Erase asks for all captured requests of a deployment to be removed.
type Erase struct {
	Key     string  `json:"key"`
	Capture Capture `json:"capture"`
}

// JudgementFolder is where the page of a judgement lies in the artefact store, as report.json and report.html.
func JudgementFolder(key string) string {
	return "judgements/" + strings.TrimPrefix(key, "sha256:") + "/"
}

// Pull asks for a tree in a local folder.
type Pull struct {
	Store  string `json:"store"`
	Digest string `json:"digest"`
	Dir    string `json:"dir"`
}

// Encode gives a task's JSON.
func Encode(t any) (string, error) {
	body, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encoding task: %w", err)
	}
	return string(body), nil
}

// MaxBytes bounds a task document; an environment variable cannot hold more than 128 KiB anyway.
const MaxBytes = 1 << 20

// Decode reads a task strictly (see package strict).
func Decode(body []byte, into any) error {
	if err := strict.Decode(body, MaxBytes, into); err != nil {
		return fmt.Errorf("reading task: %w", err)
	}
	return nil
}
