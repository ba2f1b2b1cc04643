package report

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var digest = "sha256:" + strings.Repeat("ab", 32)

func TestAnEnvelopeSurvivesTheWayThroughATerminationMessage(t *testing.T) {
	want := EvaluationSummary{
		Evaluator: digest, Protocol: "unpaired-truth", Cases: 64, Golden: digest,
		Scores:    Scores{"ssim": 0.9, "garment-ssim": 0.7},
		Baselines: map[string]Scores{"copy-person": {"ssim": 0.85}, "paste-garment": {"ssim": 0.8}},
	}
	sent, err := New(KindEvaluation, digest, Passed, want)
	if err != nil {
		t.Fatal(err)
	}
	sent.Report = &Reference{URI: "evaluations/ab/report.json", Digest: digest}
	body, err := sent.Encode()
	if err != nil {
		t.Fatal(err)
	}
	received, err := Decode(string(body))
	if err != nil {
		t.Fatal(err)
	}
	var got EvaluationSummary
	if err := received.Into(KindEvaluation, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary changed on the way (-want +got):\n%s", diff)
	}
}

func TestDecodeRefusesWhatIsNotAnEnvelope(t *testing.T) {
	tests := map[string]string{
		"nothing":                "",
		"a stack trace":          "panic: runtime error\ngoroutine 1 [running]:",
		"another schema":         `{"schema":"tryon.report/v9","kind":"Pin","key":"k","verdict":"Passed"}`,
		"an unknown field":       `{"schema":"tryon.report/v1","kind":"Pin","key":"k","verdict":"Passed","promote":true}`,
		"an unknown verdict":     `{"schema":"tryon.report/v1","kind":"Pin","key":"k","verdict":"passed"}`,
		"trailing bytes":         `{"schema":"tryon.report/v1","kind":"Pin","key":"k","verdict":"Passed"}{}`,
		"a foreign digest":       `{"schema":"tryon.report/v1","kind":"Pin","key":"k","verdict":"Passed","report":{"uri":"a","digest":"md5:00"}}`,
		"more than the limit":    `{"schema":"` + strings.Repeat("x", MaxEnvelopeBytes) + `"}`,
		"a number that is not 1": `{"schema":1}`,
	}
	for name, message := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(message); !errors.Is(err, ErrNotAnEnvelope) {
				t.Errorf("got error %v, want ErrNotAnEnvelope", err)
			}
		})
	}
}

func TestASummaryOfAnotherKindIsRefused(t *testing.T) {
	e, err := New(KindPin, digest, Passed, PinSummary{Digest: digest})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Into(KindStage, &StageSummary{}); !errors.Is(err, ErrNotAnEnvelope) {
		t.Errorf("got error %v, want ErrNotAnEnvelope", err)
	}
	e.Summary = json.RawMessage(`{"digest":"x","colour":"red"}`)
	if err := e.Into(KindPin, &PinSummary{}); !errors.Is(err, ErrNotAnEnvelope) {
		t.Errorf("got error %v for an unknown field, want ErrNotAnEnvelope", err)
	}
}

func TestALongMessageIsCutAndTheSummaryIsKept(t *testing.T) {
	e, err := New(KindStage, digest, Errored, StageSummary{Weights: digest, Steps: 7})
	if err != nil {
		t.Fatal(err)
	}
	e.Reason, e.Message = "CommandFailed", strings.Repeat("Traceback „…“ ", 2000)
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > MaxEnvelopeBytes {
		t.Errorf("envelope has %d bytes, more than %d", len(body), MaxEnvelopeBytes)
	}
	got, err := Decode(string(body))
	if err != nil {
		t.Fatal(err)
	}
	var summary StageSummary
	if err := got.Into(KindStage, &summary); err != nil || summary.Steps != 7 {
		t.Errorf("summary is %+v with error %v, want 7 steps", summary, err)
	}
	if !strings.HasSuffix(got.Message, "…") {
		t.Errorf("message does not show that it was cut: %q", got.Message[max(0, len(got.Message)-20):])
	}
}

func TestASummaryOverTheLimitIsAnError(t *testing.T) {
	e, err := New(KindStage, digest, Passed, StageSummary{Weights: strings.Repeat("x", 2*MaxEnvelopeBytes)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(); err == nil {
		t.Error("an envelope over the limit was encoded")
	}
}

func TestScoresThatAreNotNumbersAreNotFinite(t *testing.T) {
	for name, test := range map[string]struct {
		scores Scores
		want   bool
	}{
		"numbers":  {Scores{"ssim": 0.5, "psnr": 20}, true},
		"NaN":      {Scores{"ssim": math.NaN()}, false},
		"infinity": {Scores{"psnr": math.Inf(1)}, false},
		"none":     {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.scores.Finite(); got != test.want {
				t.Errorf("Finite() is %v, want %v", got, test.want)
			}
		})
	}
}

func FuzzDecodeNeverPanicsAndNeverAcceptsAnotherSchema(f *testing.F) {
	f.Add(`{"schema":"tryon.report/v1","kind":"Pin","key":"k","verdict":"Passed"}`)
	f.Add(`{"schema":"tryon.report/v1","summary":{}}`)
	f.Fuzz(func(t *testing.T, message string) {
		if e, err := Decode(message); err == nil && e.Schema != Schema {
			t.Errorf("accepted schema %q", e.Schema)
		}
	})
}
