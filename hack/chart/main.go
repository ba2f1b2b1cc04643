// Command chart copies what controller-gen generated into the chart, so that the kustomization and the chart have one source of truth:
// the CRDs, and the rules of the manager's ClusterRole and Role.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := errors.Join(copyCRDs("config/crd/bases", "charts/tryon-operator/files/crds"),
		copyRules("config/rbac/role.yaml", "charts/tryon-operator/files")); err != nil {
		fmt.Fprintf(os.Stderr, "chart: %v\n", err)
		os.Exit(1)
	}
}

func copyCRDs(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("clearing %s: %w", to, err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copying CRDs: %w", err)
	}
	return nil
}

// copyRules writes the rules of the ClusterRole and of the Role, each as a list.
func copyRules(from, to string) error {
	manifest, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("reading generated roles: %w", err)
	}
	files := map[string]string{"ClusterRole": "clusterrole-rules.yaml", "Role": "role-rules.yaml"}
	for _, doc := range bytes.Split(manifest, []byte("\n---\n")) {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal(doc, &role); err != nil {
			return fmt.Errorf("decoding generated roles: %w", err)
		}
		name, ok := files[role.Kind]
		if !ok {
			continue
		}
		delete(files, role.Kind)
		rules, err := yaml.Marshal(role.Rules)
		if err != nil {
			return fmt.Errorf("encoding rules: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, name), rules, 0o644); err != nil {
			return fmt.Errorf("writing rules: %w", err)
		}
	}
	if len(files) > 0 {
		return fmt.Errorf("%s lacks %v", from, files)
	}
	return nil
}
