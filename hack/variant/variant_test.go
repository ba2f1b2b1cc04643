package variant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/plan"
	"github.com/braincreators/tryon-operator/pipelines/methods"
)

func demoMethod(t *testing.T) v1alpha1.TryOnMethodSpec {
	t.Helper()
	body, err := methods.Files.ReadFile("pf-afn-demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var method v1alpha1.TryOnMethod
	if err := yaml.UnmarshalStrict(body, &method); err != nil {
		t.Fatal(err)
	}
	return method.Spec
}

func TestTheStagesBeforeTheNewOneKeepTheirKeys(t *testing.T) {
	base := demoMethod(t)
	for _, way := range []Way{Blur, Slow, Fail, Shuffle, Polish} {
		derived, err := Derive(apitest.Root(t), base, Change{Way: way, Strength: 2, Params: map[string]string{"steps": "9"}})
		if err != nil {
			t.Fatal(err)
		}
		for i, stage := range base.Stages {
			if plan.StageKey(stage, "sha256:d", nil, nil) != plan.StageKey(derived.Stages[i], "sha256:d", nil, nil) {
				t.Errorf("%s: stage %s would be trained again", way, stage.Name)
			}
		}
		if diff := cmp.Diff(demoMethod(t), base); diff != "" {
			t.Errorf("the base was changed (-want +got):\n%s", diff)
		}
	}
}

func TestTheNewStageStartsFromTheServedOneAndCarriesTheScript(t *testing.T) {
	derived, err := Derive(apitest.Root(t), demoMethod(t), Change{Way: Polish, Strength: 160, Params: map[string]string{"steps": "12"}})
	if err != nil {
		t.Fatal(err)
	}
	stage := derived.Stages[len(derived.Stages)-1]
	if stage.InitFrom != "pf-gen" || derived.Serving.Stage != "polish" || stage.Params["steps"] != "12" || stage.Params["strength"] != "160" {
		t.Errorf("the last stage is %+v", stage)
	}
	for _, part := range stage.Command {
		if len(part) > 1024 {
			t.Errorf("an argument has %d characters, the API takes 1024", len(part))
		}
	}
	if len(stage.Command) > 64 {
		t.Errorf("the command has %d arguments, the API takes 64", len(stage.Command))
	}
	if !strings.Contains(strings.Join(stage.Command[3:], ""), `if __name__ == "__main__":`) {
		t.Error("the command does not hold the script")
	}
}

func TestAMethodWithoutItsServedStageIsRefused(t *testing.T) {
	base := demoMethod(t)
	base.Serving.Stage = "nowhere"
	if _, err := Derive(apitest.Root(t), base, Change{Way: Blur}); err == nil {
		t.Error("no error")
	}
}

func TestWhatFailsIsNeverAPersonOfTheTestSplit(t *testing.T) {
	spared := [][]byte{{0}, {1, 2}, {25, 25}}
	for _, person := range spared {
		if Fails(person, 50, spared) {
			t.Errorf("%v fails", person)
		}
	}
	if !Fails([]byte{50, 1}, 50, spared) {
		t.Error("remainder 1 is free, and a person who has it does not fail")
	}
}
