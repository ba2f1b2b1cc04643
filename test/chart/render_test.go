package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

// helmPath builds helm at its pinned version once, or finds it built.
var helmPath = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("sh", filepath.Join("hack", "tools", "install.sh"), "helm")
	cmd.Dir, cmd.Stderr = filepath.Join("..", ".."), os.Stderr
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1], err
})

// helm runs helm in the root folder, and gives what it printed, errors included.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := helmPath()
	if err != nil {
		t.Fatalf("building helm: %v", err)
	}
	var out, problems bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = apitest.Root(t), &out, &problems
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir(), "KUBECONFIG=/dev/null")
	if err := cmd.Run(); err != nil {
		return out.String() + problems.String(), fmt.Errorf("helm %s: %w\n%s", strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

const chartFolder = "charts/tryon-operator"

// valueSets are the arguments of helm for the default values and for each file of ci/.
func valueSets(t *testing.T) map[string][]string {
	t.Helper()
	sets := map[string][]string{"default": nil}
	files, err := filepath.Glob(filepath.Join(apitest.Root(t), chartFolder, "ci", "*.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("values to test with: %v, %v", files, err)
	}
	for _, file := range files {
		sets[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = []string{"--values", file}
	}
	return sets
}

// render gives the objects of the chart for a release "tryon" in the namespace "tryon-system".
func render(t *testing.T, args ...string) []*unstructured.Unstructured {
	t.Helper()
	out, err := helm(t, append([]string{"template", "tryon", chartFolder, "--namespace", "tryon-system"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, out)
}

func decode(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		if err != nil {
			t.Fatalf("decoding objects: %v\n%s", err, text)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}

// as converts every object of a kind.
func as[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) []*T {
	t.Helper()
	var out []*T
	for _, object := range ofKind(objects, kind) {
		typed := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Fatalf("converting %s %s: %v", kind, object.GetName(), err)
		}
		out = append(out, typed)
	}
	return out
}

// the gives the one object of a kind.
func the[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) *T {
	t.Helper()
	all := as[T](t, objects, kind)
	if len(all) != 1 {
		t.Fatalf("%d objects of kind %s, want one", len(all), kind)
	}
	return all[0]
}

func ofKind(objects []*unstructured.Unstructured, kind string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == kind {
			out = append(out, object)
		}
	}
	return out
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(append([]string{apitest.Root(t)}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
