package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/imaging"
)

// PinOptions says what to pin.
type PinOptions struct {
	// URI and Layout of the source.
	URI, Layout string
	// Progress, if set, is called now and then with files done, files in all; possibly from several goroutines.
	Progress func(done, total int)
}

// Pinned is a dataset version and how it came about.
type Pinned struct {
	Manifest *Manifest
	Body     []byte
	Digest   string
	// Read counts the files whose bytes were read; the others were known by their stamps.
	Read int
	// Height and Width of the first person's picture, in pixels; 0 when it cannot be read.
	Height, Width int
}

// Pin lists the source, hashes what is new, writes the manifest to the store and returns the version.
// Errors wrap ErrUnsafeName, ErrIrregular, ErrTooLarge, ErrChanged or ErrLayout; these are the data's fault, others the world's.
func Pin(ctx context.Context, store Documents, o PinOptions) (*Pinned, error) {
	source, err := OpenSource(ctx, o.URI)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }()
	objects, err := list(ctx, source)
	if err != nil {
		return nil, err
	}
	known := readStamps(ctx, store, o.URI)
	p := &Pinned{Manifest: &Manifest{Schema: Schema, Layout: o.Layout, Pairs: map[string][]Pair{}}}
	if p.Manifest.Files, p.Read, err = hashAll(ctx, source, objects, known, o.Progress); err != nil {
		return nil, err
	}
	if err := discover(p.Manifest, o.Layout); err != nil {
		return nil, err
	}
	for _, split := range Splits {
		pairs, _, err := readPairs(ctx, source, p.Manifest, split)
		if err != nil {
			return nil, err
		}
		p.Manifest.Pairs[split] = pairs
	}
	if p.Body, p.Digest, err = p.Manifest.Encode(); err != nil {
		return nil, err
	}
	p.Height, p.Width = measure(ctx, source, p.Manifest)
	if err := store.PutDocument(ctx, ManifestName(p.Digest), p.Body); err != nil {
		return nil, fmt.Errorf("storing manifest: %w", err)
	}
	writeStamps(ctx, store, o.URI, objects, p.Manifest)
	return p, nil
}

// list gives the source's files by path after every name and size was checked.
func list(ctx context.Context, source Source) ([]Object, error) {
	objects, err := source.List(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(objects, func(a, b Object) int { return strings.Compare(a.Path, b.Path) })
	seen := newTwins()
	for _, o := range objects {
		if err := errors.Join(checkPath(o.Path), seen.add(o.Path)); err != nil {
			return nil, err
		}
		if o.Size > maxFileBytes {
			return nil, fmt.Errorf("%q has %d bytes: %w of %d", o.Path, o.Size, ErrTooLarge, int64(maxFileBytes))
		}
	}
	return objects, nil
}

// hashAll gives the manifest's entries; objects whose stamp is known are not read.
func hashAll(ctx context.Context, source Source, objects []Object, known stamps, progress func(done, total int)) ([]File, int, error) {
	files := make([]File, len(objects))
	var read, done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i, o := range objects {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			sum, ok := known.find(o)
			if !ok {
				var err error
				if sum, err = hashFile(ctx, source, o); err != nil {
					return err
				}
				read.Add(1)
			}
			files[i] = File{o.Path, o.Size, sum}
			if n := done.Add(1); progress != nil && (n%64 == 0 || int(n) == len(objects)) {
				progress(int(n), len(objects))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, fmt.Errorf("hashing source: %w", err)
	}
	return files, int(read.Load()), nil
}

// hashFile streams one file. Fewer or more bytes than listed mean that it changed under us.
func hashFile(ctx context.Context, source Source, o Object) (string, error) {
	r, err := source.Open(ctx, o.Path)
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, o.Size+1))
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", o.Path, err)
	}
	if n != o.Size {
		return "", fmt.Errorf("%q was listed with %d bytes: %w while it was read", o.Path, o.Size, ErrChanged)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// readPairs reads a split's list; a missing one has no rows. The problems are for the data tests to report.
func readPairs(ctx context.Context, source Source, m *Manifest, split string) ([]Pair, []ListProblem, error) {
	file, ok := m.File(PairList(split))
	if !ok {
		return []Pair{}, nil, nil
	}
	body, err := ReadVerified(ctx, source, file, MaxListBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("reading pair list: %w", err)
	}
	pairs, problems := ParsePairs(body)
	if pairs == nil {
		pairs = []Pair{}
	}
	return pairs, problems, nil
}

// measure reads the size of the first person's picture that has one.
func measure(ctx context.Context, source Source, m *Manifest) (height, width int) {
	x := MakeIndex(m)
	for _, split := range Splits {
		for i, file := range x.Files(split, RolePerson) {
			if i == 8 {
				break
			}
			body, err := ReadVerified(ctx, source, file, MaxPictureBytes)
			if err != nil {
				continue
			}
			if info, err := imaging.PhotoHeader(body, imaging.PhotoLimits{}); err == nil {
				return info.Height, info.Width
			}
		}
	}
	return 0, 0
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
