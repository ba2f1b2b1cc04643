package likeness

import (
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// Two pictures are near duplicates when their colours differ by few levels, or their hashes by few bits and their colours by
// somewhat more levels, as after a change of exposure.
const (
	mostLevels  = 1.5
	mostBits    = 6
	looseLevels = 3.0
)

// Imprint is a picture's fingerprint with its path.
type Imprint struct {
	Path string
	imaging.Fingerprint
}

// bands cuts a hash into mostBits+1 parts: two hashes that differ in at most mostBits bits agree in one of them, so looking
// only at pictures that share a part misses none.
const bands = mostBits + 1

func band(hash uint64, i int) uint16 {
	low, end := i*64/bands, (i+1)*64/bands
	return uint16(hash >> low & (1<<(end-low) - 1))
}

// Finder answers which pictures seen so far look like another. It misses none: a picture within mostLevels lies in the same or a
// neighbouring cell of a grid over two quarters' levels, one within mostBits shares a band of the hash.
type Finder struct {
	prints  []Imprint
	cells   map[[2]int][]int32
	buckets [bands]map[uint16][]int32
}

// New makes a finder that has seen nothing.
func New() *Finder {
	f := &Finder{cells: map[[2]int][]int32{}}
	for i := range f.buckets {
		f.buckets[i] = map[uint16][]int32{}
	}
	return f
}

// cellOf uses the quarters across, which hold different things: background and hair, trousers and background.
func cellOf(p *Imprint) [2]int {
	q := p.Quarters()
	return [2]int{int(q[1] / mostLevels), int(q[2] / mostLevels)}
}

// Add shows the finder one more picture.
func (f *Finder) Add(p Imprint) {
	at := int32(len(f.prints))
	cell := cellOf(&p)
	f.cells[cell] = append(f.cells[cell], at)
	for i := range f.buckets {
		b := band(p.Hash, i)
		f.buckets[i][b] = append(f.buckets[i][b], at)
	}
	f.prints = append(f.prints, p)
}

// Like gives the first picture added that looks like p.
func (f *Finder) Like(p *Imprint) (string, bool) {
	best := int32(len(f.prints))
	search := func(candidates []int32, bits int, levels float64) {
		for _, at := range candidates {
			if at >= best {
				return
			}
			q := &f.prints[at]
			if imaging.HashDistance(p.Hash, q.Hash) <= bits && p.ColourDistance(&q.Fingerprint) <= levels {
				best = at
				return
			}
		}
	}
	centre := cellOf(p)
	for i := range 9 {
		search(f.cells[[2]int{centre[0] + i/3 - 1, centre[1] + i%3 - 1}], 64, mostLevels)
	}
	for i := range f.buckets {
		search(f.buckets[i][band(p.Hash, i)], mostBits, looseLevels)
	}
	if int(best) == len(f.prints) {
		return "", false
	}
	return f.prints[best].Path, true
}
