package judgementtest

import (
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/judge"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/synth"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Begin is when the judgements of this package begin.
var Begin = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

// Candidate is how a candidate differs from the stable version.
type Candidate struct {
	// Slower is a factor; MoreFaults and MoreErrors are added to the rates.
	Slower, MoreFaults, MoreErrors float64
	// Outcome that the history gets; empty for that of the verdict.
	Outcome string
	// Pairs at which it ends; 0 for the verdict.
	Pairs int64
}

// played are the judgements that were played already: each takes a second.
var played sync.Map

// Judge plays a judgement to its verdict, and gives the deployment with its history and its ledger, which is not to be changed.
func Judge(t testing.TB, candidate Candidate) (*v1alpha1.TryOnDeployment, *evidence.Ledger) {
	t.Helper()
	type judged struct {
		tod    *v1alpha1.TryOnDeployment
		ledger *evidence.Ledger
	}
	if before, ok := played.Load(candidate); ok {
		if j, ok := before.(judged); ok {
			return j.tod.DeepCopy(), j.ledger
		}
	}
	tod, ledger := play(t, candidate)
	played.Store(candidate, judged{tod, ledger})
	return tod.DeepCopy(), ledger
}

func play(t testing.TB, candidate Candidate) (*v1alpha1.TryOnDeployment, *evidence.Ledger) {
	t.Helper()
	tod := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "1"},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: "tops"}, Replicas: 2},
	}
	c := judge.CaseOf(tod, "tops-v1", "tops-v2", "made", 0)
	ledger, err := c.Open(Begin)
	must(t, err)
	totals, err := evidence.NewTotals(judge.LatencyRatio(c.Gates))
	must(t, err)
	random, now := rand.New(rand.NewPCG(3, 11)), Begin
	s := c.Summarize(ledger, nil, now)
	for sequence := int64(1); s.Verdict == "KeepCollecting" && (candidate.Pairs == 0 || totals.Pairs < candidate.Pairs) && sequence < 4000; sequence++ {
		for range 4 + random.IntN(12) {
			must(t, observe(&totals, random, candidate))
		}
		now = now.Add(4 * time.Second)
		report := evidence.Report{
			Schema: evidence.Schema, Epoch: c.Epoch, Stable: c.Stable, Candidate: c.Candidate, Instance: strings.Repeat("a", 32), Sequence: sequence,
			TakenAt: now, Totals: totals,
		}
		if _, drop := ledger.Take(report, now); drop != evidence.Accepted {
			t.Fatalf("a report is dropped: %s", drop)
		}
		c.Look(ledger, now)
		s = c.Summarize(ledger, s, now)
	}
	tod.Status.Judgement = s
	end := v1alpha1.HistoryEntry{Version: c.Candidate, Time: ptr.To(metav1.NewTime(now)), Reason: v1alpha1.ReasonPromoted, Message: "it took over from tops-v1; " + s.Rule}
	if s.Verdict == "Reject" {
		end.Reason, end.Message = v1alpha1.ReasonRejected, s.Rule
	}
	if candidate.Outcome != "" {
		end.Reason, end.Message = candidate.Outcome, "it was aborted"
	}
	tod.Status.History = []v1alpha1.HistoryEntry{end}
	return tod, ledger
}

// observe counts one pair: log-normal latencies that share half of their variance, rare errors, some faults.
func observe(totals *evidence.Totals, random *rand.Rand, candidate Candidate) error {
	totals.Pairs++
	stableFails, candidateFails := random.Float64() < 0.002, random.Float64() < 0.002+candidate.MoreErrors
	totals.Errors.Observe(stableFails, candidateFails)
	if stableFails || candidateFails {
		return nil
	}
	totals.Artefacts.Observe(random.Float64() < 0.02, random.Float64() < 0.02+candidate.MoreFaults)
	common := random.NormFloat64()
	took := func() time.Duration {
		return time.Duration(float64(400*time.Millisecond) * math.Exp(0.25*(common+random.NormFloat64())))
	}
	if random.IntN(60) == 0 {
		totals.Dropped.Busy++
	}
	if err := totals.Disagreement.Garment.Observe(0, 0.02+0.03*random.Float64()); err != nil {
		return err
	}
	if err := totals.Disagreement.Outside.Observe(0, 0.004*random.Float64()); err != nil {
		return err
	}
	return totals.Latency.Observe(took(), time.Duration(float64(took())*max(candidate.Slower, 0.5)))
}

