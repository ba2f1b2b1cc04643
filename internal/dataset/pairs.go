package dataset

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Bounds of a pair list.
const (
	// MaxListBytes bounds a pair list's file.
	MaxListBytes = 64 << 20
	maxLine      = 4096
)

// PairList is the name of a split's pair list.
func PairList(split string) string { return split + "_pairs.txt" }

// ListProblem is one thing wrong with a pair list.
type ListProblem struct {
	// Line counts from 1.
	Line int
	What string
}

// ParsePairs reads a pair list strictly: lines of two names (person, garment), or three with a category, separated by one
// blank; no byte order mark, no carriage return, no repeated row, no empty line but the last. Rows that can be understood all
// the same are returned, and every problem with its line.
func ParsePairs(body []byte) (pairs []Pair, problems []ListProblem) {
	complain := func(line int, format string, args ...any) {
		problems = append(problems, ListProblem{line, fmt.Sprintf(format, args...)})
	}
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		complain(1, "starts with a byte order mark")
		body = body[3:]
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	if len(body) == 0 {
		return nil, problems
	}
	seen := map[Pair]int{}
	number := 0
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		number++
		pair, complaint := parseRow(line)
		if complaint != "" {
			complain(number, "%s", complaint)
		}
		if pair[0] == "" {
			continue
		}
		if first, again := seen[pair]; again {
			complain(number, "repeats line %d", first)
			continue
		}
		seen[pair] = number
		pairs = append(pairs, pair)
	}
	return pairs, problems
}

// parseRow gives the row, empty when it cannot be understood, and what is wrong with it.
func parseRow(line []byte) (Pair, string) {
	if len(line) > maxLine {
		return Pair{}, fmt.Sprintf("is %d bytes long", len(line))
	}
	text, crlf := strings.CutSuffix(string(line), "\r")
	fields := strings.Fields(text)
	if len(fields) != 2 && len(fields) != 3 {
		return Pair{}, fmt.Sprintf("has %d fields, want person and garment", len(fields))
	}
	pair := Pair{fields[0], fields[1]}
	for _, name := range pair {
		if checkPath(name) != nil || path.Base(name) != name {
			return Pair{}, fmt.Sprintf("%q is no file name", name)
		}
		if path.Ext(name) == "" {
			return Pair{}, fmt.Sprintf("%q has no extension", name)
		}
	}
	switch {
	case crlf:
		return pair, "ends with a carriage return"
	case strings.Join(fields, " ") != text:
		return pair, "has more than one blank between or around its names"
	}
	return pair, ""
}
