package datatest

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// Two pictures are near duplicates when their colours differ by few levels, or their hashes by few bits and their colours by
// somewhat more levels, as after a change of exposure.
const (
	mostLevels  = 1.5
	mostBits    = 6
	looseLevels = 3.0
)

// imprint is a picture's fingerprint with its path.
type imprint struct {
	path string
	imaging.Fingerprint
}

// gallery collects the fingerprints of one split and role.
type gallery struct {
	mu     sync.Mutex
	prints []imprint
}

func (r *run) collect(s *sample) {
	for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
		if a := s.good(role); a != nil {
			p := imprint{a.file.Path, imaging.MakeFingerprint(a.rgb)}
			g := r.gallery(s.split, role)
			g.mu.Lock()
			g.prints = append(g.prints, p)
			g.mu.Unlock()
		}
	}
}

func (r *run) gallery(split string, role dataset.Role) *gallery {
	return r.galleries[split+"/"+string(role)]
}

func makeGalleries() map[string]*gallery {
	out := map[string]*gallery{}
	for _, split := range dataset.Splits {
		for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
			out[split+"/"+string(role)] = &gallery{}
		}
	}
	return out
}

// bands cuts a hash into mostBits+1 parts: two hashes that differ in at most mostBits bits agree in one of them, so looking
// only at pictures that share a part misses none.
const bands = mostBits + 1

func band(hash uint64, i int) uint16 {
	low, end := i*64/bands, (i+1)*64/bands
	return uint16(hash >> low & (1<<(end-low) - 1))
}

// finder answers which pictures seen so far look like another. It misses none: a picture within mostLevels lies in the same or a
// neighbouring cell of a grid over two quarters' levels, one within mostBits shares a band of the hash.
type finder struct {
	prints  []imprint
	cells   map[[2]int][]int32
	buckets [bands]map[uint16][]int32
}

func newFinder() *finder {
	f := &finder{cells: map[[2]int][]int32{}}
	for i := range f.buckets {
		f.buckets[i] = map[uint16][]int32{}
	}
	return f
}

// cellOf uses the quarters across, which hold different things: background and hair, trousers and background.
func cellOf(p *imprint) [2]int {
	q := p.Quarters()
	return [2]int{int(q[1] / mostLevels), int(q[2] / mostLevels)}
}

func (f *finder) add(p imprint) {
	at := int32(len(f.prints))
	cell := cellOf(&p)
	f.cells[cell] = append(f.cells[cell], at)
	for i := range f.buckets {
		b := band(p.Hash, i)
		f.buckets[i][b] = append(f.buckets[i][b], at)
	}
	f.prints = append(f.prints, p)
}

// like gives the first picture added that looks like p.
func (f *finder) like(p *imprint) (string, bool) {
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
	return f.prints[best].path, true
}

// sorted gives the prints by path, so that results do not depend on the order of decoding.
func (g *gallery) sorted() []imprint {
	slices.SortFunc(g.prints, func(a, b imprint) int { return strings.Compare(a.path, b.path) })
	return g.prints
}

func checkDuplicates(r *run, t *tally) {
	for _, split := range dataset.Splits {
		for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
			prints := r.gallery(split, role).sorted()
			t.examine(len(prints))
			seen := newFinder()
			for i := range prints {
				if other, again := seen.like(&prints[i]); again {
					t.offend(Offender{Path: prints[i].path, See: other, Detail: "looks like " + other})
				}
				seen.add(prints[i])
			}
		}
	}
}

func checkLeak(r *run, t *tally) { across(r, t, dataset.RolePerson, "is in the training split as %s") }

func checkGarmentOverlap(r *run, t *tally) {
	across(r, t, dataset.RoleGarment, "is in the training split as %s")
}

// across looks every test picture up among the training pictures.
func across(r *run, t *tally, role dataset.Role, words string) {
	known := newFinder()
	for _, p := range r.gallery("train", role).sorted() {
		known.add(p)
	}
	prints := r.gallery("test", role).sorted()
	t.examine(len(prints))
	for i := range prints {
		if other, leaked := known.like(&prints[i]); leaked {
			t.offend(Offender{Path: prints[i].path, See: other, Detail: fmt.Sprintf(words, other)})
		}
	}
}
