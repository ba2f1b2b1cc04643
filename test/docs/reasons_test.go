package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/status"
)

// constants are the values of the constants of api/v1alpha1/conditions.go whose names begin with a prefix.
func constants(t *testing.T, prefix string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(apitest.Root(t), "api", "v1alpha1", "conditions.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatalf("%s: %v", spec.Names[0].Name, err)
		}
		out = append(out, value)
		return false
	})
	return out
}

// listed are the names in backticks in the first column of a page's tables.
func listed(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				out = append(out, match[1])
			}
		}
	}
	return out
}

func TestTheReferenceHasEveryConditionAndReason(t *testing.T) {
	reference := listed(pages(t)["docs/reference/conditions.md"])
	all := slices.Concat(constants(t, "Condition"), constants(t, "Reason"))
	if len(all) < 50 {
		t.Errorf("only %d conditions and reasons were found", len(all))
	}
	for _, name := range all {
		if !slices.Contains(reference, name) {
			t.Errorf("docs/reference/conditions.md lacks %s; run 'make generate'", name)
		}
	}
	for _, name := range reference {
		if !slices.Contains(all, name) {
			t.Errorf("docs/reference/conditions.md has %s, which no constant has; run 'make generate'", name)
		}
	}
}

func TestEveryBadReasonComesWithAdvice(t *testing.T) {
	var advised []string
	for page, text := range pages(t) {
		if strings.HasPrefix(page, "docs/spec/") {
			advised = append(advised, listed(text)...)
		}
	}
	bad := 0
	for _, reason := range constants(t, "Reason") {
		if !status.Bad(reason) {
			continue
		}
		bad++
		if !slices.Contains(advised, reason) {
			t.Errorf("no page of docs/spec says in a table what to do about %s", reason)
		}
	}
	if bad < 15 {
		t.Errorf("only %d reasons are bad", bad)
	}
}

func TestEveryDataTestIsInTheReference(t *testing.T) {
	reference := listed(pages(t)["docs/reference/data-tests.md"])
	for _, check := range suite() {
		if !slices.Contains(reference, check) {
			t.Errorf("docs/reference/data-tests.md lacks %s; run 'make generate'", check)
		}
	}
}
