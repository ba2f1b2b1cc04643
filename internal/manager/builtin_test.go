package manager

import (
	"testing"

	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/pipelines/methods"
)

func TestTheBuiltInMethodsAreWellFormed(t *testing.T) {
	all, err := readMethods(methods.Files)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range all {
		found[m.Name] = true
		if _, err := plan.Stages(m.Spec, nil, "trainer:1"); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	for _, name := range []string{"pf-afn", "pf-afn-demo"} {
		if !found[name] {
			t.Errorf("there is no method %s", name)
		}
	}
}
