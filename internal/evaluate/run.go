package evaluate

import (
	"context"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of an evaluation that could not be made. An evaluation never fails: its gates are judged elsewhere.
const (
	// ReasonBadTask: the task itself makes no sense.
	ReasonBadTask = "BadTask"
	// ReasonStoreUnavailable: the artefact store or the scratch folder could not be read or written.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonDatasetUnavailable: the test split could not be read or is not the pinned one.
	ReasonDatasetUnavailable = "DatasetUnavailable"
	// ReasonRuntimeUnavailable: the runtime did not become ready, or does not serve the signature.
	ReasonRuntimeUnavailable = "RuntimeUnavailable"
	// ReasonCaseFailed: a case was not answered or could not be measured.
	ReasonCaseFailed = "CaseFailed"
)

// goldenRequests is how many requests are recorded for the pods that will serve the weights.
const goldenRequests = 4

// Options is what Run needs besides the world.
type Options struct {
	Task task.Evaluate
	// Log takes words for people.
	Log io.Writer
	// Ready is how long the runtime may take to become ready; 0 means 5 minutes.
	Ready time.Duration
	// Answer is how long one answer may take; 0 means 1 minute.
	Answer time.Duration
}

// session is one evaluation.
type session struct {
	o         Options
	store     *artefact.Store
	source    dataset.Source
	client    *oip.Client
	signature oip.Signature
	plan      plan
}

// Run scores what the runtime answers, leaves the reports and the golden requests in the store, and says what came of it.
func Run(ctx context.Context, o Options) report.Envelope {
	if o.Ready == 0 {
		o.Ready = 5 * time.Minute
	}
	if o.Answer == 0 {
		o.Answer = time.Minute
	}
	s := &session{o: o}
	doc, ref, err := s.run(ctx)
	if err == nil {
		var e report.Envelope
		if e, err = report.New(report.KindEvaluation, o.Task.Key, report.Passed, doc.summary()); err == nil {
			e.Report = ref
			return e
		}
	}
	return report.End(report.KindEvaluation, o.Task.Key, err, ReasonStoreUnavailable)
}

func (s *session) run(ctx context.Context) (*Document, *report.Reference, error) {
	hexKey, err := s.check()
	if err != nil {
		return nil, nil, report.Errored.Because(ReasonBadTask, err)
	}
	if s.store, err = artefact.Open(ctx, s.o.Task.Store); err != nil {
		return nil, nil, report.Errored.Because(ReasonStoreUnavailable, err)
	}
	defer func() { _ = s.store.Close() }()
	closeSource, err := s.openDataset(ctx)
	if err != nil {
		return nil, nil, report.Errored.Because(ReasonDatasetUnavailable, err)
	}
	defer closeSource()
	if err := s.connect(ctx); err != nil {
		return nil, nil, report.Errored.Because(ReasonRuntimeUnavailable, err)
	}
	doc, err := s.measure(ctx)
	if err != nil {
		return nil, nil, report.Errored.Because(ReasonCaseFailed, err)
	}
	if doc.Golden, err = s.recordGolden(ctx); err != nil {
		return nil, nil, err
	}
	shown, err := s.showcase(ctx, doc)
	if err != nil {
		return nil, nil, report.Errored.Because(ReasonCaseFailed, err)
	}
	ref, err := s.publish(ctx, hexKey, doc, shown)
	return doc, ref, report.Errored.Because(ReasonStoreUnavailable, err)
}

func (s *session) check() (hexKey string, err error) {
	t := s.o.Task
	if hexKey, err = artefact.Hex(t.Key); err != nil {
		return "", fmt.Errorf("key: %w", err)
	}
	if _, err := artefact.Hex(t.Weights); err != nil {
		return "", fmt.Errorf("weights: %w", err)
	}
	if t.MaxCases < 0 || t.Scratch == "" {
		return "", fmt.Errorf("%d cases at most and scratch folder %q make no sense", t.MaxCases, t.Scratch)
	}
	return hexKey, nil
}

func (s *session) openDataset(ctx context.Context) (closeSource func(), err error) {
	m, err := dataset.ReadManifest(ctx, s.store, s.o.Task.Digest)
	if err != nil {
		return nil, err
	}
	if s.plan, err = makePlan(m, int(s.o.Task.MaxCases)); err != nil {
		return nil, err
	}
	if s.source, err = dataset.OpenSource(ctx, s.o.Task.Source.URI); err != nil {
		return nil, err
	}
	return func() { _ = s.source.Close() }, nil
}

// connect waits for the runtime and learns the resolution that it serves.
func (s *session) connect(ctx context.Context) error {
	client, err := oip.NewClient(s.o.Task.Runtime, oip.Limits{}, nil)
	if err != nil {
		return err
	}
	s.client = client
	ctx, cancel := context.WithTimeout(ctx, s.o.Ready)
	defer cancel()
	if err := client.WaitReady(ctx); err != nil {
		return err
	}
	meta, err := client.Metadata(ctx, oip.ModelName)
	if err != nil {
		return fmt.Errorf("asking for the model's signature: %w", err)
	}
	for _, in := range meta.Inputs {
		if in.Name == oip.InputPerson && len(in.Shape) == 4 {
			s.signature = oip.NewSignature(int(in.Shape[1]), int(in.Shape[2]))
		}
	}
	if err := s.signature.Check(); err != nil {
		return fmt.Errorf("the runtime serves no %s: %w", oip.SignatureName, err)
	}
	return nil
}

// answer loads a case and asks the runtime.
func (s *session) answer(ctx context.Context, c testCase) (*pictures, oip.Result, error) {
	p, err := load(ctx, s.source, c, s.signature)
	if err != nil {
		return nil, oip.Result{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Answer)
	defer cancel()
	out, err := s.client.TryOn(ctx, s.signature, 1, p.request())
	if err != nil {
		return nil, oip.Result{}, fmt.Errorf("asking the runtime: %w", err)
	}
	return p, out, nil
}

// measure scores all cases.
func (s *session) measure(ctx context.Context) (*Document, error) {
	doc, err := newDocument(s.o.Task, s.plan, s.signature)
	if err != nil {
		return nil, err
	}
	said := time.Now()
	for i, c := range s.plan.cases {
		row, err := s.measureCase(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", c.name, err)
		}
		doc.Rows = append(doc.Rows, row)
		if time.Since(said) > 5*time.Second {
			said = time.Now()
			fmt.Fprintf(s.o.Log, "tryon-worker evaluate: %d of %d cases\n", i+1, len(s.plan.cases))
		}
	}
	doc.aggregate()
	return doc, nil
}

func (s *session) measureCase(ctx context.Context, c testCase) (Row, error) {
	p, out, err := s.answer(ctx, c)
	if err != nil {
		return Row{}, err
	}
	row := Row{Name: c.name, Person: c.person.Path, Garment: c.garment.Path, Scores: map[string]report.Scores{}}
	region := p.region()
	for system, answer := range map[string]*image.RGBA{
		SystemServed: fromRGB(out.Image, s.signature), BaselineCopy: p.person, BaselinePaste: paste(p),
	} {
		if row.Scores[system], err = score(answer, p, region); err != nil {
			return Row{}, fmt.Errorf("scoring %s: %w", system, err)
		}
	}
	return row, nil
}

// recordGolden stores requests from across the test split with the runtime's answers.
func (s *session) recordGolden(ctx context.Context) (digest string, err error) {
	var recorded []golden.Recorded
	for _, i := range spread(len(s.plan.cases), goldenRequests) {
		c := s.plan.cases[i]
		p, out, err := s.answer(ctx, c)
		if err != nil {
			return "", report.Errored.Because(ReasonCaseFailed, fmt.Errorf("golden request %s: %w", c.name, err))
		}
		recorded = append(recorded, golden.Recorded{Name: c.name, In: p.request(), Out: out})
	}
	if err := os.MkdirAll(s.o.Task.Scratch, 0o755); err != nil {
		return "", report.Errored.Because(ReasonStoreUnavailable, fmt.Errorf("creating scratch folder: %w", err))
	}
	dir, err := os.MkdirTemp(s.o.Task.Scratch, "golden-")
	if err != nil {
		return "", report.Errored.Because(ReasonStoreUnavailable, fmt.Errorf("creating scratch folder: %w", err))
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := golden.Write(dir, s.signature, recorded); err != nil {
		return "", report.Errored.Because(ReasonStoreUnavailable, err)
	}
	tree, err := s.store.PutTree(ctx, filepath.Clean(dir))
	if err != nil {
		return "", report.Errored.Because(ReasonStoreUnavailable, fmt.Errorf("storing golden requests: %w", err))
	}
	return tree.Digest, nil
}

// spread gives k indices evenly over n, fewer when n is less.
func spread(n, k int) []int {
	k = min(n, k)
	out := make([]int, 0, k)
	for i := range k {
		if k == 1 {
			return append(out, 0)
		}
		out = append(out, i*(n-1)/(k-1))
	}
	return out
}
