package datatest

import (
	"slices"
	"strings"
	"sync"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest/likeness"
	"github.com/braincreators/tryon-operator/internal/imaging"
)

// gallery collects the fingerprints of one split and role.
type gallery struct {
	mu     sync.Mutex
	prints []likeness.Imprint
}

func (r *run) collect(s *sample) {
	for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
		if a := s.good(role); a != nil {
			p := likeness.Imprint{Path: a.file.Path, Fingerprint: imaging.MakeFingerprint(a.rgb)}
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

// sorted gives the prints by path, so that results do not depend on the order of decoding.
func (g *gallery) sorted() []likeness.Imprint {
	slices.SortFunc(g.prints, func(a, b likeness.Imprint) int { return strings.Compare(a.Path, b.Path) })
	return g.prints
}

func checkDuplicates(r *run, t *tally) {
	for _, split := range dataset.Splits {
		for _, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
			prints := r.gallery(split, role).sorted()
			t.examine(len(prints))
			seen := likeness.New()
			for i := range prints {
				if other, again := seen.Like(&prints[i]); again {
					t.offend(Offender{Path: prints[i].Path, See: other, Detail: "looks like " + other})
				}
				seen.Add(prints[i])
			}
		}
	}
}

func checkLeak(r *run, t *tally) {
	across(r, t, dataset.RolePerson, func(string) (string, bool) { return "", false })
}

// checkGarmentOverlap also takes garments of one name for one product: another photo of it is no new garment. Persons of one name may
// as well be rows that each split counts from the beginning, so nothing is blocked for it.
func checkGarmentOverlap(r *run, t *tally) {
	across(r, t, dataset.RoleGarment, func(name string) (string, bool) {
		file, ok := r.index.ByStem("train", dataset.RoleGarment, dataset.RoleGarment.Stem(name))
		return file.Path, ok
	})
}

// across looks every test picture up among the training pictures, by what it shows and then by its name.
func across(r *run, t *tally, role dataset.Role, named func(name string) (string, bool)) {
	known := likeness.New()
	for _, p := range r.gallery("train", role).sorted() {
		known.Add(p)
	}
	prints := r.gallery("test", role).sorted()
	t.examine(len(prints))
	for i := range prints {
		path := prints[i].Path
		if other, leaked := known.Like(&prints[i]); leaked {
			t.offend(Offender{Path: path, See: other, Detail: "is in the training split as " + other})
		} else if other, leaked := named(path); leaked {
			t.offend(Offender{Path: path, See: other, Detail: "has the name of " + other + " in the training split"})
		}
	}
}
