package synth

import "testing"

// BenchmarkRow draws and writes one training row of 256x192, encoding included.
func BenchmarkRow(b *testing.B) {
	o := Options{Dir: b.TempDir(), Seed: 1, Height: 256, Width: 192}
	if err := makeFolders(o.Dir); err != nil {
		b.Fatal(err)
	}
	a := newArtist(&o, o.Dir)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := a.render(job{split: splitTrain, index: i % 64, other: -1}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
