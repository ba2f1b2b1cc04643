package datatest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Options says what to test.
type Options struct {
	Source   dataset.Source
	Manifest *dataset.Manifest
	// Digest is the manifest's.
	Digest string
	// Checks override the standard suite.
	Checks []task.CheckOverride
	// Memory bounds what the decoded pictures of the rows that are looked at together take, in bytes; 0 is no bound. A row that takes more by
	// itself is looked at alone.
	Memory int64
	// Progress, if set, is called after every row, possibly from several goroutines.
	Progress func(done, total int)
}

// Schema names the version of the full report.
const Schema = "tryon.data-tests/v1"

// Full is the full report on a dataset version.
type Full struct {
	Schema  string         `json:"schema"`
	Dataset string         `json:"dataset"`
	Layout  string         `json:"layout"`
	Verdict report.Verdict `json:"verdict"`
	Files   int            `json:"files"`
	Bytes   int64          `json:"bytes"`
	// Pairs counts the rows of the pair lists by split.
	Pairs  map[string]int `json:"pairs"`
	Checks []Result       `json:"checks"`
}

// run is the state of one run over a dataset.
type run struct {
	ctx       context.Context
	source    dataset.Source
	manifest  *dataset.Manifest
	index     *dataset.Index
	lost      map[string]int // missing files by split/role
	galleries map[string]*gallery
	room      *room
}

// Run runs the suite. An error means that nothing was measured: an override that cannot take effect (ErrOverride), or a source
// that cannot be read.
func Run(ctx context.Context, o Options) (*Full, error) {
	units, err := configure(o.Checks)
	if err != nil {
		return nil, err
	}
	r := &run{ctx: ctx, source: o.Source, manifest: o.Manifest, index: dataset.MakeIndex(o.Manifest), lost: map[string]int{}, galleries: makeGalleries(), room: makeRoom(o.Memory)}
	r.needed(func(split string, role dataset.Role, name string) {
		if _, ok := r.index.Find(split, role, name); !ok {
			r.lost[split+"/"+string(role)]++
		}
	})
	tallies := make([]tally, len(units))
	for i, u := range units {
		if u.structure != nil && u.Severity != Off {
			u.structure(r, &tallies[i])
		}
	}
	keys := r.keys()
	if err := r.pass(ctx, keys, units, tallies, o.Progress); err != nil {
		return nil, err
	}
	full := &Full{Schema: Schema, Dataset: o.Digest, Layout: o.Manifest.Layout, Files: len(o.Manifest.Files), Bytes: o.Manifest.Bytes(), Pairs: map[string]int{}}
	for _, split := range dataset.Splits {
		full.Pairs[split] = len(o.Manifest.Pairs[split])
	}
	for i, u := range units {
		if u.finish != nil && u.Severity != Off {
			u.finish(r, &tallies[i])
		}
		full.Checks = append(full.Checks, u.result(&tallies[i], len(keys)))
	}
	full.Verdict = judge(full.Checks)
	return full, context.Cause(ctx)
}

// keys lists the rows by split and stem, from whatever folder knows them.
func (r *run) keys() []key {
	var out []key
	for _, split := range dataset.Splits {
		byStem := map[string]map[dataset.Role]dataset.File{}
		for _, role := range dataset.Roles {
			for _, f := range r.index.Files(split, role) {
				stem := role.Stem(f.Path)
				if byStem[stem] == nil {
					byStem[stem] = map[dataset.Role]dataset.File{}
				}
				byStem[stem][role] = f
			}
		}
		for _, stem := range slices.Sorted(maps.Keys(byStem)) {
			out = append(out, key{split, stem, byStem[stem]})
		}
	}
	return out
}

// pass shows every row to every check that wants rows. It holds one row per core in memory, as far as there is room.
func (r *run) pass(ctx context.Context, keys []key, units []unit, tallies []tally, progress func(done, total int)) error {
	group, ctx := errgroup.WithContext(ctx)
	var next, done atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(keys) {
					return nil
				}
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := r.show(ctx, keys[i], units, tallies); err != nil {
					return err
				}
				if n := int(done.Add(1)); progress != nil {
					progress(n, len(keys))
				}
			}
		})
	}
	return group.Wait()
}

func (r *run) show(ctx context.Context, k key, units []unit, tallies []tally) error {
	s, err := r.read(ctx, k)
	if err != nil {
		return fmt.Errorf("reading row %s/%s: %w", k.split, k.stem, err)
	}
	leave, err := r.room.enter(ctx, s.memory())
	if err != nil {
		return err
	}
	defer leave()
	s.decode()
	r.collect(s)
	for i, u := range units {
		if u.sample != nil && u.Severity != Off {
			u.sample(s, &tallies[i])
		}
	}
	return nil
}

// judge gives the dataset's verdict: only checks that block count, and a failure outweighs what could not be measured.
func judge(results []Result) report.Verdict {
	verdict := report.Passed
	for _, r := range results {
		switch {
		case r.Severity != Block:
		case r.Verdict == report.Failed:
			return report.Failed
		case r.Verdict == report.Errored:
			verdict = report.Errored
		}
	}
	return verdict
}

// Summary counts the checks and names the failure that matters most: the first that blocks, else the first that warns.
func (f *Full) Summary() report.DataTestsSummary {
	var s report.DataTestsSummary
	var warned *report.CheckFailure
	for _, r := range f.Checks {
		if r.Severity == Off {
			continue
		}
		s.Checks++
		switch {
		case r.Verdict == report.Passed:
			s.Passed++
		case r.Verdict == report.Errored:
			s.Errored++
		case r.Severity == Block:
			s.Failed++
			if s.First == nil {
				s.First = r.failure()
			}
		default:
			s.Warned++
			if warned == nil {
				warned = r.failure()
			}
		}
	}
	if s.First == nil {
		s.First = warned
	}
	return s
}

func (r *Result) failure() *report.CheckFailure {
	f := &report.CheckFailure{Check: r.Name, Severity: string(r.Severity), Count: r.Offenders, Budget: r.Allowed}
	if len(r.Named) > 0 {
		f.Offender, f.Detail = r.Named[0].Path, r.Named[0].Detail
	}
	return f
}
