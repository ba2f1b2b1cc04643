package datatest_test

import (
	"bytes"
	"image"
	_ "image/png" // what the drawings are
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/synth"
)

// BenchmarkSuite runs every check over 32 rows of 256x192, and decodes the same pictures with the standard library alone, on as many processors. It
// reports the median ratio of both times beside that of the suite.
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
	var ratios []float64
	for b.Loop() {
		began := time.Now()
		if _, err := datatest.Run(b.Context(), datatest.Options{Source: source, Manifest: pinned.Manifest, Digest: pinned.Digest}); err != nil {
			b.Fatal(err)
		}
		suite := time.Since(began)
		b.StopTimer()
		ratios = append(ratios, suite.Seconds()/decoding(b, dir).Seconds())
		b.StartTimer()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "suite/decoding")
}

// decoding is how long it takes to read and decode every picture of a dataset.
func decoding(b *testing.B, dir string) time.Duration {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	began := time.Now()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".png" {
			return err
		}
		group.Go(func() error {
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			_, _, err = image.Decode(bytes.NewReader(body))
			return err
		})
		return nil
	})
	if waited := group.Wait(); err != nil || waited != nil {
		b.Fatal(err, waited)
	}
	return time.Since(began)
}
