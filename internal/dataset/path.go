package dataset

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of names.
const (
	maxPathBytes    = 1024
	maxSegmentBytes = 255
)

// deviceNames cannot be file names on Windows, with or without an extension.
var deviceNames = map[string]bool{
	"con": true, "prn": true, "aux": true, "nul": true,
	"com1": true, "com2": true, "com3": true, "com4": true, "lpt1": true, "lpt2": true, "lpt3": true,
}

// checkPath accepts a slash-separated relative path that means the same file everywhere. Refusals wrap ErrUnsafeName.
func checkPath(path string) error {
	switch {
	case path == "" || len(path) > maxPathBytes:
		return fmt.Errorf("%w: %d bytes long, want 1 to %d", ErrUnsafeName, len(path), maxPathBytes)
	case !utf8.ValidString(path):
		return fmt.Errorf("%w: %q is not UTF-8", ErrUnsafeName, path)
	case strings.ContainsAny(path, "\\:"):
		return fmt.Errorf("%w: %q has a backslash or a colon", ErrUnsafeName, path)
	case strings.ContainsFunc(path, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return fmt.Errorf("%w: %q has an invisible character", ErrUnsafeName, path)
	}
	for segment := range strings.SplitSeq(path, "/") {
		if err := checkSegment(segment); err != nil {
			return fmt.Errorf("%w in %q", err, path)
		}
	}
	return nil
}

func checkSegment(segment string) error {
	base, _, _ := strings.Cut(strings.ToLower(segment), ".")
	switch {
	case segment == "" || segment == "." || segment == "..":
		return fmt.Errorf("%w: empty or dotted segment", ErrUnsafeName)
	case len(segment) > maxSegmentBytes:
		return fmt.Errorf("%w: segment of %d bytes", ErrUnsafeName, len(segment))
	case segment[0] == '-':
		return fmt.Errorf("%w: a leading dash is read as an option by many programs", ErrUnsafeName)
	case deviceNames[base]:
		return fmt.Errorf("%w: %q is a device on some systems", ErrUnsafeName, segment)
	}
	return nil
}

// twins finds names that are one file on some systems: equal but for case or Unicode composition, also in a folder on the
// way, or a file where another name has a folder.
type twins struct{ files, folders map[string]string }

func newTwins() twins { return twins{files: map[string]string{}, folders: map[string]string{}} }

func (t twins) add(path string) error {
	for i, r := range path {
		if r != '/' {
			continue
		}
		key := fold(path[:i])
		if other, taken := t.files[key]; taken {
			return fmt.Errorf("%w: %q is a file and a folder", ErrUnsafeName, other)
		}
		if other, taken := t.folders[key]; taken && other != path[:i] {
			return twinError(other, path[:i])
		}
		t.folders[key] = path[:i]
	}
	key := fold(path)
	if other, taken := t.files[key]; taken {
		return twinError(other, path)
	}
	if folder, taken := t.folders[key]; taken {
		return fmt.Errorf("%w: %q is a file and a folder", ErrUnsafeName, folder)
	}
	t.files[key] = path
	return nil
}

func fold(path string) string { return strings.ToLower(norm.NFC.String(path)) }

func twinError(a, b string) error {
	return fmt.Errorf("%w: %q and %q are one name where case or composition does not count", ErrUnsafeName, a, b)
}

// ignored tells whether a name is none of the dataset's: hidden files, and what a file system keeps for itself.
func ignored(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, ".") && segment != "." && segment != ".." {
			return true
		}
	}
	return path == "lost+found" || strings.HasPrefix(path, "lost+found/")
}
