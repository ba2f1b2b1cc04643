package judgement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of a report that could not be made.
const (
	// ReasonBadTask: the task itself makes no sense.
	ReasonBadTask = "BadTask"
	// ReasonStoreUnavailable: the report could not be written.
	ReasonStoreUnavailable = "StoreUnavailable"
)

// Options is what Run needs besides the world.
type Options struct {
	Task task.Judgement
	// Now is when it is made: captured requests that are too old by then are not shown.
	Now time.Time
	// Log takes words for people.
	Log io.Writer
}

// errTask says that the task is to blame.
var errTask = errors.New("bad task")

// Run makes the report, leaves it in the store, and says what came of it. The same task over the same store and the same captured requests gives
// the same bytes.
func Run(ctx context.Context, o Options) report.Envelope {
	ref, summary, err := run(ctx, o)
	if err == nil {
		var e report.Envelope
		if e, err = report.New(report.KindJudgement, o.Task.Key, report.Passed, summary); err == nil {
			e.Report = ref
			return e
		}
	}
	e, _ := report.New(report.KindJudgement, o.Task.Key, report.Errored, nil)
	e.Reason, e.Message = ReasonStoreUnavailable, err.Error()
	if errors.Is(err, errTask) {
		e.Verdict, e.Reason = report.Failed, ReasonBadTask
	}
	return e
}

func run(ctx context.Context, o Options) (*report.Reference, report.JudgementSummary, error) {
	if _, err := artefact.Hex(o.Task.Key); err != nil {
		return nil, report.JudgementSummary{}, fmt.Errorf("%w: key: %w", errTask, err)
	}
	frozen, err := evidence.DecodeFrozen(o.Task.Evidence)
	if err != nil {
		return nil, report.JudgementSummary{}, fmt.Errorf("%w: %w", errTask, err)
	}
	store, err := artefact.Open(ctx, o.Task.Store)
	if err != nil {
		return nil, report.JudgementSummary{}, err
	}
	defer func() { _ = store.Close() }()
	doc := newDocument(o.Task, frozen)
	gallery, err := openGallery(ctx, store, o.Task)
	if err != nil {
		return nil, report.JudgementSummary{}, err
	}
	captured, notes := showCaptured(ctx, o, doc)
	doc.Requests, doc.Captured, doc.Notes = gallery.requests(), captured, append(gallery.notes, notes...)
	for _, note := range doc.Notes {
		fmt.Fprintf(o.Log, "tryon-worker judgement: %s\n", note)
	}
	ref, err := publish(ctx, store, doc, gallery)
	return ref, doc.summary(gallery), err
}

// publish leaves the reports in the store, report.json last.
func publish(ctx context.Context, store *artefact.Store, d *Document, g *gallery) (*report.Reference, error) {
	folder := task.JudgementFolder(d.Key)
	page, err := makePage(d, g)
	if err != nil {
		return nil, err
	}
	body, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encoding report: %w", err)
	}
	if err := store.PutDocument(ctx, folder+"report.html", page); err != nil {
		return nil, fmt.Errorf("publishing page: %w", err)
	}
	if err := store.PutDocument(ctx, folder+"report.json", body); err != nil {
		return nil, fmt.Errorf("publishing report: %w", err)
	}
	return &report.Reference{URI: folder + "report.json", Digest: artefact.DigestOf(body)}, nil
}
