package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ReadSysctls reads kernel settings by their path below /proc/sys; one that this kernel lacks is left out.
func ReadSysctls(names ...string) (map[string]string, error) {
	values := map[string]string{}
	for _, name := range names {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading kernel setting: %w", err)
		}
		values[name] = strings.TrimSpace(string(value))
	}
	return values, nil
}

// WriteSysctls writes kernel settings, only those that differ.
func WriteSysctls(values map[string]string) error {
	var errs []error
	for name, want := range values {
		path := filepath.Join("/proc/sys", name)
		have, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(have)) == want {
			continue
		}
		if err := os.WriteFile(path, []byte(want), 0); err != nil {
			errs = append(errs, fmt.Errorf("writing kernel setting: %w", err))
		}
	}
	return errors.Join(errs...)
}
