package publish

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of a version that was not published.
const (
	// ReasonBadTask: the task itself makes no sense.
	ReasonBadTask = "BadTask"
	// ReasonStoreUnavailable: the artefact store or the scratch folder could not be read or written.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonBadWeights: the serving stage's output is not a graph that may be served.
	ReasonBadWeights = "BadWeights"
	// ReasonBadGolden: the evaluation's golden requests are incomplete or of another size.
	ReasonBadGolden = "BadGolden"
)

const (
	cardSchema    = "tryon.card/v1"
	versionSchema = "tryon.version/v1"
	modelName     = "model.onnx"
	signatureName = "signature.json"
	goldenName    = "golden"
	cardName      = "card.json"
)

// maxModelBytes bounds the graph; ONNX cannot hold 2 GiB in one file anyway.
const maxModelBytes = 1 << 30

var (
	errBadWeights = errors.New("weights cannot be served")
	errBadTask    = errors.New("bad task")
)

// Card is card.json: what a version's weights descend from and how good they were found.
type Card struct {
	Schema    string        `json:"schema"`
	Key       string        `json:"key"`
	Signature oip.Signature `json:"signature"`
	Lineage   task.Lineage  `json:"lineage"`
	// Evaluator identifies what the scores were measured with; only equal evaluators compare.
	Evaluator string             `json:"evaluator"`
	Scores    map[string]float64 `json:"scores"`
	// Source is the serving stage's output tree and Golden the evaluation's; both stay in the store.
	Source string `json:"source"`
	Golden string `json:"golden"`
}

// Version is versions/<weights hex>/version.json: the document that makes a composed tree a published version.
type Version struct {
	Schema  string                `json:"schema"`
	Summary report.PublishSummary `json:"summary"`
	Card    Card                  `json:"card"`
}

// Run publishes a version and says what came of it.
func Run(ctx context.Context, t task.Publish) report.Envelope {
	version, ref, err := run(ctx, t)
	if err == nil {
		var e report.Envelope
		if e, err = report.New(report.KindPublish, t.Key, report.Passed, version.Summary); err == nil {
			e.Report = ref
			return e
		}
	}
	verdict, reason := judge(err)
	e, _ := report.New(report.KindPublish, t.Key, verdict, nil)
	e.Reason, e.Message = reason, err.Error()
	return e
}

func judge(err error) (report.Verdict, string) {
	switch {
	case errors.Is(err, errBadTask):
		return report.Errored, ReasonBadTask
	case errors.Is(err, errBadWeights):
		return report.Failed, ReasonBadWeights
	case errors.Is(err, golden.ErrBadSet):
		return report.Failed, ReasonBadGolden
	}
	return report.Errored, ReasonStoreUnavailable
}

