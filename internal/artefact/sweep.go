package artefact

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Grace is the least age at which a blob that no document names may be swept. Writers rely on a blob that they find for half of
// it, and store an older one again.
const Grace = 24 * time.Hour

// SweepOptions say what a sweep may take.
type SweepOptions struct {
	// Now is the time of the sweep, by the same clock as the store's, give or take hours.
	Now time.Time
	// MinAge is the least age of what is swept; anything under Grace means Grace.
	MinAge time.Duration
	// Forget, if set, picks documents that go as well, and with them what only they name.
	Forget func(name string, written time.Time) bool
	// Delete makes it real; without it the sweep only tells what it would take.
	Delete bool
}

// Item is one object that a sweep takes.
type Item struct {
	Name    string
	Bytes   int64
	Written time.Time
}

// Sweep deletes the blobs that no document names, and what killed writers left half-written. It gives what it has taken, or
// would take, also beside an error.
//
// Everything that looks like a digest in any document counts as named, and of a tree all its files, wherever in the store they
// lie; no knowledge of the documents' kinds is needed, and a kind that comes later is understood. What cannot be read or listed
// ends the sweep with ErrCannotSweep before anything is deleted.
//
// It may run beside writers of any number of pods, because of three ages. (1) A writer names what it stored, or found, in a
// document within Grace/2. (2) It relies on a blob that it finds only while that is younger than Grace/2, and else stores it
// again. (3) A sweep deletes only what is older than Grace, and looks at the age again just before. So whoever names an old
// blob found it at the latest Grace/2 before the sweep, and its document was there when the sweep read the documents; a listing
// that lags, or clocks that differ, by less than hours change nothing. A blob that is stored again during the sweep is young
// when it is looked at. What remains is the moment between that look and the deletion: a blob that nobody has named for a day
// would have to be stored again right then. S3 has no deletion that depends on the age; the loss would be found by the first
// reader, as ErrNotFound, and mended by storing the tree again.
func (s *Store) Sweep(ctx context.Context, o SweepOptions) ([]Item, error) {
	o.MinAge = max(o.MinAge, Grace)
	inv, err := s.takeInventory(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannotSweep, err)
	}
	forgotten := inv.forget(o.Forget)
	named, err := s.inUse(ctx, inv)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCannotSweep, err)
	}
	// Documents go first: one without its blobs would be worse than blobs without their document.
	doomed := forgotten
	for _, b := range slices.Concat(inv.blobs, inv.temporary) {
		if _, used := named[b.digits()]; !used && o.Now.Sub(b.written) > o.MinAge {
			doomed = append(doomed, b)
		}
	}
	return s.deleteAll(ctx, doomed, o)
}

func (s *Store) deleteAll(ctx context.Context, doomed []object, o SweepOptions) ([]Item, error) {
	var taken []Item
	for _, d := range doomed {
		if o.Delete {
			gone, err := s.deleteOld(ctx, d)
			if err != nil {
				return taken, err
			}
			if !gone {
				continue
			}
		}
		taken = append(taken, Item{Name: d.key, Bytes: d.size, Written: d.written})
	}
	return taken, nil
}

// deleteOld deletes an object unless it has been written again since it was listed.
func (s *Store) deleteOld(ctx context.Context, d object) (bool, error) {
	_, written, err := s.look(ctx, d.key)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking again at %w", err)
	}
	if written.After(d.written) {
		return false, nil
	}
	return true, s.delete(ctx, d.key)
}

// maxInventory bounds the objects of a store that can be swept: they are listed in memory, about 100 bytes each.
const maxInventory = 10_000_000

// inventory is a listing of the whole store by kind.
type inventory struct{ documents, blobs, temporary []object }

