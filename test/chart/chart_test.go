package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/manager"
)

func TestLintFindsNothing(t *testing.T) {
	for name, args := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, append([]string{"lint", "--strict", chartFolder}, args...)...)
			if err != nil || strings.Contains(out, "[WARNING]") || strings.Contains(out, "[ERROR]") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestTheManagerUnderstandsEveryArgument(t *testing.T) {
	var help bytes.Buffer
	if _, err := manager.Parse([]string{"--help"}, &help); err == nil {
		t.Fatal("--help gave no error")
	}
	var wantFlags []string
	for _, match := range regexp.MustCompile(`(?m)^\s+-([a-z-]+)`).FindAllStringSubmatch(help.String(), -1) {
		wantFlags = append(wantFlags, "--"+match[1])
	}
	for name, args := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			container := the[appsv1.Deployment](t, render(t, args...), "Deployment").Spec.Template.Spec.Containers[0]
			if _, err := manager.Parse(container.Args, &help); err != nil {
				t.Error(err)
			}
			var flags []string
			for _, arg := range container.Args {
				flag, _, _ := strings.Cut(arg, "=")
				flags = append(flags, flag)
			}
			slices.Sort(flags)
			if diff := cmp.Diff(wantFlags, flags); diff != "" {
				t.Errorf("the chart gives other flags than the manager has (-manager +chart):\n%s", diff)
			}
		})
	}
}

func TestValuesReachTheManager(t *testing.T) {
	pod := func(args ...string) corev1.PodSpec {
		return the[appsv1.Deployment](t, render(t, args...), "Deployment").Spec.Template.Spec
	}
	digests := pod(valueSets(t)["digests"]...)
	if got, want := digests.Containers[0].Image, "mirror.example:5000/tryon/manager@sha256:"+strings.Repeat("1", 64); got != want {
		t.Errorf("image %s, want %s", got, want)
	}
	if got, want := digests.ImagePullSecrets, []corev1.LocalObjectReference{{Name: "mirror-login"}, {Name: "4711"}}; !slices.Equal(got, want) {
		t.Errorf("pull secrets %v, want %v", got, want)
	}
	for _, want := range []string{
		"--worker-image=mirror.example:5000/tryon/worker@sha256:" + strings.Repeat("2", 64), "--store-size=500Gi", "--store-class=nfs-csi", "--store-access-mode=ReadWriteMany",
	} {
		if !slices.Contains(digests.Containers[0].Args, want) {
			t.Errorf("%v lacks %s", digests.Containers[0].Args, want)
		}
	}
	bucket := pod(valueSets(t)["s3-store"]...)
	for _, want := range []string{"--artefact-store=s3://vton-artefacts/team-a?endpoint=https://minio.example:9000&region=eu-central-1", "--store-secret=artefact-store"} {
		if !slices.Contains(bucket.Containers[0].Args, want) {
			t.Errorf("%v lacks %s", bucket.Containers[0].Args, want)
		}
	}
	if bucket.PriorityClassName != "system-cluster-critical" || len(bucket.Tolerations) != 1 || len(bucket.NodeSelector) != 1 {
		t.Errorf("placement %q %v %v", bucket.PriorityClassName, bucket.Tolerations, bucket.NodeSelector)
	}
}

func TestPartsCanBeLeftOut(t *testing.T) {
	tests := map[string]struct {
		kind            string
		inDefault, bare int
	}{
		"CRDs":                      {"CustomResourceDefinition", 5, 0},
		"the network policy":        {"NetworkPolicy", 1, 0},
		"roles for users":           {"ClusterRole", 5, 1},
		"the review of tokens":      {"ClusterRoleBinding", 2, 1},
		"a budget for two managers": {"PodDisruptionBudget", 0, 1},
	}
	byDefault, bare := render(t), render(t, valueSets(t)["bare"]...)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := len(ofKind(byDefault, test.kind)); got != test.inDefault {
				t.Errorf("%d by default, want %d", got, test.inDefault)
			}
			if got := len(ofKind(bare, test.kind)); got != test.bare {
				t.Errorf("%d when left out, want %d", got, test.bare)
			}
		})
	}
	budget := the[policyv1.PodDisruptionBudget](t, bare, "PodDisruptionBudget")
	deployment := the[appsv1.Deployment](t, bare, "Deployment")
	if diff := cmp.Diff(deployment.Spec.Selector, budget.Spec.Selector); diff != "" || budget.Spec.MaxUnavailable.IntValue() != 1 {
		t.Errorf("the budget does not guard the manager: %+v\n%s", budget.Spec, diff)
	}
}