func run(ctx context.Context, t task.Publish) (*Version, *report.Reference, error) {
	if err := check(t); err != nil {
		return nil, nil, err
	}
	store, err := artefact.Open(ctx, t.Store)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = store.Close() }()
	if err := os.MkdirAll(t.Scratch, 0o755); err != nil {
		return nil, nil, fmt.Errorf("creating scratch folder: %w", err)
	}
	dir, err := os.MkdirTemp(t.Scratch, "publish-")
	if err != nil {
		return nil, nil, fmt.Errorf("creating scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	card, err := compose(ctx, store, t, dir)
	if err != nil {
		return nil, nil, err
	}
	tree, err := store.PutTree(ctx, filepath.Join(dir, "version"))
	if err != nil {
		return nil, nil, fmt.Errorf("storing version: %w", err)
	}
	return announce(ctx, store, tree, card)
}

func check(t task.Publish) error {
	for name, digest := range map[string]string{"key": t.Key, "weights": t.Weights, "golden": t.Golden} {
		if _, err := artefact.Hex(digest); err != nil {
			return fmt.Errorf("%w: %s: %w", errBadTask, name, err)
		}
	}
	if t.Scratch == "" {
		return fmt.Errorf("%w: no scratch folder", errBadTask)
	}
	if !report.Scores(t.Scores).Finite() {
		return fmt.Errorf("%w: a score is not a finite number", errBadTask)
	}
	return nil
}

// compose lays the version out in dir/version and gives its card.
func compose(ctx context.Context, store *artefact.Store, t task.Publish, dir string) (Card, error) {
	source, version := filepath.Join(dir, "source"), filepath.Join(dir, "version")
	if _, err := store.GetTree(ctx, t.Weights, source, artefact.Limits{}); err != nil {
		return Card{}, fmt.Errorf("fetching weights: %w", err)
	}
	weights, err := readWeights(source)
	if err != nil {
		return Card{}, err
	}
	if err := os.Mkdir(version, 0o755); err != nil {
		return Card{}, fmt.Errorf("creating version folder: %w", err)
	}
	if _, err := store.GetTree(ctx, t.Golden, filepath.Join(version, goldenName), artefact.Limits{}); err != nil {
		return Card{}, fmt.Errorf("fetching golden requests: %w", err)
	}
	if _, err := golden.Check(filepath.Join(version, goldenName), weights.Signature); err != nil {
		return Card{}, err
	}
	// Only what is served goes along: optimizer states and pickles of the stage stay behind.
	for _, name := range []string{modelName, signatureName} {
		if err := os.Rename(filepath.Join(source, name), filepath.Join(version, name)); err != nil {
			return Card{}, fmt.Errorf("composing version: %w", err)
		}
	}
	card := Card{
		Schema: cardSchema, Key: t.Key, Signature: weights.Signature, Lineage: t.Lineage, Evaluator: t.Evaluator, Scores: t.Scores,
		Source: t.Weights, Golden: t.Golden,
	}
	return card, writeJSON(filepath.Join(version, cardName), card)
}

// readWeights checks the graph and its signature as the runtime will.
func readWeights(dir string) (runtime.Weights, error) {
	if err := refusePickle(filepath.Join(dir, modelName)); err != nil {
		return runtime.Weights{}, err
	}
	weights, err := runtime.ReadWeights(dir, maxModelBytes)
	if err != nil {
		return runtime.Weights{}, fmt.Errorf("%w: %w", errBadWeights, err)
	}
	return weights, nil
}

// refusePickle says in plain words what a renamed checkpoint is; the graph's own check would only call it no protocol buffer.
func refusePickle(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errBadWeights, err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 4)
	if _, err := io.ReadFull(f, head); err != nil {
		return fmt.Errorf("%w: %s has less than 4 bytes", errBadWeights, modelName)
	}
	for kind, magic := range map[string][]byte{
		"a pickle":                  {0x80},
		"a zip archive of pickles":  []byte("PK\x03\x04"),
		"an HDF5 file":              []byte("\x89HDF"),
		"a gzip archive":            {0x1f, 0x8b},
		"a NumPy array":             []byte("\x93NUM"),
		"a Git LFS pointer or text": []byte("vers"),
	} {
		if bytes.HasPrefix(head, magic) {
			return fmt.Errorf("%w: %s is %s and no ONNX graph; pickled weights are never served", errBadWeights, modelName, kind)
		}
	}
	return nil
}

func announce(ctx context.Context, store *artefact.Store, tree artefact.Tree, card Card) (*Version, *report.Reference, error) {
	version := &Version{Schema: versionSchema, Card: card, Summary: report.PublishSummary{
		Weights: tree.Digest, Bytes: tree.Bytes, Files: int32(len(tree.Files)),
		Height: int32(card.Signature.Height), Width: int32(card.Signature.Width),
	}}
	body, err := json.MarshalIndent(version, "", "  ")
	if err != nil {
		return nil, nil, fmt.Errorf("encoding version: %w", err)
	}
	digits, err := artefact.Hex(tree.Digest)
	if err != nil {
		return nil, nil, err
	}
	name := "versions/" + digits + "/version.json"
	if err := store.PutDocument(ctx, name, body); err != nil {
		return nil, nil, fmt.Errorf("announcing version: %w", err)
	}
	return version, &report.Reference{URI: name, Digest: artefact.DigestOf(body)}, nil
}

func writeJSON(path string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", filepath.Base(path), err)
	}
	if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	return nil
}
