package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/braincreators/tryon-operator"

// pkg is what we ask the go command for: a package, what it imports itself, and all that it depends on.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

// below says that a package is one of ours at this path or under it.
func (p pkg) below(paths ...string) bool {
	rel, ours := strings.CutPrefix(p.ImportPath, module+"/")
	return ours && slices.ContainsFunc(paths, func(at string) bool { return rel == at || strings.HasPrefix(rel, at+"/") })
}

// list asks the go command, once for all tests. Packages that this build configuration leaves empty are not our subject.
var list = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w\n%s", err, stderr.String())
	}
	var packages []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the list of packages: %w", err)
		}
		if len(p.GoFiles) > 0 {
			packages = append(packages, p)
		}
	}
	if len(packages) < 10 {
		return nil, fmt.Errorf("only %d packages were listed: the tests would be blind", len(packages))
	}
	return packages, nil
})

func load(t *testing.T) []pkg {
	t.Helper()
	packages, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// under says that an import path is one of the given ones or below one of them. Packages of the standard library (no dot
// in the first element) are meant alone: net is not net/url.
func under(path string, these []string) bool {
	return slices.ContainsFunc(these, func(p string) bool {
		first, _, _ := strings.Cut(p, "/")
		return path == p || strings.Contains(first, ".") && strings.HasPrefix(path, p+"/")
	})
}

func ours(paths ...string) []string {
	for i := range paths {
		paths[i] = module + "/" + paths[i]
	}
	return paths
}

var (
	level0    = []string{"internal/report", "internal/task", "internal/sequential", "internal/scale", "internal/drift", "internal/imaging", "internal/oip", "internal/quality", "internal/evidence", "internal/strict", "internal/compare", "internal/folder"}
	dataPlane = []string{
		"internal/artefact", "internal/browse", "internal/bucket", "internal/capture", "internal/control", "internal/dataset", "internal/datatest", "internal/evaluate", "internal/judgement",
		"internal/replay", "internal/runtime", "internal/sidecar", "internal/synth", "internal/train", "internal/worker",
		"cmd/worker", "cmd/sidecar", "cmd/runtime",
	}
	builders   = []string{"internal/names", "internal/plan", "internal/resources", "internal/serving", "internal/backend", "internal/podwatch", "internal/servingpod", "internal/progress"}
	judgement  = []string{"internal/capacity", "internal/fleet", "internal/rollout", "internal/judge", "internal/history", "internal/gate", "internal/sequential", "internal/scale", "internal/drift"}
	drawings   = []string{"internal/synth/draw", "internal/synth/garment", "internal/synth/person", "internal/synth/drape"}
	plumbing   = []string{"internal/apply", "internal/status", "internal/metrics", "internal/runner", "internal/judging", "internal/reporting", "internal/replayjob", "internal/erasing"}
	kubernetes = []string{"k8s.io", "sigs.k8s.io", "github.com/kubeflow"}

	// effects is what code without effects has no use for.
	effects = []string{
		"context", "net", "net/http", "os", "os/exec", "log", "log/slog", "math/rand", "math/rand/v2",
		"k8s.io/client-go", "k8s.io/klog", "k8s.io/utils/clock", "sigs.k8s.io/controller-runtime/pkg/log", "sigs.k8s.io/controller-runtime/pkg/cache",
		"sigs.k8s.io/controller-runtime/pkg/manager",
	}
)

func TestThePackagesOfEachLayerKeepToTheirImports(t *testing.T) {
	rules := map[string]struct {
		layer []string
		// never is refused anywhere among the dependencies. notItself is refused as an import of the package itself: the
		// type packages of others (Kubernetes, Kubeflow) pull in clients and networks that nothing here calls.
		never     []string
		notItself []string
	}{
		"level 0 knows no Kubernetes and nothing of the operator": {
			layer: level0, never: append(slices.Clone(kubernetes), ours("api", "controllers", "internal/names", "internal/resources", "internal/apply", "internal/status")...),
		},
		"the data plane and the workers know no Kubernetes and nothing of the operator": {
			layer: dataPlane, never: append(slices.Clone(kubernetes), ours("api", "controllers", "internal/names", "internal/resources", "internal/apply", "internal/status", "internal/gate", "internal/plan")...),
		},
		"the API imports types only": {
			layer: []string{"api"}, never: append(ours("internal", "controllers", "cmd"), "k8s.io/client-go"),
			notItself: []string{"context", "net/http", "os", "log"},
		},
		"builders are pure": {
			layer: builders, never: ours("controllers", "internal/apply", "internal/status"), notItself: effects,
		},
		"judgement is pure and knows no client": {
			layer: judgement, never: append(ours("controllers", "internal/apply", "internal/status"), "k8s.io/client-go", "sigs.k8s.io/controller-runtime/pkg/client"),
			notItself: effects,
		},
		"drawing a row touches no file, and takes its choices from internal/synth/dice": {layer: drawings, notItself: effects},
		"a drawn garment knows no body": {
			layer: []string{"internal/synth/garment"}, never: ours("internal/synth/person", "internal/synth/drape"),
		},
		"a drawn person knows no garment": {
			layer: []string{"internal/synth/person"}, never: ours("internal/synth/garment", "internal/synth/drape"),
		},
		"what draws knows not what is drawn": {
			layer: []string{"internal/synth/draw", "internal/synth/dice"}, never: ours("internal/synth/garment", "internal/synth/person", "internal/synth/drape"),
		},
		"plumbing knows no controller": {layer: plumbing, never: ours("controllers", "cmd")},
	}
	packages := load(t)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			checked := 0
			for _, p := range packages {
				if !p.below(rule.layer...) || strings.HasSuffix(p.ImportPath, "test") {
					continue
				}
				checked++
				for _, dep := range p.Deps {
					if under(dep, rule.never) && !p.below(strings.TrimPrefix(dep, module+"/")) {
						t.Errorf("%s depends on %s%s", p.ImportPath, dep, through(packages, p, dep))
					}
				}
				for _, dep := range p.Imports {
					if under(dep, rule.notItself) {
						t.Errorf("%s imports %s", p.ImportPath, dep)
					}
				}
			}
			if checked == 0 {
				t.Errorf("no package of this layer exists: %s", strings.Join(rule.layer, ", "))
			}
		})
	}
}

