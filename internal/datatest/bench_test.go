package datatest_test

import (
	"path/filepath"
	"testing"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/synth"
)

// BenchmarkSuite runs every check over 32 rows of 256x192.
func BenchmarkSuite(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	err := synth.Generate(b.Context(), synth.Options{Dir: dir, Seed: 7, Train: 28, Test: 4, Height: 256, Width: 192})
	if err != nil {
		b.Fatal(err)
	}
	store, err := artefact.Create(b.Context(), "file://"+filepath.Join(b.TempDir(), "store"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	pinned, err := dataset.Pin(b.Context(), store, dataset.PinOptions{URI: "file://" + dir, Layout: dataset.LayoutVITONHD})
	if err != nil {
		b.Fatal(err)
	}
	source, err := dataset.OpenSource(b.Context(), "file://"+dir)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := datatest.Run(b.Context(), datatest.Options{Source: source, Manifest: pinned.Manifest, Digest: pinned.Digest}); err != nil {
			b.Fatal(err)
		}
	}
}
