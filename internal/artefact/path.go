package artefact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxPathBytes    = 1024
	maxSegmentBytes = 255
	maxPathDepth    = 32
)

// blobFolder holds the content-addressed bytes of a store, and of every private part of one; no document may lie in it.
const blobFolder = "blobs/"

// checkPath accepts a slash-separated relative path that stays in its folder on every system and shows what it is.
// Every refusal wraps ErrUnsafePath.
func checkPath(path string) error {
	switch {
	case path == "":
		return fmt.Errorf("%w: empty", ErrUnsafePath)
	case len(path) > maxPathBytes:
		return fmt.Errorf("%w: %d bytes are over %d", ErrUnsafePath, len(path), maxPathBytes)
	case !utf8.ValidString(path):
		return fmt.Errorf("%w: %q is not UTF-8", ErrUnsafePath, path)
	case strings.ContainsAny(path, "\\:"):
		return fmt.Errorf("%w: %q has a backslash or a colon", ErrUnsafePath, path)
	case strings.ContainsFunc(path, hidden):
		return fmt.Errorf("%w: %q has an invisible character", ErrUnsafePath, path)
	}
	segments := strings.Split(path, "/")
	if len(segments) > maxPathDepth {
		return fmt.Errorf("%w: %d levels are over %d", ErrUnsafePath, len(segments), maxPathDepth)
	}
	for _, segment := range segments {
		if segment == "" || segment == "." || segment == ".." || len(segment) > maxSegmentBytes {
			return fmt.Errorf("%w: %q has an empty, dotted or over-long segment", ErrUnsafePath, path)
		}
	}
	return nil
}

func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// checkDocumentName accepts the names that documents have: plain ASCII, outside the blobs.
func checkDocumentName(name string) error {
	if err := checkPath(name); err != nil {
		return err
	}
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./", r))
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || strings.Contains("/"+name+"/", "/"+blobFolder) {
		return fmt.Errorf("%w: %q cannot name a document", ErrUnsafePath, name)
	}
	return nil
}
