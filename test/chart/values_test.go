package chart

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

var update = flag.Bool("update", false, "write the table of values into the chart's README")

func TestTyposAreRefusedByName(t *testing.T) {
	tests := map[string]struct {
		set       string
		wantWords []string
	}{
		"an unknown key":               {"image=x", []string{"'image'", "not allowed"}},
		"a misspelt image":             {"images.manger=x", []string{"/images", "'manger'"}},
		"a misspelt store":             {"artefactStore.url=pvc://x", []string{"/artefactStore", "'url'"}},
		"a misspelt claim":             {"artefactStore.pvc.storageClass=fast", []string{"/artefactStore/pvc", "'storageClass'"}},
		"a misspelt manager":           {"manager.replicaCount=2", []string{"/manager", "'replicaCount'"}},
		"a misspelt resource list":     {"manager.resources.limit.cpu=1", []string{"/manager/resources", "'limit'"}},
		"a misspelt affinity":          {"manager.affinity.nodeAfinity.x=1", []string{"/manager/affinity", "'nodeAfinity'"}},
		"replicas that are no number":  {"manager.replicas=two", []string{"/manager/replicas", "want integer"}},
		"a negative number":            {"manager.replicas=-1", []string{"/manager/replicas"}},
		"a switch that is a word":      {"networkPolicy.enabled=on", []string{"/networkPolicy/enabled", "want boolean"}},
		"a store by http":              {"artefactStore.uri=http://minio.example/vton", []string{"/artefactStore/uri", "http://minio.example/vton"}},
		"a store in a folder":          {"artefactStore.uri=file:///artefacts", []string{"/artefactStore/uri"}},
		"a folder of a claim":          {"artefactStore.uri=pvc://claim/folder", []string{"/artefactStore/uri"}},
		"a class that is a number":     {"artefactStore.pvc.storageClassName=3", []string{"/artefactStore/pvc/storageClassName", "want string"}},
		"an unknown access mode":       {"artefactStore.pvc.accessMode=ReadOnlyMany", []string{"/artefactStore/pvc/accessMode", "ReadWriteMany"}},
		"a size without a unit's name": {"artefactStore.pvc.size=20GB", []string{"/artefactStore/pvc/size", "20GB"}},
		"a secret for a claim":         {"artefactStore.secretName=s3", []string{"artefactStore.secretName", "s3:// store only"}},
		"no store":                     {"artefactStore=null", []string{"artefactStore"}},
		"no claim":                     {"artefactStore.pvc=null", []string{"/artefactStore", "'pvc'"}},
		"an image with a space":        {"images.worker=a b", []string{"/images/worker"}},
		"an image without its tag":     {"images.worker=registry.example/worker:", []string{"/images/worker"}},
		"no image":                     {"images.runtime=", []string{"/images/runtime"}},
		"an unknown pull policy":       {"images.pullPolicy=Sometimes", []string{"/images/pullPolicy", "IfNotPresent"}},
		"a misspelt monitor":           {"metrics.serviceMonitor.enable=true", []string{"/metrics/serviceMonitor", "'enable'"}},
		"a certificate for plain HTTP": {"metrics.secure=false,metrics.certificateSecret=tls", []string{"metrics.certificateSecret", "metrics.secure only"}},
		"a pull secret as an object":   {"images.pullSecrets[0].name=x", []string{"/images/pullSecrets/0", "want string"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := helm(t, "template", "tryon", chartFolder, "--set", test.set)
			if err == nil {
				t.Fatalf("%s was taken", test.set)
			}
			for _, word := range test.wantWords {
				if !strings.Contains(out, word) {
					t.Errorf("the message does not say %q:\n%s", word, out)
				}
			}
		})
	}
}

func TestTheSchemaKnowsExactlyTheValues(t *testing.T) {
	var values map[string]any
	if err := yaml.Unmarshal([]byte(readFile(t, chartFolder, "values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal([]byte(readFile(t, chartFolder, "values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	sameKeys(t, "", values, schema)
}

// sameKeys compares a folder of values with its schema; a folder is what the schema closes.
func sameKeys(t *testing.T, path string, values, schema map[string]any) {
	t.Helper()
	properties, ok := schema["properties"].(map[string]any)
	if !ok {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("the schema of %q is open", path)
	}
	for key, property := range properties {
		child := path + "." + key
		value, ok := values[key]
		if child == ".global" || path == ".manager.affinity" { // given by Helm; given by Kubernetes
			continue
		}
		if !ok && path != ".manager.resources" {
			t.Errorf("the schema has %s, values.yaml does not", child)
		}
		if folder, ok := value.(map[string]any); ok {
			sameKeys(t, child, folder, property.(map[string]any))
		}
	}
	for key := range values {
		if _, ok := properties[key]; !ok {
			t.Errorf("values.yaml has %s.%s, the schema does not", path, key)
		}
	}
}

const begin, end = "<!-- values -->\n", "<!-- /values -->\n"

func TestTheReadmeListsEveryValue(t *testing.T) {
	want := "| value | default | what it does |\n|---|---|---|\n" + strings.Join(rows(t), "")
	text := readFile(t, chartFolder, "README.md")
	before, rest, ok := strings.Cut(text, begin)
	got, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("README.md has no table between %q and %q", begin, end)
	}
	if *update {
		path := filepath.Join(apitest.Root(t), chartFolder, "README.md")
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run 'go test ./test/chart -run TheReadme -update' (-values.yaml +README.md):\n%s", diff)
	}
}

func rows(t *testing.T) []string {
	t.Helper()
	var document yamlv3.Node
	if err := yamlv3.Unmarshal([]byte(readFile(t, chartFolder, "values.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	return rowsOf(t, "", document.Content[0])
}

// rowsOf gives a row for each value that is not a folder of values; a folder's values have a description each.
func rowsOf(t *testing.T, path string, folder *yamlv3.Node) []string {
	t.Helper()
	var out []string
	for pair := range slices.Chunk(folder.Content, 2) {
		key, value := pair[0], pair[1]
		name := path + key.Value
		if value.Kind == yamlv3.MappingNode && slices.ContainsFunc(value.Content, func(n *yamlv3.Node) bool { return n.HeadComment != "" }) {
			out = append(out, rowsOf(t, name+".", value)...)
			continue
		}
		description, ok := strings.CutPrefix(key.HeadComment, "# -- ")
		if !ok || strings.Contains(description, "\n") || strings.Contains(description, "|") {
			t.Errorf("%s is not described in one line", name)
		}
		var content any
		if err := value.Decode(&content); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if value.Kind == yamlv3.ScalarNode && value.Value != "" {
			text = []byte(value.Value)
		}
		out = append(out, fmt.Sprintf("| `%s` | `%s` | %s |\n", name, text, strings.ReplaceAll(description, "<", "&lt;")))
	}
	return out
}
