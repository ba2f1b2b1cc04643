package docs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

// pages are all pages of documentation, by their path in the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	root := apitest.Root(t)
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "out" || name == "node_modules" || name == "testdata") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".md" {
			return nil
		}
		body, err := os.ReadFile(path)
		out[strings.TrimPrefix(path, root+string(filepath.Separator))] = string(body)
		return err
	})
	if err != nil {
		t.Fatalf("reading pages: %v", err)
	}
	for _, want := range []string{"README.md", "docs/architecture.md", "docs/spec/tryonmodel.md", "docs/reference/conditions.md"} {
		if out[want] == "" {
			t.Errorf("there is no %s", want)
		}
	}
	return out
}

// manifest is a piece of YAML and where it stands.
type manifest struct {
	where string
	text  string
}

var fence = regexp.MustCompile("(?ms)^```ya?ml\n(.*?)^```")

func manifestsInPages(t *testing.T) []manifest {
	t.Helper()
	var out []manifest
	for path, text := range pages(t) {
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			out = append(out, manifest{path, block[1]})
		}
	}
	return out
}

func manifestsInSamples(t *testing.T) []manifest {
	t.Helper()
	root := apitest.Root(t)
	var out []manifest
	for _, pattern := range []string{"config/samples/*.yaml", "config/samples/*/*.yaml", "pipelines/methods/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			t.Errorf("no manifests in %s: %v", pattern, err)
		}
		for _, file := range files {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if filepath.Base(file) != "kustomization.yaml" {
				out = append(out, manifest{strings.TrimPrefix(file, root+"/"), string(body)})
			}
		}
	}
	return out
}

func objects(t *testing.T, m manifest) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(m.text), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v\n%s", m.where, err, m.text)
		}
		if len(object.Object) > 0 {
			out = append(out, object)
		}
	}
}

func TestEveryManifestIsTaken(t *testing.T) {
	config := apitest.Start(t)
	said := &apitest.Warnings{}
	config.WarningHandlerWithContext = said
	c := client.WithFieldValidation(apitest.Client(t, config), metav1.FieldValidationStrict)
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "restricted", Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
	}}}
	if err := c.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, m := range slices.Concat(manifestsInPages(t), manifestsInSamples(t)) {
		for _, object := range objects(t, m) {
			kinds[object.GetKind()]++
			t.Run(m.where+" "+object.GetKind()+" "+object.GetName(), func(t *testing.T) {
				if kind := object.GetKind(); kind != "Namespace" && kind != "TryOnMethod" {
					object.SetNamespace(restricted.Name)
				}
				if err := c.Create(t.Context(), object, client.DryRunAll); err != nil {
					t.Errorf("%v\n%s", err, m.text)
				}
				if text := said.Take(); len(text) > 0 {
					t.Errorf("the API server warns: %q", text)
				}
			})
		}
	}
	for kind, want := range map[string]int{"TryOnModel": 5, "TryOnDeployment": 3, "TryOnMethod": 2, "Job": 2} {
		if kinds[kind] < want {
			t.Errorf("only %d manifests of kind %s were found: %v", kinds[kind], kind, kinds)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all, followed := pages(t), 0
	for page, text := range all {
		for _, match := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			target := match[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			followed++
			path, anchor, _ := strings.Cut(target, "#")
			file := page
			if path != "" {
				file = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(filepath.Join(apitest.Root(t), file)); err != nil {
				t.Errorf("%s links to %s: %v", page, target, err)
			}
			if anchor != "" && !slices.Contains(anchors(all[file]), anchor) {
				t.Errorf("%s links to %s, which has no such heading: %v", page, target, anchors(all[file]))
			}
		}
	}
	if followed < 10 {
		t.Errorf("only %d links were found", followed)
	}
}

var code = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]+`")

func withoutCode(text string) string { return code.ReplaceAllString(text, "") }

var heading = regexp.MustCompile(`(?m)^#+ (.+)$`)

// anchors are the names under which GitHub links to the headings of a page.
func anchors(text string) []string {
	var out []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(strings.TrimSpace(match[1]))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		out = append(out, strings.ReplaceAll(name, " ", "-"))
	}
	return out
}

// Paths in backticks that look like files of the repository exist as well.
func TestEveryFileThatAPageNamesExists(t *testing.T) {
	named := regexp.MustCompile("`((?:api|bench|charts|cmd|config|controllers|docs|hack|internal|pipelines|test)/[A-Za-z0-9_./-]+)`")
	found := 0
	for page, text := range pages(t) {
		if page == "CHANGELOG.md" || strings.HasPrefix(page, "docs/decisions/") { // of their day
			continue
		}
		for _, match := range named.FindAllStringSubmatch(text, -1) {
			found++
			if _, err := os.Stat(filepath.Join(apitest.Root(t), match[1])); err != nil {
				if _, err := os.Stat(filepath.Join(apitest.Root(t), filepath.Dir(page), match[1])); err != nil {
					t.Errorf("%s names %s: %v", page, match[1], err)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d names of files were found", found)
	}
}
