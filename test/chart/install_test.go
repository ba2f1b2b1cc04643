package chart

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

// cluster is a kube-apiserver without our CRDs, as a user has it before the chart comes.
type cluster struct {
	client.Client
	kubeconfig string
	warnings   *apitest.Warnings
}

func TestTheChartInAKubeAPIServer(t *testing.T) {
	c := start(t)
	notes := installed(t, c)
	t.Run("notes say what was installed", func(t *testing.T) {
		for _, want := range []string{"in namespace other", "claim tryon-artefacts (20Gi, ReadWriteOnce)", "does not serve PyTorchJob", "--namespace other rollout status deployment/tryon-manager"} {
			if !strings.Contains(notes, want) {
				t.Errorf("the notes do not say %q:\n%s", want, notes)
			}
		}
	})
	t.Run("the release fits into its Secret", func(t *testing.T) { checkReleaseSize(t, c) })
	t.Run("the manager's rights end where they should", func(t *testing.T) { checkRights(t, c) })
	t.Run("every set of values is taken without a warning", func(t *testing.T) { checkValueSets(t, c) })
	t.Run("the examples on Artifact Hub are taken", func(t *testing.T) { checkExamples(t, c) })
	t.Run("an upgrade changes the manager", func(t *testing.T) { checkUpgrade(t, c) })
	t.Run("uninstalling keeps the CRDs and their objects", func(t *testing.T) { checkUninstall(t, c) })
}

func start(t *testing.T) cluster {
	t.Helper()
	config := apitest.Start(t)
	seen := &apitest.Warnings{}
	config.WarningHandlerWithContext = seen
	scheme := apitest.Scheme(t)
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	plain, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := cluster{client.WithFieldValidation(plain, metav1.FieldValidationStrict), kubeconfigOf(t, config), seen}
	if err := c.DeleteAllOf(t.Context(), &apiextensionsv1.CustomResourceDefinition{}); err != nil {
		t.Fatal(err)
	}
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		return len(crds(t, c)) == 0, nil
	})
	if err != nil {
		t.Fatalf("the CRDs do not go: %v", err)
	}
	return c
}

func kubeconfigOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	err := clientcmd.WriteToFile(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{"test": {Server: config.Host, CertificateAuthorityData: config.CAData}},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{"test": {
			ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken,
		}},
		Contexts:       map[string]*clientcmdapi.Context{"test": {Cluster: "test", AuthInfo: "test"}},
		CurrentContext: "test",
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func crds(t *testing.T, c cluster) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var list apiextensionsv1.CustomResourceDefinitionList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func (c cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, append(args, "--kubeconfig", c.kubeconfig, "--namespace", "other")...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func installed(t *testing.T, c cluster) string {
	t.Helper()
	out := c.helm(t, "install", "tryon", chartFolder, "--create-namespace")
	if n := len(crds(t, c)); n != 5 {
		t.Fatalf("%d CRDs, want 5", n)
	}
	var deployment appsv1.Deployment
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "other", Name: "tryon-manager"}, &deployment); err != nil {
		t.Fatal(err)
	}
	_, notes, found := strings.Cut(out, "NOTES:")
	if !found {
		t.Errorf("helm printed no notes:\n%s", out)
	}
	return notes
}

func checkReleaseSize(t *testing.T, c cluster) {
	var secrets corev1.SecretList
	if err := c.List(t.Context(), &secrets, client.InNamespace("other"), client.MatchingLabels{"owner": "helm"}); err != nil || len(secrets.Items) != 1 {
		t.Fatalf("%d releases, %v", len(secrets.Items), err)
	}
	if size := len(secrets.Items[0].Data["release"]); size > corev1.MaxSecretSize/2 {
		t.Errorf("the release takes %d bytes, want at most half of %d", size, corev1.MaxSecretSize)
	}
}

func checkRights(t *testing.T, c cluster) {
	tests := map[string]struct {
		verb, group, resource, namespace string
		name                             string
		want                             bool
	}{
		"jobs anywhere":                  {"create", "batch", "jobs", "vton", "", true},
		"models anywhere":                {"watch", "tryon.braincreators.com", "tryonmodels", "", "", true},
		"a claim anywhere":               {"create", "", "persistentvolumeclaims", "vton", "", true},
		"its own lease":                  {"update", "coordination.k8s.io", "leases", "other", "", true},
		"its own key":                    {"get", "", "secrets", "other", "tryon-control-key", true},
		"another secret of its own":      {"get", "", "secrets", "other", "registry-password", false},
		"the secrets of a team":          {"get", "", "secrets", "vton", "", false},
		"all secrets":                    {"list", "", "secrets", "", "", false},
		"a list of its own":              {"list", "", "secrets", "other", "", false},
		"the lease of somebody else":     {"update", "coordination.k8s.io", "leases", "kube-system", "", false},
		"the operator's next namespace":  {"get", "", "secrets", "tryon-system", "", false},
		"who shows a token":              {"create", "authentication.k8s.io", "tokenreviews", "", "", true},
		"what they may":                  {"create", "authorization.k8s.io", "subjectaccessreviews", "", "", true},
		"roles":                          {"create", "rbac.authorization.k8s.io", "clusterroles", "", "", false},
		"a shell in a pod":               {"create", "", "pods/exec", "vton", "", false},
		"deleting what a team asked for": {"delete", "tryon.braincreators.com", "tryonmodels", "vton", "", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			resource, sub, _ := strings.Cut(test.resource, "/")
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:other:tryon-manager",
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: test.verb, Group: test.group, Resource: resource, Subresource: sub, Namespace: test.namespace, Name: test.name,
				},
			}}
			if err := c.Create(t.Context(), review); err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed != test.want {
				t.Errorf("allowed %v, want %v: %s", review.Status.Allowed, test.want, review.Status.Reason)
			}
		})
	}
}

