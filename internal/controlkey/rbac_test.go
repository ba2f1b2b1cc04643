package controlkey

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// The manager's roles, as kustomize and the chart install them, let it read its own Secret and no other.
func TestNoOtherSecretMayBeRead(t *testing.T) {
	for name, rules := range map[string][]rbacv1.PolicyRule{
		"kustomize": kustomizeRules(t), "chart": chartRules(t, "role-rules.yaml"), "chart, every namespace": chartRules(t, "clusterrole-rules.yaml"),
	} {
		for _, rule := range rules {
			if !slices.Contains(rule.Resources, "secrets") || slices.Equal(rule.Verbs, []string{"create"}) {
				continue
			}
			if !slices.Equal(rule.ResourceNames, []string{SecretName}) || !slices.Equal(rule.Verbs, []string{"get"}) {
				t.Errorf("%s: %+v", name, rule)
			}
		}
	}
}

func kustomizeRules(t *testing.T) []rbacv1.PolicyRule {
	t.Helper()
	body := readFile(t, "../../config/rbac/role.yaml")
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(body), 4096)
	var rules []rbacv1.PolicyRule
	for {
		var role rbacv1.Role
		err := documents.Decode(&role)
		if errors.Is(err, io.EOF) {
			return rules
		}
		if err != nil {
			t.Fatal(err)
		}
		rules = append(rules, role.Rules...)
	}
}

func chartRules(t *testing.T, file string) []rbacv1.PolicyRule {
	t.Helper()
	var rules []rbacv1.PolicyRule
	if err := yaml.Unmarshal(readFile(t, "../../charts/tryon-operator/files/"+file), &rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
