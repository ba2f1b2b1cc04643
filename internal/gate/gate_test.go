package gate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

func score(metric v1alpha1.Metric, value string, baselines ...string) v1alpha1.Score {
	s := v1alpha1.Score{Metric: metric, Value: v1alpha1.Decimal(value)}
	if len(baselines) == 2 {
		s.CopyPerson, s.PasteGarment = ptr.To(v1alpha1.Decimal(baselines[0])), ptr.To(v1alpha1.Decimal(baselines[1]))
	}
	return s
}

func TestGatesJudgeScores(t *testing.T) {
	limit := func(s string) *v1alpha1.Decimal { return ptr.To(v1alpha1.Decimal(s)) }
	garment := score(v1alpha1.MetricGarmentSSIM, "0.66", "0.3", "0.41")
	tests := map[string]struct {
		gates       []v1alpha1.MetricGate
		scores      []v1alpha1.Score
		wantVerdict Verdict
		wantMessage string
	}{
		"no gate passes": {
			scores: []v1alpha1.Score{garment}, wantVerdict: Passed, wantMessage: "no gate is set",
		},
		"a score on its bound passes": {
			gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricGarmentSSIM, Min: limit("0.66"), Max: limit("0.66")}}, scores: []v1alpha1.Score{garment},
			wantVerdict: Passed, wantMessage: "all 2 bounds hold",
		},
		"a score below min fails": {
			gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricGarmentSSIM, Min: limit("0.7")}}, scores: []v1alpha1.Score{garment},
			wantVerdict: Failed, wantMessage: "garment-ssim: 0.66 misses min 0.7",
		},
		"a score above max fails": {
			gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricL1, Max: limit("0.05")}}, scores: []v1alpha1.Score{score(v1alpha1.MetricL1, "0.0512")},
			wantVerdict: Failed, wantMessage: "l1: 0.0512 misses max 0.05",
		},
		"the gain counts over the better baseline": {
			gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricGarmentSSIM, MinGain: limit("0.3")}}, scores: []v1alpha1.Score{garment},
			wantVerdict: Failed, wantMessage: "garment-ssim: gain over the better baseline 0.25 misses minGain 0.3",
		},
		"the gain of a metric that should be low counts downwards": {
			gates:       []v1alpha1.MetricGate{{Metric: v1alpha1.MetricL1, MinGain: limit("0.05")}},
			scores:      []v1alpha1.Score{score(v1alpha1.MetricL1, "0.04", "0.2", "0.1")},
			wantVerdict: Passed, wantMessage: "the one bound holds",
		},
		"a missing score could not be measured": {
			gates: []v1alpha1.MetricGate{{Metric: v1alpha1.MetricSSIM, Min: limit("0.8")}}, scores: []v1alpha1.Score{garment},
			wantVerdict: Unmeasured, wantMessage: "ssim: its value is not known, so min 0.8 could not be checked",
		},
		"a missing baseline could not be measured": {
			gates:       []v1alpha1.MetricGate{{Metric: v1alpha1.MetricSSIM, MinGain: limit("0.1")}},
			scores:      []v1alpha1.Score{score(v1alpha1.MetricSSIM, "0.9")},
			wantVerdict: Unmeasured, wantMessage: "ssim: its gain over the better baseline is not known, so minGain 0.1 could not be checked",
		},
		"a score that is not finite could not be measured": {
			gates:       []v1alpha1.MetricGate{{Metric: v1alpha1.MetricSSIM, Min: limit("0.1")}},
			scores:      []v1alpha1.Score{score(v1alpha1.MetricSSIM, "NaN")},
			wantVerdict: Unmeasured, wantMessage: "ssim: its value is not known, so min 0.1 could not be checked",
		},
		"a measured failure outweighs what could not be measured": {
			gates: []v1alpha1.MetricGate{
				{Metric: v1alpha1.MetricPSNR, Min: limit("20")}, {Metric: v1alpha1.MetricGarmentSSIM, Min: limit("0.9")},
			},
			scores:      []v1alpha1.Score{garment},
			wantVerdict: Failed, wantMessage: "garment-ssim: 0.66 misses min 0.9",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Check(test.gates, test.scores)
			if got.Verdict != test.wantVerdict {
				t.Errorf("verdict %s, want %s", got.Verdict, test.wantVerdict)
			}
			if diff := cmp.Diff(test.wantMessage, got.Message()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScoresAreRenderedWithTheirGain(t *testing.T) {
	tests := map[string]struct {
		score v1alpha1.Score
		want  string
	}{
		"with baselines":    {score(v1alpha1.MetricGarmentSSIM, "0.66", "0.3", "0.41"), "garment-ssim 0.66 (+0.25)"},
		"worse than both":   {score(v1alpha1.MetricGarmentSSIM, "0.2", "0.3", "0.41"), "garment-ssim 0.20 (-0.21)"},
		"hardly worse":      {score(v1alpha1.MetricGarmentSSIM, "0.409", "0.3", "0.41"), "garment-ssim 0.41 (+0.00)"},
		"without baselines": {score(v1alpha1.MetricPSNR, "23.456"), "psnr 23.46"},
		"not a number":      {score(v1alpha1.MetricPSNR, "abc"), "psnr abc"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Render(test.score); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
