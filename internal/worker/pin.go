package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of a pin that did not pass.
const (
	// ReasonDataRefused: names, sizes or kinds of files are not acceptable, or the layout is not there.
	ReasonDataRefused = "DataRefused"
	// ReasonDigestMismatch: the data is not what the model asks for.
	ReasonDigestMismatch = "DigestMismatch"
	// ReasonSourceUnavailable: the source or the store could not be read or written.
	ReasonSourceUnavailable = "SourceUnavailable"
)

func runPin(ctx context.Context, args []string, streams Streams) int {
	var t task.Pin
	if code, ok := parsePin(args, streams, &t); !ok {
		return code
	}
	store, err := artefact.Create(ctx, t.Store)
	if err != nil {
		return leaveUnavailable(streams, report.KindPin, t.Key, err)
	}
	defer func() { _ = store.Close() }()
	m := newMeter(streams.Err, "hashing")
	pinned, err := dataset.Pin(ctx, store, dataset.PinOptions{URI: t.Source.URI, Layout: t.Source.Layout, Progress: m.show})
	m.end()
	if err != nil {
		if refused(err) {
			return leaveWith(streams, report.KindPin, t.Key, outcome{verdict: report.Failed, reason: ReasonDataRefused, message: err.Error()})
		}
		return leaveUnavailable(streams, report.KindPin, t.Key, err)
	}
	summary := report.PinSummary{
		Digest: pinned.Digest, Files: int64(len(pinned.Manifest.Files)), Bytes: pinned.Manifest.Bytes(),
		TrainPairs: int64(len(pinned.Manifest.Pairs["train"])), TestPairs: int64(len(pinned.Manifest.Pairs["test"])),
		Height: int32(pinned.Height), Width: int32(pinned.Width),
	}
	fmt.Fprintf(streams.Err, "read %d of %d files, the others are unchanged\n", pinned.Read, summary.Files)
	o := outcome{verdict: report.Passed, summary: summary, report: &report.Reference{URI: dataset.ManifestName(pinned.Digest), Digest: pinned.Digest}}
	if t.Digest != "" && t.Digest != pinned.Digest {
		o.verdict, o.reason = report.Failed, ReasonDigestMismatch
		o.message = fmt.Sprintf("the source holds %s, asked for was %s", pinned.Digest, t.Digest)
	}
	return leaveWith(streams, report.KindPin, t.Key, o)
}

// refused tells the data's faults from those of disks and networks.
func refused(err error) bool {
	for _, fault := range []error{dataset.ErrUnsafeName, dataset.ErrIrregular, dataset.ErrTooLarge, dataset.ErrLayout} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

// parsePin takes the task from flags if --source is given, else from a file or the environment.
func parsePin(args []string, streams Streams, t *task.Pin) (code int, ok bool) {
	flags := flag.NewFlagSet("pin", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: environment "+task.Env+")")
	flags.StringVar(&t.Source.URI, "source", "", "folder or URI of the dataset, instead of a task")
	flags.StringVar(&t.Source.Layout, "layout", dataset.LayoutVITONHD, "layout of the files")
	flags.StringVar(&t.Store, "store", "", "folder or URI of the artefact store (default: .tryon beside the dataset)")
	flags.StringVar(&t.Digest, "digest", "", "accept only this content")
	return parseTask(flags, args, streams, taskFlags{file: file, source: &t.Source.URI, store: &t.Store}, t)
}
