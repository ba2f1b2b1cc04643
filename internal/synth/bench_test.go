package synth

import (
	"bytes"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkRow draws and writes one training row of 256x192, and encodes the same five pictures once more, which nothing that makes a dataset
// can do without. It reports the median ratio of both times beside that of the whole row.
func BenchmarkRow(b *testing.B) {
	o := Options{Dir: b.TempDir(), Seed: 1, Height: 256, Width: 192}
	if err := makeFolders(o.Dir); err != nil {
		b.Fatal(err)
	}
	a := newArtist(&o, o.Dir)
	b.ReportAllocs()
	var ratios []float64
	for b.Loop() {
		index := len(ratios) % 64
		began := time.Now()
		if err := a.render(job{split: splitTrain, index: index, other: -1}); err != nil {
			b.Fatal(err)
		}
		row := time.Since(began)
		b.StopTimer()
		ratios = append(ratios, row.Seconds()/encoding(b, a, stem(splitTrain, index)).Seconds())
		b.StartTimer()
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "row/encoding")
}

// encoding is how long it takes to encode the pictures of a row that lie in the dataset.
func encoding(b *testing.B, a *artist, name string) time.Duration {
	var pictures []image.Image
	for _, folder := range rowFolders {
		if strings.Contains(folder, "json") {
			continue
		}
		img, err := readPicture(filepath.Join(a.root, splitTrain, folder, name+".png"))
		if err != nil {
			b.Fatal(err)
		}
		pictures = append(pictures, img)
	}
	var out bytes.Buffer
	began := time.Now()
	for _, img := range pictures {
		out.Reset()
		if err := a.encoder.Encode(&out, img); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
