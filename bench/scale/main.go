// Command scale compares scaling on the backlog (internal/scale) with a HorizontalPodAutoscaler on utilisation in the same simulated
// worlds. It draws the five-fold story and writes the ratios into the documentation: go run ./bench/scale
//
// With -trace it draws what was seen on a real cluster instead: go run ./bench/scale -trace out/e2e/scaling.csv
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const (
	page    = "scaling.md"
	picture = "scaling.svg"
)

// place is where figures stand in the page: between two marks.
type place struct{ begin, end string }

var (
	compared = place{"<!-- go run ./bench/scale: begin -->\n", "<!-- end -->\n"}
	traces   = place{"<!-- go run ./bench/scale -trace out/e2e/scaling.csv: begin -->\n", "<!-- end of trace -->\n"}
)

func main() {
	trace := flag.String("trace", "", "CSV file of a run on a real cluster, to be drawn as docs/"+tracePicture)
	flag.Parse()
	renew := func() error { return write("docs") }
	if *trace != "" {
		renew = func() error { return writeTrace(*trace, "docs") }
	}
	if err := renew(); err != nil {
		fmt.Fprintf(os.Stderr, "scale: %v\n", err)
		os.Exit(1)
	}
}

// write renews the picture and the table in the page.
func write(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, page))
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	text, err = compared.fill(text, table())
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, page), text, 0o644),
		os.WriteFile(filepath.Join(folder, picture), draw(), 0o644),
	)
}

// fill puts figures between their marks.
func (p place) fill(text []byte, figures string) ([]byte, error) {
	before, rest, begins := bytes.Cut(text, []byte(p.begin))
	_, after, ends := bytes.Cut(rest, []byte(p.end))
	if !begins || !ends {
		return nil, errors.New("the page has no place for the figures")
	}
	return fmt.Appendf(nil, "%s%s%s%s%s", before, p.begin, figures, p.end, after), nil
}
