package task

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATaskSurvivesTheWayIntoAPod(t *testing.T) {
	low := 0.3
	want := Train{
		Key: "sha256:00", Store: "file:///artefacts", Stage: "pf-gen",
		Source: Source{URI: "file:///dataset", Layout: "VITONHD"}, Digest: "sha256:11",
		Init: []Parent{{Stage: "pf-warp", Weights: "sha256:22"}}, Freeze: []Parent{{Stage: "pb-gen", Weights: "sha256:33"}},
		Params: map[string]string{"steps": "10"}, Health: []HealthCheck{{Metric: "warp_area_ratio", Min: &low, AfterStep: 100}},
		Nodes: 2, GPUs: 4, Scratch: "/scratch", ProgressAddress: ":8090",
	}
	text, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Train
	if err := Decode([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("task changed on the way (-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, text := range map[string]string{
		"an unknown field": `{"key":"a","colour":"red"}`,
		"trailing bytes":   `{"key":"a"} {"key":"b"}`,
		"nothing":          ``,
		"a list":           `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			var pin Pin
			if err := Decode([]byte(text), &pin); err == nil {
				t.Errorf("%s was accepted as %+v", name, pin)
			}
		})
	}
}
