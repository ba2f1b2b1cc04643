package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// FetchDataset lays out the dataset of the task in dir, which does not exist yet, and verifies every byte of it.
type FetchDataset func(ctx context.Context, store *artefact.Store, t task.Train, dir string) error

// Options is what Run needs besides the world.
type Options struct {
	Task task.Train
	// Command is the program and its arguments.
	Command []string
	// Rank of this node among Task.Nodes; only rank 0 uploads.
	Rank  int
	Fetch FetchDataset
	// Out and Err take the command's output and the wrapper's own words, from several goroutines at once.
	Out, Err io.Writer
	// Grace is how long the command may take to end after SIGTERM before it is killed; 0 means 20 s.
	Grace time.Duration
	// Interval between two looks at progress and checkpoints; 0 means 500 ms.
	Interval time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// session is one attempt at a stage.
type session struct {
	o      Options
	hexKey string
	store  *artefact.Store
	// kept is the part of the store with this stage's checkpoints.
	kept  *artefact.Store
	dirs  layout
	meter *meter
	began time.Time
	// earlier is the wall time of attempts before this one, as far as checkpoints know of it.
	earlier time.Duration
	resumed int64
}

// Run runs the stage to its end and says what came of it. When ctx ends the command is asked to stop and its newest
// checkpoint is kept.
func Run(ctx context.Context, o Options) report.Envelope {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Grace == 0 {
		o.Grace = 20 * time.Second
	}
	if o.Interval == 0 {
		o.Interval = 500 * time.Millisecond
	}
	s := &session{o: o, began: o.Now(), meter: newMeter(o.Task.Health, o.Now)}
	doc, ref, err := s.run(ctx)
	return s.envelope(doc, ref, err)
}

func (s *session) run(ctx context.Context) (*Document, *report.Reference, error) {
	if err := s.check(); err != nil {
		return nil, nil, errored(ReasonBadTask, err)
	}
	store, err := artefact.Open(ctx, s.o.Task.Store)
	if err != nil {
		return nil, nil, errored(ReasonStoreUnavailable, err)
	}
	defer func() { _ = store.Close() }()
	s.store = store
	if s.kept, err = store.Private(checkpointFolder(s.hexKey)); err != nil {
		return nil, nil, errored(ReasonBadTask, err)
	}
	if doc, ref, err := s.finished(ctx); doc != nil || err != nil {
		s.clearCheckpoints(ctx, doc)
		return doc, ref, err
	}
	stopServing, err := s.meter.serve(ctx, s.o.Task.ProgressAddress)
	if err != nil {
		return nil, nil, errored(ReasonScratchUnavailable, err)
	}
	defer stopServing()
	if err := s.prepare(ctx); err != nil {
		return nil, nil, orTerminated(ctx, err)
	}
	if err := s.train(ctx); err != nil {
		return nil, nil, err
	}
	if s.o.Rank != 0 {
		return nil, nil, nil
	}
	s.meter.enter(phasePublishing)
	// A stage that is done is published even when the pod was asked to stop meanwhile.
	doc, ref, err := s.publish(context.WithoutCancel(ctx))
	var h *report.Halt
	if errors.As(err, &h) && h.Reason == ReasonNoOutput {
		// A command that was asked to stop may end with 0 although it is not done.
		err = orTerminated(ctx, err)
	}
	return doc, ref, err
}

// stageName is what may become a folder's name.
var stageName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (s *session) check() (err error) {
	t := s.o.Task
	if s.hexKey, err = artefact.Hex(t.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	for _, p := range slices.Concat([]task.Parent{{Stage: t.Stage, Weights: t.Key}}, t.Init, t.Freeze) {
		if !stageName.MatchString(p.Stage) {
			return fmt.Errorf("stage name %.80q is not a DNS label", p.Stage)
		}
		if _, err := artefact.Hex(p.Weights); err != nil {
			return fmt.Errorf("stage %s: %w", p.Stage, err)
		}
	}
	if t.Nodes < 0 || t.GPUs < 0 || s.o.Rank < 0 || s.o.Rank >= int(max(t.Nodes, 1)) {
		return fmt.Errorf("rank %d of %d nodes with %d GPUs each makes no sense", s.o.Rank, t.Nodes, t.GPUs)
	}
	if len(s.o.Command) == 0 {
		return errors.New("no command after --")
	}
	return nil
}

// finished gives the stage's document when the store holds it with its whole output.
func (s *session) finished(ctx context.Context) (*Document, *report.Reference, error) {
	doc, ref, err := readDocument(ctx, s.store, s.o.Task.Key, s.hexKey)
	if errors.Is(err, artefact.ErrNotFound) {
		return nil, nil, nil
	}
	if err == nil {
		err = s.store.VerifyTree(ctx, doc.Summary.Weights, artefact.Limits{})
	}
	if damaged(err) {
		s.say("the stored output of this stage is damaged, training it again: %v", err)
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, orTerminated(ctx, errored(ReasonStoreUnavailable, err))
	}
	doc.Summary.Skipped = true
	return doc, ref, nil
}

// prepare fetches all that the command needs.
func (s *session) prepare(ctx context.Context) error {
	var err error
	if s.dirs, err = makeLayout(s.o.Task.Scratch); err != nil {
		return errored(ReasonScratchUnavailable, err)
	}
	if err := s.o.Fetch(ctx, s.store, s.o.Task, s.dirs.dataset); err != nil {
		return errored(ReasonDatasetUnavailable, fmt.Errorf("fetching dataset: %w", err))
	}
	for folder, parents := range map[string][]task.Parent{s.dirs.init: s.o.Task.Init, s.dirs.freeze: s.o.Task.Freeze} {
		for _, p := range parents {
			if _, err := s.store.GetTree(ctx, p.Weights, parentDir(folder, p), artefact.Limits{}); err != nil {
				return errored(ReasonParentUnavailable, fmt.Errorf("fetching stage %s: %w", p.Stage, err))
			}
		}
	}
	return s.restore(ctx)
}

// publish stores the output, then the document that makes it the stage's result, then forgets the checkpoints. When two models
// trained the same stage at once, the first result stays: others may refer to it already.
func (s *session) publish(ctx context.Context) (*Document, *report.Reference, error) {
	tree, err := s.store.PutTree(ctx, s.dirs.output)
	if errors.Is(err, artefact.ErrUnsafePath) || errors.Is(err, artefact.ErrTooLarge) {
		return nil, nil, failed(ReasonBadOutput, err)
	}
	if err != nil {
		return nil, nil, errored(ReasonStoreUnavailable, fmt.Errorf("publishing output: %w", err))
	}
	if tree.Bytes == 0 {
		return nil, nil, failed(ReasonNoOutput, errors.New("the command ended well without any bytes in TRYON_OUTPUT_DIR"))
	}
	if first, ref, err := s.finished(ctx); err != nil || (first != nil && first.Summary.Weights != tree.Digest) {
		// What this attempt saved since the other one was done belongs to nobody.
		s.clearCheckpoints(ctx, first)
		return first, ref, err
	}
	doc := s.document(tree)
	ref, err := writeDocument(ctx, s.store, s.hexKey, doc)
	if err != nil {
		return nil, nil, errored(ReasonStoreUnavailable, err)
	}
	s.clearCheckpoints(ctx, doc)
	return doc, ref, nil
}

// clearCheckpoints removes the checkpoints of a stage that is done, also those that a pod killed at its very end has left.
func (s *session) clearCheckpoints(ctx context.Context, done *Document) {
	if done == nil || s.o.Rank != 0 {
		return
	}
	if err := s.kept.Clear(ctx); err != nil {
		s.say("leaving checkpoints behind: %v", err)
	}
}

func (s *session) document(tree artefact.Tree) *Document {
	t := s.o.Task
	last := s.meter.snapshot()
	seconds := s.spent()
	return &Document{
		Schema: documentSchema, Key: t.Key, Stage: t.Stage, Dataset: t.Digest, Init: t.Init, Freeze: t.Freeze, Params: maps.Clone(t.Params),
		Summary: report.StageSummary{
			Weights: tree.Digest, Bytes: tree.Bytes, Steps: last.Step,
			Seconds: int64(seconds.Seconds()), GPUSeconds: gpuSeconds(t, seconds),
			ResumedFrom: s.resumed, Metrics: last.Metrics,
		},
	}
}

// spent is the wall time of this and the earlier attempts.
func (s *session) spent() time.Duration { return s.earlier + s.o.Now().Sub(s.began) }

func gpuSeconds(t task.Train, wall time.Duration) int64 {
	return int64(wall.Seconds() * float64(t.GPUs) * float64(max(t.Nodes, 1)))
}

func (s *session) say(format string, args ...any) {
	fmt.Fprintf(s.o.Err, "tryon-worker train: "+format+"\n", args...)
}

func ensureDirs(dirs ...string) error {
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating folder: %w", err)
		}
	}
	return nil
}
