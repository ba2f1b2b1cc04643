package picture

import (
	"image"
	"os"
	"path/filepath"
	"testing"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/synth"
)

func read(t *testing.T, name string) *image.RGBA {
	t.Helper()
	body, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	img, _, err := imaging.DecodePhoto(body, imaging.PhotoLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestMasksOfSyntheticGarmentsAreDerivedAsTheyAreDrawn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	const rows = 12
	if err := synth.Generate(t.Context(), synth.Options{Dir: dir, Seed: 11, Test: rows, Height: 256, Width: 192}); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "test", "cloth", "*.png"))
	if err != nil || len(names) != rows {
		t.Fatalf("%d garments, %v", len(names), err)
	}
	good, sum := 0, 0.0
	for _, name := range names {
		truth := maskFromPicture(read(t, filepath.Join(dir, "test", "cloth-mask", filepath.Base(name))))
		got, err := DeriveMask(read(t, name))
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		overlap := iou(got, truth)
		sum += overlap
		if overlap >= 0.95 {
			good++
		} else {
			t.Logf("%s: overlap %.3f", filepath.Base(name), overlap)
		}
	}
	t.Logf("mean overlap %.4f", sum/rows)
	// White garments on white paper may lose an edge; nothing else may.
	if good < rows*9/10 || sum/rows < 0.97 {
		t.Errorf("%d of %d masks overlap by 95 %%, mean %.3f", good, rows, sum/rows)
	}
}
