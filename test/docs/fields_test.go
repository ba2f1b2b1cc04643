package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/datatest"
)

// suite names the standard data unit tests.
func suite() []string {
	var out []string
	for _, check := range datatest.Checks() {
		out = append(out, check.Name)
	}
	return out
}

func schemas(t *testing.T) map[string]apiextensionsv1.JSONSchemaProps {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(apitest.Root(t), "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("CRDs: %v, %v", files, err)
	}
	out := map[string]apiextensionsv1.JSONSchemaProps{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(body, &crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[crd.Spec.Names.Singular] = *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return out
}

func TestEveryFieldThatAPageNamesExists(t *testing.T) {
	all := pages(t)
	for kind, schema := range schemas(t) {
		t.Run(kind, func(t *testing.T) {
			text := all["docs/spec/"+kind+".md"]
			if text == "" {
				t.Fatal("the kind has no page")
			}
			_, fields, _ := strings.Cut(text, "\n## Fields\n")
			fields, _, _ = strings.Cut(fields, "\n## ")
			parents := []apiextensionsv1.JSONSchemaProps{schema.Properties["spec"], schema.Properties["status"]}
			for line := range strings.Lines(fields) {
				if cells := strings.Split(line, "|"); len(cells) > 2 {
					for _, unknown := range unknownFields(cells[1], parents) {
						t.Errorf("there is no field %s", unknown)
					}
				}
			}
		})
	}
}

// unknownFields looks for the names in backticks of a cell below the parents. A name without its path goes on where the one before it stands.
func unknownFields(cell string, parents []apiextensionsv1.JSONSchemaProps) []string {
	var unknown []string
	beside := parents
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		at, folder := find(parents, match[1])
		if !at {
			at, folder = find(beside, match[1])
		}
		if !at {
			unknown = append(unknown, match[1])
			continue
		}
		beside = folder
	}
	return unknown
}

// find follows a path such as stages[].image; the second result is the object that holds its last field.
func find(parents []apiextensionsv1.JSONSchemaProps, path string) (bool, []apiextensionsv1.JSONSchemaProps) {
	for _, parent := range parents {
		at, folder, ok := &parent, parent, true
		for _, name := range strings.Split(path, ".") {
			if at == nil {
				ok = false
				break
			}
			folder = *at
			name, isList := strings.CutSuffix(name, "[]")
			next, found := folder.Properties[name]
			if !found || isList != (next.Type == "array") && isList {
				ok = false
				break
			}
			at = &next
			if next.Type == "array" {
				at = next.Items.Schema
			}
		}
		if ok {
			return true, []apiextensionsv1.JSONSchemaProps{folder}
		}
	}
	return false, nil
}

// Whoever writes a kind can look every field up that he may set at the top.
func TestEveryFieldHasARow(t *testing.T) {
	all := pages(t)
	for kind, schema := range schemas(t) {
		if !slices.Contains([]string{"tryonmodel", "tryondeployment", "tryonmethod"}, kind) {
			continue
		}
		names := listed(all["docs/spec/"+kind+".md"])
		for field, child := range schema.Properties["spec"].Properties {
			fields := []string{field}
			if child.Type == "object" && len(child.Properties) > 0 {
				fields = nil
				for name := range child.Properties {
					fields = append(fields, field+"."+name)
				}
			}
			for _, path := range fields {
				known := func(name string) bool {
					return name == field || name == path || strings.HasPrefix(name, path+".") || strings.HasPrefix(name, path+"[]")
				}
				if !slices.ContainsFunc(names, known) {
					t.Errorf("docs/spec/%s.md has no row for spec.%s", kind, path)
				}
			}
		}
	}
}
