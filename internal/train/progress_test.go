package train

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgressLinesAreReadLeniently(t *testing.T) {
	p, err := parseProgress([]byte(`{"step":120,"totalSteps":240,"epoch":1,"metrics":{"loss":0.12,"a":NaN,"b":-Infinity,"c":Infinity,"d":null,"e":1e400},"lr":[1, NaN]}`))
	if err != nil {
		t.Fatal(err)
	}
	m := p.metrics
	if p.step != 120 || p.totalSteps != 240 || p.epoch != 1 || m["loss"] != 0.12 || !math.IsNaN(m["a"]) || !math.IsInf(m["b"], -1) ||
		!math.IsInf(m["c"], 1) || !math.IsNaN(m["d"]) || !math.IsInf(m["e"], 1) {
		t.Errorf("progress %+v", p)
	}
}

func TestLinesThatAreNoProgressAreRefused(t *testing.T) {
	many := `{"metrics":{`
	for i := range maxMetrics + 1 {
		many += `"m` + strings.Repeat("x", i%30) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `":1,`
	}
	many = strings.TrimSuffix(many, ",") + `}}`
	for name, line := range map[string]string{
		"not JSON": `step 12`, "an array": `[]`, "a negative step": `{"step":-1}`, "a huge step": `{"step":9223372036854775808}`, "a fraction": `{"step":1.5}`,
		"text for a number": `{"metrics":{"loss":"low"}}`, "a nested metric": `{"metrics":{"loss":{"a":1}}}`, "a hostile name": `{"metrics":{"<script>":1}}`,
		"a long name": `{"metrics":{"` + strings.Repeat("a", 41) + `":1}}`, "too many metrics": many, "deep nesting": strings.Repeat(`[`, 20000),
	} {
		if p, err := parseProgress([]byte(line)); !errors.Is(err, errBadLine) {
			t.Errorf("%s: %+v, %v, want errBadLine", name, p, err)
		}
	}
}

func TestTheReaderGivesEachCompleteLineOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress")
	r := &progressReader{path: path}
	add := func(text string) string {
		t.Helper()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		return string(bytes.Join(r.read(), []byte("|")))
	}
	long := strings.Repeat("x", maxLineBytes)
	steps := []struct{ add, want string }{
		{"", ""}, {"a\nb\nc", "a|b"}, {"", ""}, {"c\n\n  \n", "cc"}, {long, ""}, {long, ""}, {"end\nd\n", "d"}, {long + "x\ne\n", "e"},
	}
	for i, step := range steps {
		if got := add(step.add); got != step.want {
			t.Errorf("step %d: %.80q, want %q", i, got, step.want)
		}
	}
	if err := os.WriteFile(path, []byte("anew\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := add(""); got != "anew" {
		t.Errorf("after truncation: %q", got)
	}
}

func TestTheTailKeepsTheLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		writes []string
		want   string
	}{
		"little":        {[]string{"a\n", "b\n"}, "a\nb"},
		"one long line": {[]string{strings.Repeat("x", 9000)}, strings.Repeat("x", tailBytes)},
		"many lines":    {[]string{strings.Repeat("old\n", 1000), "Error: last\n"}, ""},
		"bars":          {[]string{"10%\r20%\r", "\x1b[31mred\x00"}, "10%\n20%\n [31mred"},
	} {
		var last tail
		for _, w := range c.writes {
			if n, err := last.Write([]byte(w)); n != len(w) || err != nil {
				t.Errorf("%s: Write = %d, %v", name, n, err)
			}
		}
		got := last.text()
		if c.want != "" && got != c.want {
			t.Errorf("%s: %.80q, want %.80q", name, got, c.want)
		}
		if name == "many lines" && (!strings.HasSuffix(got, "old\nError: last") || !strings.HasPrefix(got, "old\n") || len(got) > tailBytes) {
			t.Errorf("%s: %d bytes, %.40q", name, len(got), got)
		}
	}
}

func FuzzParseProgress(f *testing.F) {
	f.Add([]byte(`{"step":1,"metrics":{"loss":NaN}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if p, err := parseProgress(line); err == nil && (p.step < 0 || len(p.metrics) > maxMetrics) {
			t.Errorf("accepted %q as %+v", line, p)
		}
	})
}
