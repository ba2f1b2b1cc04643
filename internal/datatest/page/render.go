package page

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
)

// Rendered is a report in its three forms.
type Rendered struct{ JSON, HTML, JUnit []byte }

// Render writes a report out; source and manifest are what was tested.
func Render(ctx context.Context, f *datatest.Full, source dataset.Source, m *dataset.Manifest) (*Rendered, error) {
	var out Rendered
	var err error
	if out.JSON, err = json.MarshalIndent(f, "", " "); err != nil {
		return nil, fmt.Errorf("encoding report: %w", err)
	}
	if out.JUnit, err = junit(f); err != nil {
		return nil, err
	}
	if out.HTML, err = page(ctx, f, source, m); err != nil {
		return nil, err
	}
	return &out, nil
}

// Store puts the report into the artefact store, the JSON last, and returns its name there. Key is the run's "sha256:<hex>".
func (r *Rendered) Store(ctx context.Context, store dataset.Documents, digest, key string) (string, error) {
	folder := fmt.Sprintf("datasets/%s/tests/%s/", strings.TrimPrefix(digest, "sha256:"), strings.TrimPrefix(key, "sha256:"))
	for _, d := range []struct {
		name string
		body []byte
	}{{"report.html", r.HTML}, {"junit.xml", r.JUnit}, {"report.json", r.JSON}} {
		if err := store.PutDocument(ctx, folder+d.name, d.body); err != nil {
			return "", fmt.Errorf("storing report: %w", err)
		}
	}
	return folder + "report.json", nil
}
