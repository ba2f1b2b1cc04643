package datatest

import (
	"fmt"
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

func checkLeak(r *run, t *tally) { across(r, t, dataset.RolePerson, "is in the training split as %s") }

func checkGarmentOverlap(r *run, t *tally) {
	across(r, t, dataset.RoleGarment, "is in the training split as %s")
}

// across looks every test picture up among the training pictures.
func across(r *run, t *tally, role dataset.Role, words string) {
	known := likeness.New()
	for _, p := range r.gallery("train", role).sorted() {
		known.Add(p)
	}
	prints := r.gallery("test", role).sorted()
	t.examine(len(prints))
	for i := range prints {
		if other, leaked := known.Like(&prints[i]); leaked {
			t.offend(Offender{Path: prints[i].Path, See: other, Detail: fmt.Sprintf(words, other)})
		}
	}
}
