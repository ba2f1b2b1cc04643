package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
)

func TestGraphsThatBreakTheRulesAreRefusedBeforeTheyRun(t *testing.T) {
	tests := map[string]struct {
		graph runtimetest.Graph
		want  string
	}{
		"external data":         {runtimetest.Graph{External: true}, "another file"},
		"a foreign domain":      {runtimetest.Graph{Domain: "evil.example"}, "operator domain"},
		"another input name":    {runtimetest.Graph{RenamedInput: "human"}, `input "person" is missing`},
		"another output name":   {runtimetest.Graph{RenamedOutput: "picture"}, `output "image" is missing`},
		"another input type":    {runtimetest.Graph{FloatInput: true}, "want UINT8"},
		"a fixed batch":         {runtimetest.Graph{FixedBatch: true}, "shape [1 16 8 3]"},
		"endlessly deep graphs": {runtimetest.Graph{Nested: 50}, "nested"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tt.graph.Height, tt.graph.Width = 16, 8
			tt.graph.WriteWeights(t, dir)
			_, err := runtime.ReadWeights(dir, 1<<20)
			if !errors.Is(err, runtime.ErrBadGraph) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that says %q", err, tt.want)
			}
		})
	}
}

func TestEveryCutOfAGraphIsRefusedWithoutAPanic(t *testing.T) {
	whole := runtimetest.Graph{Height: 16, Width: 8}.Bytes()
	if _, err := runtime.Inspect(whole); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		graph, err := runtime.Inspect(whole[:n])
		if err == nil && len(graph.Outputs) == 3 && n < len(whole)-8 {
			t.Errorf("the first %d of %d bytes pass", n, len(whole))
		}
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(runtimetest.Graph{Height: 16, Width: 8}.Bytes())
	f.Add(runtimetest.Graph{Height: 16, Width: 8, External: true, Nested: 3}.Bytes())
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := runtime.Inspect(body); err != nil && !errors.Is(err, runtime.ErrBadGraph) {
			t.Errorf("untyped error %v", err)
		}
	})
}

func TestFilesThatAreTooLargeOrElsewhereAreRefused(t *testing.T) {
	dir := t.TempDir()
	runtimetest.Graph{Height: 16, Width: 8}.WriteWeights(t, dir)
	if _, err := runtime.ReadWeights(dir, 100); !errors.Is(err, runtime.ErrTooLarge) {
		t.Errorf("a model over the limit: %v, want %v", err, runtime.ErrTooLarge)
	}
	model := filepath.Join(dir, "model.onnx")
	if err := os.Rename(model, filepath.Join(t.TempDir(), "model.onnx")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", model); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.ReadWeights(dir, 1<<20); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("a link that leads outside: %v, want a refusal", err)
	}
}

func TestAResolutionThatIsNotTheGraphsIsRefused(t *testing.T) {
	dir := t.TempDir()
	runtimetest.Graph{Height: 16, Width: 8}.WriteWeights(t, dir)
	other := `{"schema":"tryon.signature/v1","name":"tryon/v1","height":8,"width":16}`
	if err := os.WriteFile(filepath.Join(dir, "signature.json"), []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.ReadWeights(dir, 1<<20); !errors.Is(err, runtime.ErrBadGraph) {
		t.Errorf("error %v, want %v", err, runtime.ErrBadGraph)
	}
}
