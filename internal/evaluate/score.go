package evaluate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
)

// Metrics by name; all but l1 are better when higher.
const (
	MetricSSIM        = "ssim"
	MetricGarmentSSIM = "garment-ssim"
	MetricPSNR        = "psnr"
	MetricL1          = "l1"
)

// metrics in the order in which everything shows them, with the words that identify their implementations.
var metrics = []struct{ name, implementation string }{
	{MetricSSIM, "ssim/gauss11-sigma1.5-luma601-valid"},
	{MetricGarmentSSIM, "ssim/gauss11-sigma1.5-luma601-valid/union-of-garments-5-6-7"},
	{MetricPSNR, "psnr/rgb-whole-ceiling100"},
	{MetricL1, "l1/rgb-whole-0..1"},
}

// evaluatorVersion changes with everything about an evaluation that its other identifying words do not say.
const evaluatorVersion = 1

// errNotFinite says that a score is no number; it is never averaged.
var errNotFinite = errors.New("score is not a finite number")

// evaluator is everything that scores depend on besides the weights.
type evaluator struct {
	Schema   string            `json:"schema"`
	Version  int               `json:"version"`
	Protocol string            `json:"protocol"`
	Metrics  map[string]string `json:"metrics"`
	// Pairs is the digest of the cases' names and contents.
	Pairs string `json:"pairs"`
	// Output is the form in which answers are compared.
	Output string `json:"output"`
}

func makeEvaluator(p plan, s oip.Signature) evaluator {
	e := evaluator{
		Schema: "tryon.evaluator/v1", Version: evaluatorVersion, Protocol: p.protocol, Metrics: map[string]string{}, Pairs: p.digest(),
		Output: fmt.Sprintf("%s uint8 rgb %dx%d, no resizing, no repaint", oip.SignatureName, s.Width, s.Height),
	}
	for _, m := range metrics {
		e.Metrics[m.name] = m.implementation
	}
	return e
}

// ID is the evaluator's digest; encoding/json sorts the keys of the map.
func (e evaluator) ID() (string, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encoding evaluator: %w", err)
	}
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// score measures one answer.
func score(answer *image.RGBA, p *pictures, region []bool) (report.Scores, error) {
	similar, err := imaging.SSIMRegions(answer, p.truth, nil, region)
	if err != nil {
		return nil, err
	}
	psnr, err := imaging.PSNR(answer, p.truth, nil)
	if err != nil {
		return nil, err
	}
	l1, err := imaging.L1(answer, p.truth, nil)
	if err != nil {
		return nil, err
	}
	s := report.Scores{MetricSSIM: similar[0], MetricGarmentSSIM: similar[1], MetricPSNR: psnr, MetricL1: l1}
	if !s.Finite() {
		return nil, errNotFinite
	}
	return s, nil
}

// Estimate is a mean over the cases with its 95 % bootstrap interval.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// resamples of the bootstrap; the generator's seed is fixed so that one evaluation always gives one report.
const resamples = 2000

// estimate gives the mean and the percentile bootstrap interval of it.
func estimate(values []float64) Estimate {
	random := rand.New(rand.NewPCG(20261122, uint64(len(values))))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[random.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	at := func(q float64) float64 { return means[int(math.Round(q*float64(resamples-1)))] }
	return Estimate{Mean: sum / float64(len(values)), Low: at(0.025), High: at(0.975)}
}
