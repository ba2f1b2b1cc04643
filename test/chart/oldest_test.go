package chart

import (
	"regexp"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
)

// A kube-apiserver takes a new rule only if its predecessor understands it too, so the oldest Kubernetes of the chart knows the functions of
// the release before it.
func TestTheOldestKubernetesUnderstandsEveryRule(t *testing.T) {
	oldest := regexp.MustCompile(`kubeVersion: ">=([0-9.]+)-0"`).FindStringSubmatch(readFile(t, "charts", "tryon-operator", "Chart.yaml"))
	if oldest == nil {
		t.Fatal("Chart.yaml has no kubeVersion of the form >=X.Y.Z-0")
	}
	functions := environment.MustBaseEnvSet(version.MustParse(oldest[1]).SubtractMinor(1))
	rules := 0
	for _, object := range ofKind(render(t), "CustomResourceDefinition") {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, crd); err != nil {
			t.Fatal(err)
		}
		for _, v := range crd.Spec.Versions {
			rules += compile(t, crd.Name, structural(t, v.Schema.OpenAPIV3Schema), true, functions)
		}
	}
	if rules < 50 {
		t.Errorf("compiled %d rules: where are the others?", rules)
	}
}

func structural(t *testing.T, v1 *apiextensionsv1.JSONSchemaProps) *schema.Structural {
	t.Helper()
	internal := &apiextensions.JSONSchemaProps{}
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1, internal, nil); err != nil {
		t.Fatal(err)
	}
	s, err := schema.NewStructural(internal)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compile compiles the rules of a schema and of all within it, and gives their number.
func compile(t *testing.T, path string, s *schema.Structural, resource bool, functions *environment.EnvSet) int {
	t.Helper()
	declared := model.SchemaDeclType(s, resource)
	results, err := schemacel.Compile(s, declared, cel.PerCallLimit, functions, schemacel.NewExpressionsEnvLoader())
	if err != nil {
		t.Errorf("%s: %v", path, err)
	}
	for i, result := range results {
		if result.Error != nil {
			t.Errorf("%s: %s: %s", path, s.XValidations[i].Rule, result.Error.Detail)
		}
	}
	rules := len(results)
	for name, property := range s.Properties {
		rules += compile(t, path+"."+name, &property, resource && name == "metadata", functions)
	}
	if s.Items != nil {
		rules += compile(t, path+"[]", s.Items, false, functions)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		rules += compile(t, path+"{}", s.AdditionalProperties.Structural, false, functions)
	}
	return rules
}
