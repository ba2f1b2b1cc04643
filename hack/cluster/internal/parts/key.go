package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sources are the files and folders of the module that decide what is built.
var sources = []string{"go.mod", "parts"}

// key names a build by everything that decides its outcome: the recipe (versions, flags, toolchain) and our sources.
func key(module string, recipe ...string) (string, error) {
	sum := sha256.New()
	for _, line := range recipe {
		fmt.Fprintf(sum, "%q\n", line)
	}
	var files []string
	for _, source := range sources {
		err := filepath.WalkDir(filepath.Join(module, source), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.Type().IsRegular() && !strings.HasSuffix(path, "_test.go") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return "", fmt.Errorf("listing sources: %w", err)
		}
	}
	slices.Sort(files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("reading source: %w", err)
		}
		relative, err := filepath.Rel(module, file)
		if err != nil {
			return "", fmt.Errorf("naming source: %w", err)
		}
		if relative == "go.mod" {
			content = versions(content)
		}
		fmt.Fprintf(sum, "%q %x\n", relative, sha256.Sum256(content))
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

// versions reduces go.mod to what decides the build: what only a test requires moves lines and comments, not versions.
func versions(module []byte) []byte {
	var lines []string
	for line := range strings.Lines(string(module)) {
		line, _, _ = strings.Cut(line, "//")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return []byte(strings.Join(lines, "\n"))
}
