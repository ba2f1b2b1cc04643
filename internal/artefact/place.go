package artefact

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// stagingPrefix marks folders that a killed download may leave behind; the next one clears them.
const stagingPrefix = ".tryon-partial-"

// place is where a tree is completed before it gets its final name.
type place struct {
	target, staging string
	// inside is true when the target exists already, so that its entries are moved one by one.
	inside bool
}

func choosePlace(dir string, tree Tree) (place, error) {
	target, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("resolving target folder: %w", err)
	}
	p := place{target: target}
	parent := filepath.Dir(target)
	if _, err := os.Lstat(target); err == nil {
		p.inside, parent = true, target
		if err := clearPlace(target, tree); err != nil {
			return place{}, err
		}
	} else if err := os.MkdirAll(parent, 0o755); err != nil {
		return place{}, fmt.Errorf("creating parent of target folder: %w", err)
	}
	if p.staging, err = os.MkdirTemp(parent, stagingPrefix+"*"); err != nil {
		return place{}, fmt.Errorf("creating staging folder: %w", err)
	}
	// The runtime may run under another user of the pod's group than the one that pulled.
	if err := os.Chmod(p.staging, 0o755); err != nil {
		p.cleanUp()
		return place{}, fmt.Errorf("opening up staging folder: %w", err)
	}
	return p, nil
}

// clearPlace removes what an earlier, killed download left in an existing target and refuses anything else.
func clearPlace(target string, tree Tree) error {
	own := map[string]bool{}
	for _, f := range tree.Files {
		top, _, _ := strings.Cut(f.Path, "/")
		own[top] = true
	}
	entries, err := os.ReadDir(target)
	if err != nil {
		return fmt.Errorf("reading target folder: %w", err)
	}
	for _, entry := range entries {
		if !own[entry.Name()] && !strings.HasPrefix(entry.Name(), stagingPrefix) {
			return fmt.Errorf("%s: %w: %q", target, ErrOccupied, entry.Name())
		}
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(target, entry.Name())); err != nil {
			return fmt.Errorf("clearing target folder: %w", err)
		}
	}
	return nil
}

// reveal gives the completed files their final names.
func (p place) reveal() error {
	if !p.inside {
		if err := os.Rename(p.staging, p.target); err != nil {
			return fmt.Errorf("revealing tree: %w", err)
		}
		return nil
	}
	entries, err := os.ReadDir(p.staging)
	if err != nil {
		return fmt.Errorf("revealing tree: %w", err)
	}
	for _, entry := range entries {
		err := os.Rename(filepath.Join(p.staging, entry.Name()), filepath.Join(p.target, entry.Name()))
		if err != nil {
			// Half a tree is worse than none.
			return errors.Join(fmt.Errorf("revealing tree: %w", err), p.takeBack(entries))
		}
	}
	return nil
}

func (p place) takeBack(entries []os.DirEntry) error {
	var all error
	for _, entry := range entries {
		all = errors.Join(all, os.RemoveAll(filepath.Join(p.target, entry.Name())))
	}
	return all
}

// cleanUp removes the staging folder; after a rename it is gone already.
func (p place) cleanUp() { _ = os.RemoveAll(p.staging) }