// through names the package of ours by which p comes to depend on dep, for a message that says where to look.
func through(packages []pkg, p pkg, dep string) string {
	for _, other := range packages {
		if other.ImportPath != p.ImportPath && slices.Contains(p.Deps, other.ImportPath) && slices.Contains(other.Imports, dep) {
			return " (through " + other.ImportPath + ")"
		}
	}
	return ""
}

func TestControllersDoNotImportEachOther(t *testing.T) {
	checked := 0
	for _, p := range load(t) {
		if !p.below("controllers") {
			continue
		}
		checked++
		for _, dep := range p.Imports {
			if under(dep, ours("controllers")) {
				t.Errorf("%s imports %s", p.ImportPath, dep)
			}
		}
	}
	if checked == 0 {
		t.Error("there is no controller")
	}
}

// notInDecisions is what the deciding half of a controller does not import beside effects. (summarize may ask an error for its
// kind, so it knows the packages that act.)
var notInDecisions = map[string][]string{
	"decide":    append(slices.Clone(effects), "sigs.k8s.io/controller-runtime", module+"/internal/apply", module+"/internal/runner"),
	"summarize": append(slices.Clone(effects), "sigs.k8s.io/controller-runtime"),
}

func TestDecideAndSummarizeArePure(t *testing.T) {
	checked := 0
	for _, p := range load(t) {
		if !p.below("controllers", "internal/judging", "internal/erasing") {
			continue
		}
		for _, file := range p.GoFiles {
			for role, refused := range notInDecisions {
				if strings.HasPrefix(file, role) {
					checked++
					checkPure(t, filepath.Join(p.Dir, file), refused)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no controller has a decide.go or summarize.go")
	}
}

func TestPurePackagesNeverAskTheClock(t *testing.T) {
	for _, p := range load(t) {
		if !p.below(append(slices.Clone(builders), judgement...)...) {
			continue
		}
		for _, file := range p.GoFiles {
			checkPure(t, filepath.Join(p.Dir, file), nil)
		}
	}
}

// checkPure reads one file: it must not import what is refused, nor ask the clock.
func checkPure(t *testing.T, file string, refused []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	clock := ""
	for _, spec := range parsed.Imports {
		at, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if under(at, refused) {
			t.Errorf("%s imports %s", short(file), at)
		}
		if at == "time" {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || clock == "" {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(asksClock, sel.Sel.Name) {
			t.Errorf("%s asks the clock with time.%s", short(file), sel.Sel.Name)
		}
		return true
	})
}

var asksClock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

func short(file string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(filepath.Join(wd, "..", ".."), file); err == nil {
			return rel
		}
	}
	return file
}

func TestEveryPackageSaysWhatItIsForInItsDocFile(t *testing.T) {
	for _, p := range load(t) {
		if !p.below("api", "controllers", "internal") {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go", p.ImportPath)
		}
	}
}

func TestEveryDecisionHasANumberOfItsOwn(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "decisions", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d decisions, %v", len(files), err)
	}
	for i, file := range files {
		name := filepath.Base(file)
		if number := fmt.Sprintf("%04d-", i+1); !strings.HasPrefix(name, number) {
			t.Errorf("%s: the next free number is %s", name, number[:4])
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if title := fmt.Sprintf("# %d. ", i+1); !strings.HasPrefix(string(body), title) {
			t.Errorf("%s: its title must begin with %q", name, title)
		}
	}
}

func TestTheArchitectureSaysWhereEachPackageBelongs(t *testing.T) {
	body, err := os.ReadFile(filepath.Join("..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(body), "## Where things are")
	named := strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })
	folders, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		if folder.IsDir() && !slices.Contains(named, folder.Name()) {
			t.Errorf("docs/architecture.md does not say where internal/%s belongs", folder.Name())
		}
	}
}