func TestEveryNamespaceWillDo(t *testing.T) {
	objects := render(t, "--namespace", "other", "--set", "manager.replicas=2")
	clusterWide := []string{"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
	for _, object := range objects {
		want := "other"
		if slices.Contains(clusterWide, object.GetKind()) {
			want = ""
		}
		if got := object.GetNamespace(); got != want {
			t.Errorf("%s %s is in namespace %q, want %q", object.GetKind(), object.GetName(), got, want)
		}
	}
	account := the[corev1.ServiceAccount](t, objects, "ServiceAccount")
	want := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account.Name, Namespace: "other"}}
	for _, binding := range as[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding") {
		if diff := cmp.Diff(want, binding.Subjects); diff != "" {
			t.Errorf("%s: %s", binding.Name, diff)
		}
	}
	if diff := cmp.Diff(want, the[rbacv1.RoleBinding](t, objects, "RoleBinding").Subjects); diff != "" {
		t.Error(diff)
	}
}

func TestAReleaseMayHaveAnyName(t *testing.T) {
	for _, name := range []string{"a.b", strings.Repeat("x", 53), "try-on-2"} {
		out, err := helm(t, "template", name, chartFolder)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range decode(t, out) {
			if object.GetKind() == "Service" && !regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`).MatchString(object.GetName()) {
				t.Errorf("release %s: the name of the Service %q is not valid", name, object.GetName())
			}
		}
	}
}

func TestCRDsAreTheGeneratedOnes(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(apitest.Root(t), "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) != 5 {
		t.Fatalf("generated CRDs: %v, %v", files, err)
	}
	want := map[string]any{}
	for _, file := range files {
		crd := decode(t, readFile(t, "config", "crd", "bases", filepath.Base(file)))[0]
		want[crd.GetName()] = crd.Object["spec"]
	}
	keep := func(args ...string) map[string]any {
		got := map[string]any{}
		for _, crd := range ofKind(render(t, args...), "CustomResourceDefinition") {
			got[crd.GetName()] = crd.Object["spec"]
			if kept := crd.GetAnnotations()["helm.sh/resource-policy"] == "keep"; kept != (len(args) == 0) {
				t.Errorf("%s with %v: annotations %v", crd.GetName(), args, crd.GetAnnotations())
			}
			if crd.GetAnnotations()["controller-gen.kubebuilder.io/version"] == "" {
				t.Errorf("%s lost its annotations: %v", crd.GetName(), crd.GetAnnotations())
			}
		}
		return got
	}
	if diff := cmp.Diff(want, keep()); diff != "" {
		t.Errorf("run 'make generate' (-generated +chart):\n%s", diff)
	}
	if diff := cmp.Diff(want, keep("--set", "crds.keep=false")); diff != "" {
		t.Error(diff)
	}
}

// Helm keeps a release in one Secret of at most 1 MiB, with the templates and what they rendered.
func TestCRDsAreSmall(t *testing.T) {
	const limit = 300_000
	body, err := yaml.Marshal(ofKind(render(t), "CustomResourceDefinition"))
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if size := base64.StdEncoding.EncodedLen(packed.Len()); size > limit {
		t.Errorf("the CRDs take %d bytes of a release, want at most %d", size, limit)
	}
}

func TestRolesAreTheGeneratedOnes(t *testing.T) {
	generated, rendered := decode(t, readFile(t, "config", "rbac", "role.yaml")), render(t)
	want := the[rbacv1.ClusterRole](t, generated, "ClusterRole").Rules
	got := named(t, rendered, "ClusterRole", "tryon-manager")
	if diff := cmp.Diff(want, as[rbacv1.ClusterRole](t, []*unstructured.Unstructured{got}, "ClusterRole")[0].Rules); diff != "" {
		t.Errorf("ClusterRole: run 'make generate' (-generated +chart):\n%s", diff)
	}
	if diff := cmp.Diff(the[rbacv1.Role](t, generated, "Role").Rules, the[rbacv1.Role](t, rendered, "Role").Rules); diff != "" {
		t.Errorf("Role: run 'make generate' (-generated +chart):\n%s", diff)
	}
}

func named(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range ofKind(objects, kind) {
		if object.GetName() == name {
			return object
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

func TestArtifactHubIsToldTheTruth(t *testing.T) {
	var chart struct {
		AppVersion  string
		Annotations map[string]string
	}
	if err := yaml.Unmarshal([]byte(readFile(t, chartFolder, "Chart.yaml")), &chart); err != nil {
		t.Fatal(err)
	}
	type crd struct{ Kind, Name, Version string }
	var gotCRDs, wantCRDs []crd
	if err := yaml.Unmarshal([]byte(chart.Annotations["artifacthub.io/crds"]), &gotCRDs); err != nil {
		t.Fatal(err)
	}
	for _, object := range ofKind(render(t), "CustomResourceDefinition") {
		kind, _, _ := unstructured.NestedString(object.Object, "spec", "names", "kind")
		versions, _, _ := unstructured.NestedSlice(object.Object, "spec", "versions")
		wantCRDs = append(wantCRDs, crd{kind, object.GetName(), versions[0].(map[string]any)["name"].(string)})
	}
	byName := func(a, b crd) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(gotCRDs, byName)
	slices.SortFunc(wantCRDs, byName)
	if diff := cmp.Diff(wantCRDs, gotCRDs); diff != "" {
		t.Errorf("crds (-chart +annotation):\n%s", diff)
	}

	var values struct{ Images map[string]any }
	var images []struct{ Name, Image string }
	if err := yaml.Unmarshal([]byte(readFile(t, chartFolder, "values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(chart.Annotations["artifacthub.io/images"]), &images); err != nil {
		t.Fatal(err)
	}
	if len(images) != 5 {
		t.Errorf("%d images, want 5", len(images))
	}
	for _, image := range images {
		if values.Images[image.Name] != image.Image || !strings.HasSuffix(image.Image, ":"+chart.AppVersion) {
			t.Errorf("%s is %s, values.yaml has %v, the app's version is %s", image.Name, image.Image, values.Images[image.Name], chart.AppVersion)
		}
	}
}

func TestEveryPodIsRestricted(t *testing.T) {
	for name, args := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			deployments := as[appsv1.Deployment](t, render(t, args...), "Deployment")
			if len(deployments) != 1 {
				t.Errorf("%d Deployments, want 1", len(deployments))
			}
			for _, deployment := range deployments {
				pod := deployment.Spec.Template.Spec
				for _, complaint := range slices.Concat(apitest.Unrestricted(pod), careless(pod)) {
					t.Errorf("%s: %s", deployment.Name, complaint)
				}
			}
		})
	}
}

// careless says what a container of the manager lacks besides.
func careless(pod corev1.PodSpec) []string {
	var out []string
	complain := func(wrong bool, what string) {
		if wrong {
			out = append(out, what)
		}
	}
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		complain(container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero(), container.Name+" requests nothing")
		complain(container.Resources.Limits.Memory().IsZero(), container.Name+" has no memory limit")
		complain(container.LivenessProbe == nil || container.ReadinessProbe == nil, container.Name+" has no probes")
	}
	return out
}

func TestWhoMayEditANamespaceMayAskForEveryRetryDeleteRecordsAndChangeNoMethod(t *testing.T) {
	may := map[string][]string{}
	for _, role := range as[rbacv1.ClusterRole](t, render(t), "ClusterRole") {
		if role.Labels["rbac.authorization.k8s.io/aggregate-to-edit"] != "true" {
			continue
		}
		for _, rule := range role.Rules {
			for _, resource := range rule.Resources {
				may[resource] = append(may[resource], rule.Verbs...)
			}
		}
	}
	for _, resource := range []string{"tryonmodels", "tryondeployments", "tryonmodelversions", "tryondatasetversions"} {
		if !slices.Contains(may[resource], "patch") {
			t.Errorf("the retry annotation of %s cannot be set: %v", resource, may[resource])
		}
		if !slices.Contains(may[resource], "delete") {
			t.Errorf("%s cannot be deleted: %v", resource, may[resource])
		}
	}
	for _, resource := range []string{"tryonmethods", "tryonmodelversions/status", "tryondatasetversions/status"} {
		if len(may[resource]) > 0 {
			t.Errorf("%s: %v", resource, may[resource])
		}
	}
}

func TestNobodyGetsMoreRightsThanNeeded(t *testing.T) {
	objects := render(t)
	for _, role := range as[rbacv1.ClusterRole](t, objects, "ClusterRole") {
		for _, rule := range role.Rules {
			for _, complaint := range slices.Concat(excessive(rule), clusterWideOnly(rule)) {
				t.Errorf("ClusterRole %s: %s: %v", role.Name, complaint, rule)
			}
		}
	}
	for _, role := range as[rbacv1.Role](t, objects, "Role") {
		for _, rule := range role.Rules {
			for _, complaint := range excessive(rule) {
				t.Errorf("Role %s: %s: %v", role.Name, complaint, rule)
			}
		}
	}
	for _, binding := range as[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding") {
		if binding.RoleRef.Name != binding.Name || !strings.HasPrefix(binding.Name, "tryon-manager") {
			t.Errorf("%s binds %s", binding.Name, binding.RoleRef.Name)
		}
	}
}

// excessive says what no rule of ours may have, wherever it applies.
func excessive(rule rbacv1.PolicyRule) []string {
	var out []string
	for _, list := range [][]string{rule.APIGroups, rule.Resources, rule.Verbs, rule.NonResourceURLs} {
		if slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, "*") }) {
			out = append(out, "has a wildcard")
		}
	}
	for _, verb := range []string{"bind", "escalate", "impersonate"} {
		if slices.Contains(rule.Verbs, verb) {
			out = append(out, "lets its holder "+verb)
		}
	}
	return out
}

// clusterWideOnly says what a rule that applies to every namespace may not have.
func clusterWideOnly(rule rbacv1.PolicyRule) []string {
	var out []string
	for _, resource := range []string{
		"secrets", "serviceaccounts/token", "pods/exec", "pods/attach", "nodes", "nodes/proxy", "roles", "rolebindings", "clusterroles", "clusterrolebindings",
		"mutatingwebhookconfigurations", "validatingwebhookconfigurations",
	} {
		if slices.Contains(rule.Resources, resource) {
			out = append(out, "reaches "+resource+" of every namespace")
		}
	}
	return out
}