func (s *Store) takeInventory(ctx context.Context) (*inventory, error) {
	inv := &inventory{}
	seen := 0
	err := s.walk(ctx, "", func(o object) error {
		if seen++; seen > maxInventory {
			return fmt.Errorf("%w of %d objects", ErrTooLarge, maxInventory)
		}
		switch o.kind {
		case document:
			inv.documents = append(inv.documents, o)
		case blobBytes:
			inv.blobs = append(inv.blobs, o)
		case temporary:
			inv.temporary = append(inv.temporary, o)
		case irregular:
			return fmt.Errorf("%s is no file: %w", o.key, ErrUnsafePath)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the store: %w", err)
	}
	if len(inv.documents) == 0 && len(inv.blobs) > 0 {
		// Other software has folders named blobs/sha256 too.
		return nil, errors.New("there are blobs and not one document: this is no artefact store, or only a part of one")
	}
	return inv, nil
}

// forget takes out the documents that were picked.
func (inv *inventory) forget(picked func(name string, written time.Time) bool) []object {
	if picked == nil {
		return nil
	}
	var forgotten []object
	inv.documents = slices.DeleteFunc(inv.documents, func(d object) bool {
		if !picked(d.key, d.written) {
			return false
		}
		forgotten = append(forgotten, d)
		return true
	})
	return forgotten
}

var digestPattern = regexp.MustCompile(digestPrefix + `[0-9a-f]{64}`)

// named gives the digits of every blob that a document names, directly or through a tree, with the name of such a document.
func (s *Store) inUse(ctx context.Context, inv *inventory) (map[string]string, error) {
	direct := map[string]string{}
	for _, d := range inv.documents {
		body, err := s.readAll(ctx, d.key, MaxDocumentBytes)
		if errors.Is(err, ErrNotFound) {
			// Its owner has deleted it meanwhile.
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, digest := range digestPattern.FindAll(body, -1) {
			direct[string(digest[len(digestPrefix):])] = d.key
		}
	}
	all := map[string]string{}
	for _, b := range inv.blobs {
		by, ok := direct[b.digits()]
		if !ok {
			continue
		}
		all[b.digits()] = by
		files, err := s.filesOf(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("%s, which %s names: %w", b.key, by, err)
		}
		for _, f := range files {
			all[f.SHA256] = by
		}
	}
	return all, nil
}

// filesOf gives the files of the tree whose manifest a blob is, none for any other blob.
func (s *Store) filesOf(ctx context.Context, b object) ([]File, error) {
	if b.size > maxTreeManifestBytes {
		return nil, nil
	}
	body, err := s.readAll(ctx, b.key, maxTreeManifestBytes)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if got := DigestOf(body); !strings.HasSuffix(got, b.digits()) {
		// It may have been a tree, and then its files would be taken for unnamed.
		return nil, fmt.Errorf("it has the bytes of %s: %w", got, ErrDigestMismatch)
	}
	// The bytes are what they will always be: what is no tree now, or one that no reader accepts, keeps no files.
	tree, _ := decodeManifest(body, Limits{Files: math.MaxInt, Bytes: math.MaxInt64})
	return tree.Files, nil
}

// RemoveTrees deletes the blobs that the doomed trees have and the kept ones have not. It is for private stores, whose owner knows
// every tree in it. Nothing is deleted when a kept tree cannot be read; of a doomed one that cannot be read the blobs stay.
func (s *Store) RemoveTrees(ctx context.Context, doomed, kept []string) error {
	stays := map[string]bool{}
	for _, digest := range kept {
		tree, err := s.ReadTree(ctx, digest, Limits{})
		if err != nil {
			return err
		}
		for _, d := range tree.digests() {
			stays[d] = true
		}
	}
	var all error
	for _, digest := range doomed {
		tree, err := s.ReadTree(ctx, digest, Limits{})
		if err != nil {
			all = errors.Join(all, err)
			continue
		}
		for _, d := range tree.digests() {
			if !stays[d] {
				all = errors.Join(all, s.delete(ctx, blobKey(d)))
			}
		}
	}
	return all
}

// digests gives the digits of a tree's blobs, the manifest's first.
func (t Tree) digests() []string {
	out := []string{strings.TrimPrefix(t.Digest, digestPrefix)}
	for _, f := range t.Files {
		out = append(out, f.SHA256)
	}
	return out
}

// Clear deletes everything in a private store, documents first.
func (s *Store) Clear(ctx context.Context) error {
	if !s.private {
		return errors.New("clearing artefact store: only a private part of one may be cleared")
	}
	var documents, others []object
	err := s.walk(ctx, "", func(o object) error {
		if o.kind == document {
			documents = append(documents, o)
		} else {
			others = append(others, o)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing private store: %w", err)
	}
	for _, o := range append(documents, others...) {
		if err := s.delete(ctx, o.key); err != nil {
			return err
		}
	}
	return nil
}
