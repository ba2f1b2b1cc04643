package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

func TestTheKustomizationInstallsWhatTheChartDoes(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), kubectl(t), "kustomize", "config/default")
	cmd.Dir, cmd.Stderr = apitest.Root(t), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("rendering config/default: %v", err)
	}
	want, got := comparable(render(t)), comparable(decode(t, string(out)))
	delete(got, "Namespace tryon-system") // Helm makes it itself
	if len(want) < 15 {
		t.Errorf("the chart has only %d objects", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-chart +kustomization):\n%s", diff)
	}
}

// comparable takes away what only Helm sets.
func comparable(objects []*unstructured.Unstructured) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, object := range objects {
		withoutLabels(object.Object, "metadata", "labels")
		withoutLabels(object.Object, "spec", "template", "metadata", "labels")
		unstructured.RemoveNestedField(object.Object, "metadata", "annotations", "helm.sh/resource-policy")
		out[strings.TrimSpace(object.GetKind()+" "+object.GetName())] = object.Object
	}
	return out
}

func withoutLabels(object map[string]any, path ...string) {
	labels, found, err := unstructured.NestedStringMap(object, path...)
	if !found || err != nil {
		return
	}
	for key := range labels {
		if key == "helm.sh/chart" || strings.HasPrefix(key, "app.kubernetes.io/") && len(path) == 2 || key == "app.kubernetes.io/version" || key == "app.kubernetes.io/managed-by" {
			unstructured.RemoveNestedField(object, append(path, key)...)
		}
	}
	if rest, _, _ := unstructured.NestedStringMap(object, path...); len(rest) == 0 {
		unstructured.RemoveNestedField(object, path...)
	}
}

// kubectl is the one that hack/cluster built, or that of the machine.
func kubectl(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("TRYON_CACHE")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "tryon-operator")
		}
	}
	for _, pattern := range []string{filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), filepath.Join(cache, "cluster", "*", "bin", "kubectl")} {
		if matches, err := filepath.Glob(pattern); err == nil && len(matches) > 0 && filepath.IsAbs(matches[0]) {
			return matches[0]
		}
	}
	path, err := exec.LookPath("kubectl")
	if err != nil {
		t.Fatalf("no kubectl; run 'make cluster-build': %v", err)
	}
	return path
}
