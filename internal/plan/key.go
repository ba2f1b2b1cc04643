package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Parent is a finished stage that another one starts from or freezes.
type Parent struct {
	Stage   string          `json:"stage"`
	Weights v1alpha1.Digest `json:"weights"`
}

// PinKey identifies a pinning by what it reads. The worker's image is no part of it: every release computes the same digest of the
// same content, and an upgrade must not make a Ready model look at its dataset again. A release that reads datasets differently
// raises the schema. The round is any text that asks for another look at the same source, such as the value of the retry annotation.
func PinKey(dataset v1alpha1.DatasetSpec, round string) v1alpha1.Digest {
	return digestOf(struct {
		Schema string                 `json:"schema"`
		URI    string                 `json:"uri"`
		Layout v1alpha1.DatasetLayout `json:"layout"`
		Digest v1alpha1.Digest        `json:"digest"`
		Round  string                 `json:"round,omitempty"`
		// A Job that waits for a Secret of the wrong name must not stand for one with the right name.
		Secret string `json:"secret,omitempty"`
	}{"tryon.pin-key/v2", dataset.Source.URI, dataset.Layout, dataset.Digest, round, dataset.Source.SecretRef.Name})
}

// DataTestKey identifies the data unit tests of one content. The round asks for the same tests once more, as that of PinKey does.
func DataTestKey(digest v1alpha1.Digest, checks []v1alpha1.CheckOverride, workerImage, round string) v1alpha1.Digest {
	return digestOf(struct {
		Schema string                   `json:"schema"`
		Digest v1alpha1.Digest          `json:"digest"`
		Checks []v1alpha1.CheckOverride `json:"checks"`
		Worker string                   `json:"worker"`
		Round  string                   `json:"round,omitempty"`
	}{"tryon.data-test-key/v1", digest, sortedChecks(checks), workerImage, round})
}

// StageKey identifies the output of a stage: its image, command and params, the dataset and the weights it starts from. Resources
// are left out, because more memory gives the same weights.
func StageKey(stage v1alpha1.MethodStage, dataset v1alpha1.Digest, initial, frozen []Parent) v1alpha1.Digest {
	stage.Resources = nil
	return digestOf(struct {
		Schema  string               `json:"schema"`
		Stage   v1alpha1.MethodStage `json:"stage"`
		Dataset v1alpha1.Digest      `json:"dataset"`
		Init    []Parent             `json:"init"`
		Freeze  []Parent             `json:"freeze"`
	}{"tryon.stage-key/v1", stage, dataset, initial, frozen})
}

// EvaluationKey identifies an evaluation. Gates are no part of it: they judge the scores and do not change them.
func EvaluationKey(weights, dataset v1alpha1.Digest, maxCases int32, workerImage, runtimeImage string) v1alpha1.Digest {
	return digestOf(struct {
		Schema   string          `json:"schema"`
		Weights  v1alpha1.Digest `json:"weights"`
		Dataset  v1alpha1.Digest `json:"dataset"`
		MaxCases int32           `json:"maxCases"`
		Worker   string          `json:"worker"`
		Runtime  string          `json:"runtime"`
	}{"tryon.evaluation-key/v1", weights, dataset, maxCases, workerImage, runtimeImage})
}

// PublishInput is everything that the servable tree of a version depends on.
type PublishInput struct {
	Weights    v1alpha1.Digest   `json:"weights"`
	Golden     v1alpha1.Digest   `json:"golden"`
	Evaluation v1alpha1.Digest   `json:"evaluation"`
	Method     string            `json:"method"`
	Licenses   []string          `json:"licenses"`
	Stages     []v1alpha1.Digest `json:"stages"`
	Worker     string            `json:"worker"`
}

// PublishKey identifies the servable tree of a version.
func PublishKey(in PublishInput) v1alpha1.Digest {
	return digestOf(struct {
		Schema string       `json:"schema"`
		Input  PublishInput `json:"input"`
	}{"tryon.publish-key/v1", in})
}

// suite tells apart the records that one content of a dataset has: the same bytes under other checks, from another place or under
// another license are another record.
func suite(dataset v1alpha1.DatasetSpec, checks []v1alpha1.CheckOverride) string {
	return string(digestOf(struct {
		Source  v1alpha1.BlobSource      `json:"source"`
		Layout  v1alpha1.DatasetLayout   `json:"layout"`
		License string                   `json:"license"`
		Checks  []v1alpha1.CheckOverride `json:"checks"`
	}{dataset.Source, dataset.Layout, dataset.License, sortedChecks(checks)}))
}

// sortedChecks makes the order in which a user lists the checks meaningless.
func sortedChecks(checks []v1alpha1.CheckOverride) []v1alpha1.CheckOverride {
	sorted := slices.Clone(checks)
	slices.SortFunc(sorted, func(a, b v1alpha1.CheckOverride) int { return strings.Compare(a.Name, b.Name) })
	if sorted == nil {
		sorted = []v1alpha1.CheckOverride{}
	}
	return sorted
}

// digestOf hashes the canonical JSON of an input. The inputs of this package are structs of strings, integers and lists and maps of
// them, which encoding/json always can encode, with map keys sorted and fields in the order of the type.
func digestOf(input any) v1alpha1.Digest {
	body, _ := json.Marshal(input)
	sum := sha256.Sum256(body)
	return v1alpha1.Digest("sha256:" + hex.EncodeToString(sum[:]))
}