// Task is the task of the report of a judgement, with the given golden sets, for a store.
func Task(t testing.TB, candidate Candidate, store, stable, other string) task.Judgement {
	t.Helper()
	tod, ledger := Judge(t, candidate)
	made, key, err := judge.Report(tod, judge.Ended(&tod.Status), ledger, []v1alpha1.TryOnModelVersion{Version("tops-v1", stable), Version("tops-v2", other)})
	must(t, err)
	made.Key, made.Store, made.Scratch = string(key), store, t.TempDir()
	return made
}

// Version is a record of a version with a golden set.
func Version(name, set string) v1alpha1.TryOnModelVersion {
	digest := v1alpha1.Digest(artefact.DigestOf([]byte(name)))
	return v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop"},
		Spec:       v1alpha1.TryOnModelVersionSpec{Dataset: v1alpha1.VersionDataset{Digest: digest}},
		Status: v1alpha1.TryOnModelVersionStatus{
			Weights: &v1alpha1.WeightsStatus{Digest: digest}, Evaluation: &v1alpha1.EvaluationStatus{Golden: v1alpha1.Digest(set)},
		},
	}
}

// Shop is a drawn dataset whose golden sets are recorded.
type Shop struct {
	dir           string
	height, width int
}

// NewShop draws a dataset; another seed draws other people.
func NewShop(t testing.TB, seed uint64, height, width int) Shop {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	must(t, synth.Generate(t.Context(), synth.Options{Dir: dir, Seed: seed, Train: 2, Test: 6, Height: height, Width: width, Photo: "png", Workers: 1}))
	return Shop{dir, height, width}
}

// Record stores a golden set of all test rows, answered by a version that smears.
func (s Shop) Record(t testing.TB, store *artefact.Store, blur int) (digest string) {
	t.Helper()
	dir := t.TempDir()
	must(t, golden.Write(dir, oip.NewSignature(s.height, s.width), s.Answers(t, blur)))
	tree, err := store.PutTree(t.Context(), dir)
	must(t, err)
	return tree.Digest
}

// Answers are those of a version to all test rows. blur is how badly it answers: the radius over which it smears the truth.
func (s Shop) Answers(t testing.TB, blur int) []golden.Recorded {
	t.Helper()
	truths, err := filepath.Glob(filepath.Join(s.dir, "test", "truth", "*.png"))
	must(t, err)
	var recorded []golden.Recorded
	for i, truth := range truths {
		name := strings.TrimSuffix(filepath.Base(truth), ".png")
		person, garment, _ := strings.Cut(name, "__")
		region := s.mask(t, "truth-parse", name, func(label byte) bool { return label >= 5 && label <= 7 })
		// Some requests are answered worse than others.
		image := smear(s.pixels(t, "truth", name), region, s.width, blur*i/2)
		recorded = append(recorded, golden.Recorded{
			Name: name,
			In: oip.TryOn{
				Person: s.pixels(t, "image", person), Garment: s.pixels(t, "cloth", garment),
				GarmentMask: s.mask(t, "cloth-mask", garment, func(level byte) bool { return level >= 128 }),
			},
			Out: oip.Result{Image: image, WarpedMask: region, CompositeMask: region},
		})
	}
	return recorded
}

// smear takes the mean along each row, inside a region.
func smear(pixels, region []byte, width, radius int) []byte {
	out := append([]byte{}, pixels...)
	for i := range region {
		if region[i] == 0 || radius == 0 {
			continue
		}
		for c := range 3 {
			sum, n := 0, 0
			for x := max(0, i%width-radius); x <= min(width-1, i%width+radius); x++ {
				sum += int(pixels[3*(i-i%width+x)+c])
				n++
			}
			out[3*i+c] = byte(sum / n)
		}
	}
	return out
}

func (s Shop) open(t testing.TB, folder, name string) image.Image {
	t.Helper()
	f, err := os.Open(filepath.Join(s.dir, "test", folder, name+".png"))
	must(t, err)
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(f)
	must(t, err)
	return picture
}

func (s Shop) pixels(t testing.TB, folder, name string) []byte {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, s.width, s.height))
	draw.Draw(picture, picture.Rect, s.open(t, folder, name), image.Point{}, draw.Src)
	var out []byte
	for i := 0; i < len(picture.Pix); i += 4 {
		out = append(out, picture.Pix[i:i+3]...)
	}
	return out
}

func (s Shop) mask(t testing.TB, folder, name string, in func(byte) bool) []byte {
	t.Helper()
	var levels []byte
	switch picture := s.open(t, folder, name).(type) {
	case *image.Paletted:
		levels = picture.Pix
	case *image.Gray:
		levels = picture.Pix
	default:
		t.Fatal(fmt.Errorf("%s of %s is a %T", folder, name, picture))
	}
	out := make([]byte, len(levels))
	for i, level := range levels {
		if in(level) {
			out[i] = 255
		}
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
