package datatest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/braincreators/tryon-operator/internal/report"
)

// maxNamed bounds the offenders that a report names per check; all of them are counted.
const maxNamed = 50

// Offender is something that a check found wrong.
type Offender struct {
	// Path names it: a file, a list with its line, a folder.
	Path string `json:"path"`
	// Detail says what is wrong, with numbers.
	Detail string `json:"detail"`
	// See is another file worth looking at beside it, if any.
	See string `json:"see,omitempty"`
}

// tally collects what a check finds, from several goroutines.
type tally struct {
	mu        sync.Mutex
	examined  int64
	offenders int64
	named     []Offender // sorted by path, at most maxNamed
}

// examine counts units looked at.
func (t *tally) examine(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.examined += int64(n)
}

// offend counts an offender. Which ones are named does not depend on the order of arrival.
func (t *tally) offend(o Offender) {
	o.Path, o.Detail = printable(o.Path), printable(o.Detail)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offenders++
	at, _ := slices.BinarySearchFunc(t.named, o, func(a, b Offender) int {
		return cmp.Or(natural(a.Path, b.Path), strings.Compare(a.Path, b.Path), strings.Compare(a.Detail, b.Detail))
	})
	if at < maxNamed {
		t.named = slices.Insert(t.named, at, o)
		t.named = t.named[:min(len(t.named), maxNamed)]
	}
}

// natural compares texts with their numbers taken as numbers, so that line 2 comes before line 10.
func natural(a, b string) int {
	for a != "" && b != "" {
		na, nb := digits(a), digits(b)
		if na == 0 || nb == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is the length of the number that s starts with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

// blame is offend with a formatted detail.
func (t *tally) blame(path, format string, args ...any) {
	t.offend(Offender{Path: path, Detail: fmt.Sprintf(format, args...)})
}

// printable keeps hostile names from spoiling a terminal or a report.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '\uFFFD'
		}
		return r
	}, s)
	const most = 300
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// Result is the outcome of one check.
type Result struct {
	Name     string   `json:"name"`
	Number   int      `json:"number"`
	Title    string   `json:"title"`
	Why      string   `json:"why"`
	Unit     string   `json:"unit"`
	Severity Severity `json:"severity"`
	// Budget is the share of units that may offend, Allowed the number that comes of it.
	Budget  float64 `json:"budget"`
	Allowed int64   `json:"allowed"`
	// Verdict is Failed only for more offenders than allowed; a Report never fails.
	Verdict   report.Verdict `json:"verdict"`
	Examined  int64          `json:"examined"`
	Offenders int64          `json:"offenders"`
	// Named are the first offenders by path.
	Named []Offender `json:"named,omitempty"`
	// Note says why a check is Errored or was off.
	Note string `json:"note,omitempty"`
}

// result judges a tally. rows is how many rows the dataset has: a check of rows that saw none of them measured nothing.
func (u *unit) result(t *tally, rows int) Result {
	r := Result{
		Name: u.Name, Number: u.Number, Title: u.Title, Why: u.Why, Unit: u.Unit, Severity: u.Severity, Budget: u.Budget,
		Allowed: allowed(u.Budget, t.examined), Verdict: report.Passed, Examined: t.examined, Offenders: t.offenders, Named: t.named,
	}
	switch {
	case u.Severity == Off:
		r.Note = "switched off"
	case u.sample != nil && rows > 0 && t.examined == 0:
		r.Verdict, r.Note = report.Errored, "nothing could be examined: what this check reads is missing or does not decode in every row"
	case u.Severity != Report && r.Offenders > r.Allowed:
		r.Verdict = report.Failed
	}
	return r
}

// Finding is the result in a few words.
func (r *Result) Finding() string {
	switch {
	case r.Severity == Off || r.Verdict == report.Errored:
		return r.Note
	case r.Offenders == 0:
		return fmt.Sprintf("%d %s, none offends", r.Examined, r.Unit)
	case r.Severity == Report:
		return fmt.Sprintf("%d of %d %s", r.Offenders, r.Examined, r.Unit)
	}
	verb := "offend"
	if r.Offenders == 1 {
		verb = "offends"
	}
	return fmt.Sprintf("%d of %d %s %s, %d allowed", r.Offenders, r.Examined, r.Unit, verb, r.Allowed)
}

// allowed is the number of offenders in a budget; the small term keeps 1% of 300 at 3 in spite of binary fractions.
func allowed(budget float64, examined int64) int64 {
	return int64(math.Floor(budget*float64(examined) + 1e-9))
}
