package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/strict"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	documentSchema   = "tryon.stage/v1"
	checkpointSchema = "tryon.checkpoint/v1"
)

// maxRecordBytes bounds stage and checkpoint documents.
const maxRecordBytes = 256 << 10

// errBadDocument says that a document of the store is not what its name promises.
var errBadDocument = errors.New("bad document")

// Document is stages/<key>/stage.json: the result of a stage. While it is there the stage is done.
type Document struct {
	Schema  string              `json:"schema"`
	Key     string              `json:"key"`
	Stage   string              `json:"stage"`
	Dataset string              `json:"dataset"`
	Init    []task.Parent       `json:"init,omitempty"`
	Freeze  []task.Parent       `json:"freeze,omitempty"`
	Params  map[string]string   `json:"params,omitempty"`
	Summary report.StageSummary `json:"summary"`
}

// checkpoint is <step>.json in the private store stages/<key>/checkpoints: a complete checkpoint of an unfinished stage.
type checkpoint struct {
	Schema string `json:"schema"`
	Key    string `json:"key"`
	Step   int64  `json:"step"`
	// Tree is the digest of the checkpoint's folder.
	Tree  string `json:"tree"`
	Bytes int64  `json:"bytes"`
	// Seconds of wall time that all attempts had spent when it was kept.
	Seconds int64 `json:"seconds"`
}

func stageDocumentName(hexKey string) string { return "stages/" + hexKey + "/stage.json" }

func checkpointFolder(hexKey string) string { return "stages/" + hexKey + "/checkpoints" }

func checkpointName(step int64) string { return fmt.Sprintf("%012d.json", step) }

var checkpointPath = regexp.MustCompile(`^stages/[0-9a-f]{64}/checkpoints/[0-9]{12}\.json$`)

// IsCheckpoint tells whether a document of the store is a checkpoint of an unfinished stage.
func IsCheckpoint(name string) bool { return checkpointPath.MatchString(name) }

func readDocument(ctx context.Context, store *artefact.Store, key, hexKey string) (*Document, *report.Reference, error) {
	name := stageDocumentName(hexKey)
	doc := &Document{}
	body, err := readRecord(ctx, store, name, doc)
	if err != nil {
		return nil, nil, err
	}
	if doc.Schema != documentSchema || doc.Key != key || !report.ValidDigest(doc.Summary.Weights) {
		return nil, nil, fmt.Errorf("%w: %s is not the stage of that key", errBadDocument, name)
	}
	return doc, &report.Reference{URI: name, Digest: artefact.DigestOf(body)}, nil
}

func writeDocument(ctx context.Context, store *artefact.Store, hexKey string, doc *Document) (*report.Reference, error) {
	name := stageDocumentName(hexKey)
	body, err := writeRecord(ctx, store, name, doc)
	if err != nil {
		return nil, err
	}
	return &report.Reference{URI: name, Digest: artefact.DigestOf(body)}, nil
}

func readRecord(ctx context.Context, store *artefact.Store, name string, into any) ([]byte, error) {
	body, err := store.ReadDocument(ctx, name, maxRecordBytes)
	if err != nil {
		return nil, fmt.Errorf("reading record: %w", err)
	}
	if err := strict.Decode(body, maxRecordBytes, into); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errBadDocument, name, err)
	}
	return body, nil
}

func writeRecord(ctx context.Context, store *artefact.Store, name string, record any) ([]byte, error) {
	body, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", name, err)
	}
	body = append(body, '\n')
	if err := store.PutDocument(ctx, name, body); err != nil {
		return nil, fmt.Errorf("writing record: %w", err)
	}
	return body, nil
}
