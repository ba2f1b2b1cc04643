package parts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// kept is how many earlier builds stay, of some 370 MB each: enough to go back and forth between two branches.
const kept = 2

// prune removes the builds of a folder but the newest and the one in use.
func (b *Builder) prune(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("listing builds: %w", err)
	}
	type build struct {
		path string
		made time.Time
	}
	var builds []build
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("listing builds: %w", err)
		}
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			builds = append(builds, build{filepath.Join(folder, entry.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(builds, func(a, b build) int { return b.made.Compare(a.made) })
	var errs []error
	for i, build := range builds {
		if i >= kept && build.path != b.InUse {
			errs = append(errs, os.RemoveAll(build.path))
		}
	}
	return errors.Join(errs...)
}