func checkValueSets(t *testing.T, c cluster) {
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "restricted", Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted",
	}}}
	if err := c.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	c.warnings.Take()
	for name, args := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, append([]string{"template", "again", chartFolder, "--namespace", restricted.Name}, args...)...)
			if err != nil {
				t.Fatal(err)
			}
			for _, object := range decode(t, out) {
				checkTaken(t, c, object)
			}
			template := the[appsv1.Deployment](t, decode(t, out), "Deployment").Spec.Template
			checkTaken(t, c, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "manager", Namespace: restricted.Name, Labels: template.Labels}, Spec: template.Spec})
		})
	}
}

// checkTaken asks the API server whether it would take an object as new.
func checkTaken(t *testing.T, c cluster, object client.Object) {
	t.Helper()
	err := c.Create(t.Context(), object, client.DryRunAll)
	if err != nil && (!apierrors.IsAlreadyExists(err) || object.GetNamespace() != "") {
		t.Errorf("%T %s: %v", object, object.GetName(), err)
	}
	if said := c.warnings.Take(); len(said) > 0 {
		t.Errorf("%T %s: %v", object, object.GetName(), said)
	}
}

func checkExamples(t *testing.T, c cluster) {
	var chart struct{ Annotations map[string]string }
	if err := yaml.Unmarshal([]byte(readFile(t, chartFolder, "Chart.yaml")), &chart); err != nil {
		t.Fatal(err)
	}
	var examples []map[string]any
	if err := yaml.UnmarshalStrict([]byte(chart.Annotations["artifacthub.io/crdsExamples"]), &examples); err != nil || len(examples) != 2 {
		t.Fatalf("%d examples, %v", len(examples), err)
	}
	for _, example := range examples {
		object := &unstructured.Unstructured{Object: example}
		object.SetNamespace("other")
		if err := c.Create(t.Context(), object); err != nil {
			t.Error(err)
		}
	}
}

func checkUpgrade(t *testing.T, c cluster) {
	out := c.helm(t, "upgrade", "tryon", chartFolder, "--set", "manager.replicas=2", "--set", "images.manager=registry.example/manager:0.2.0")
	if !strings.Contains(out, "REVISION: 2") {
		t.Error(out)
	}
	var deployment appsv1.Deployment
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "other", Name: "tryon-manager"}, &deployment); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%d of %s", *deployment.Spec.Replicas, deployment.Spec.Template.Spec.Containers[0].Image); got != "2 of registry.example/manager:0.2.0" {
		t.Error(got)
	}
	var budgets policyv1.PodDisruptionBudgetList
	if err := c.List(t.Context(), &budgets, client.InNamespace("other")); err != nil || len(budgets.Items) != 1 {
		t.Errorf("%d budgets, %v", len(budgets.Items), err)
	}
}

func checkUninstall(t *testing.T, c cluster) {
	names := func() []string {
		var out []string
		for _, crd := range crds(t, c) {
			out = append(out, crd.Name)
		}
		return out
	}
	before := names()
	c.helm(t, "uninstall", "tryon")
	if diff := cmp.Diff(before, names()); diff != "" || len(before) != 5 {
		t.Error(diff)
	}
	model := &unstructured.Unstructured{}
	model.SetAPIVersion("tryon.braincreators.com/v1alpha1")
	model.SetKind("TryOnModel")
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: "other", Name: "tops"}, model); err != nil {
		t.Errorf("the model is gone: %v", err)
	}
	for _, gone := range []client.Object{&appsv1.Deployment{}, &rbacv1.ClusterRole{}, &rbacv1.Role{}, &policyv1.PodDisruptionBudget{}, &corev1.Service{}} {
		key := client.ObjectKey{Namespace: "other", Name: "tryon-manager"}
		if _, ok := gone.(*rbacv1.ClusterRole); ok {
			key.Namespace = ""
		}
		if _, ok := gone.(*corev1.Service); ok {
			key.Name += "-metrics"
		}
		if err := c.Get(t.Context(), key, gone); !apierrors.IsNotFound(err) {
			body, _ := json.Marshal(gone)
			t.Errorf("%T is still there: %v %s", gone, err, body)
		}
	}
}
