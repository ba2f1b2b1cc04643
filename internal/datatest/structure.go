package datatest

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/braincreators/tryon-operator/internal/dataset"
)

func stemOf(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

// needed visits every artefact that the pair lists ask for, once. Training wants every role of both its person and its
// garment; so does testing, where the two differ.
func (r *run) needed(visit func(split string, role dataset.Role, name string)) {
	for _, split := range dataset.Splits {
		seen := map[string]bool{}
		for _, pair := range r.manifest.Pairs[split] {
			for _, role := range dataset.Roles {
				name := pair[0]
				if role.OfGarment() {
					name = pair[1]
				}
				if key := string(role) + "/" + name; !seen[key] {
					seen[key] = true
					visit(split, role, name)
				}
			}
		}
	}
}

func checkCompleteness(r *run, t *tally) {
	r.needed(func(split string, role dataset.Role, name string) {
		t.examine(1)
		if _, ok := r.index.Find(split, role, name); !ok {
			t.blame(dataset.Expected(split, role, name), "missing; %s names %q", dataset.PairList(split), name)
		}
	})
	for _, split := range dataset.Splits {
		if len(r.manifest.Pairs[split]) == 0 && (split == "train" || len(r.index.Files(split, dataset.RolePerson)) > 0) {
			t.examine(1)
			t.blame(dataset.PairList(split), "missing or without a row, so the %s split is empty", split)
		}
	}
}

// missing counts, per folder, the files that manifest-completeness misses; the other structure checks leave those to it.
func (r *run) missing(split string, role dataset.Role) int {
	return r.lost[split+"/"+string(role)]
}

func checkCardinality(r *run, t *tally) {
	for _, split := range dataset.Splits {
		counts := map[int]int{}
		for _, role := range dataset.Roles {
			counts[r.expectedCount(split, role)]++
		}
		usual := 0
		for n, folders := range counts {
			if folders > counts[usual] || (folders == counts[usual] && n < usual) || counts[usual] == 0 {
				usual = n
			}
		}
		for _, role := range dataset.Roles {
			t.examine(1)
			if n := r.expectedCount(split, role); n != usual {
				t.blame(split+"/"+string(role), "%d files where the other folders hold %d%s", n, usual, r.stray(split, role))
			}
		}
	}
}

func (r *run) expectedCount(split string, role dataset.Role) int {
	return len(r.index.Files(split, role)) + r.missing(split, role)
}

// stray names a file of the folder that belongs to no person or garment.
func (r *run) stray(split string, role dataset.Role) string {
	partner := dataset.RolePerson
	if role == dataset.RolePerson {
		partner = dataset.RoleParse
	}
	known := map[string]bool{}
	for _, f := range r.index.Files(split, partner) {
		known[partner.Stem(f.Path)] = true
	}
	for _, f := range r.index.Files(split, role) {
		if !known[role.Stem(f.Path)] {
			return fmt.Sprintf("; %s has no counterpart", path.Base(f.Path))
		}
	}
	return ""
}

// checkJoin compares only folders of equal size: where counts differ, equal-cardinality or manifest-completeness speaks.
func checkJoin(r *run, t *tally) {
	for _, split := range dataset.Splits {
		persons := r.index.Files(split, dataset.RolePerson)
		for _, role := range dataset.Roles[1:] {
			files := r.index.Files(split, role)
			if len(files) != len(persons) || r.missing(split, role)+r.missing(split, dataset.RolePerson) > 0 {
				continue
			}
			t.examine(len(files))
			for i, f := range files {
				if want, got := dataset.RolePerson.Stem(persons[i].Path), role.Stem(f.Path); want != got {
					t.blame(f.Path, "position %d in its folder, where %s stands in %s/image", i+1, want, split)
				}
			}
		}
	}
}

func checkPairSyntax(r *run, t *tally) {
	for _, split := range dataset.Splits {
		name := dataset.PairList(split)
		file, ok := r.manifest.File(name)
		if !ok {
			continue
		}
		body, err := dataset.ReadVerified(r.ctx, r.source, file, dataset.MaxListBytes)
		if err != nil {
			if context.Cause(r.ctx) == nil {
				t.blame(name, "%v", err)
			}
			continue
		}
		pairs, problems := dataset.ParsePairs(body)
		t.examine(max(1, bytes.Count(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))+1))
		for _, p := range problems {
			t.blame(fmt.Sprintf("%s:%d", name, p.Line), "%s", p.What)
		}
		for i, pair := range pairs {
			r.checkExtensions(split, pair, fmt.Sprintf("%s row %d", name, i+1), t)
		}
	}
}

// checkExtensions finds list entries whose file exists under another extension.
func (r *run) checkExtensions(split string, pair dataset.Pair, at string, t *tally) {
	for i, role := range []dataset.Role{dataset.RolePerson, dataset.RoleGarment} {
		if _, ok := r.index.Find(split, role, pair[i]); ok {
			continue
		}
		if f, ok := r.index.ByStem(split, role, stemOf(pair[i])); ok {
			t.blame(at, "names %s, the file is %s", pair[i], f.Path)
		}
	}
}

func checkPairingRule(r *run, t *tally) {
	for i, pair := range r.manifest.Pairs["train"] {
		t.examine(1)
		if stemOf(pair[0]) != stemOf(pair[1]) {
			t.offend(Offender{
				Path: "train/image/" + pair[0], See: "train/cloth/" + pair[1],
				Detail: fmt.Sprintf("row %d of train_pairs.txt pairs it with %s", i+1, pair[1]),
			})
		}
	}
}

func checkUnpaired(r *run, t *tally) {
	for i, pair := range r.manifest.Pairs["test"] {
		t.examine(1)
		if stemOf(pair[0]) == stemOf(pair[1]) {
			t.blame("test/image/"+pair[0], "row %d of test_pairs.txt pairs it with its own garment", i+1)
		}
	}
}
