package v1alpha1_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

// checkColumns asks the API server for what kubectl get would print.
func checkColumns(t *testing.T, config *rest.Config) {
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for resource, want := range map[string][]string{
		"tryonmodels":          {"Name", "Stage", "Progress", "Dataset", "Version", "Score", "Ready", "Age"},
		"tryondeployments":     {"Name", "Stable", "Candidate", "Stage", "Weight", "Pods", "Ready", "Age"},
		"tryonmodelversions":   {"Name", "Model", "Version", "Stage", "Progress", "Score", "Ready", "Age"},
		"tryondatasetversions": {"Name", "Stage", "Tests", "Train", "Test", "License", "Ready", "Age"},
		"tryonmethods":         {"Name", "Serves", "Signature", "License", "Paper", "Age"},
	} {
		t.Run(resource, func(t *testing.T) {
			body, err := d.RESTClient().Get().AbsPath("/apis/tryon.braincreators.com/v1alpha1/"+resource).
				SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var table metav1.Table
			if err := json.Unmarshal(body, &table); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, column := range table.ColumnDefinitions {
				if column.Priority == 0 {
					got = append(got, column.Name)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
		})
	}
}

// maxCRD keeps the chart's release Secret far below its limit of 1 MiB.
const maxCRD = 120 << 10

func TestCRDsAreSmallAndEveryFieldIsDescribed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(apitest.Root(t), "config", "crd", "bases", "*.yaml"))
	if err != nil || len(files) != 5 {
		t.Fatalf("found %d CRDs (%v), want 5", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(body) > maxCRD {
				t.Errorf("the CRD has %d bytes, more than %d", len(body), maxCRD)
			}
			var crd apiextensions.CustomResourceDefinition
			if err := yaml.Unmarshal(body, &crd); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.Join(crd.Spec.Names.Categories, " "), "all") {
				t.Error("the kind is in the category all: kubectl delete all would delete it")
			}
			for _, path := range undescribed("", crd.Spec.Versions[0].Schema.OpenAPIV3Schema) {
				t.Errorf("%s has no description", path)
			}
		})
	}
}

func undescribed(path string, schema *apiextensions.JSONSchemaProps) []string {
	var found []string
	for name, property := range schema.Properties {
		at := path + "." + name
		if property.Description == "" && at != ".metadata" {
			found = append(found, at)
		}
		found = append(found, undescribed(at, &property)...)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		found = append(found, undescribed(path+"[]", schema.Items.Schema)...)
	}
	return found
}
