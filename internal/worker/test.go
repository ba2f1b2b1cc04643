package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"text/tabwriter"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/datatest/page"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Reasons of data tests that did not pass.
const (
	// ReasonDataTestsFailed: a check that blocks found more offenders than its budget.
	ReasonDataTestsFailed = "DataTestsFailed"
	// ReasonNotMeasured: a check that blocks could not look at what it needs.
	ReasonNotMeasured = "NotMeasured"
	// ReasonBadOverride: an override of a check cannot take effect.
	ReasonBadOverride = "BadOverride"
)

func runTest(ctx context.Context, args []string, streams Streams) int {
	var t task.DataTest
	out, code, ok := parseTest(args, streams, &t)
	if !ok {
		return code
	}
	// Only a task comes with a key.
	byHand := t.Key == ""
	verdict, code := testTask(ctx, &t, out, streams)
	if byHand && code == exitDone && verdict == report.Failed {
		return exitFailed
	}
	return code
}

// testTask runs the tests and leaves their report; it gives the verdict, and the exit code of a pod.
func testTask(ctx context.Context, t *task.DataTest, out string, streams Streams) (report.Verdict, int) {
	store, err := artefact.Create(ctx, t.Store)
	if err != nil {
		return report.Errored, leaveUnavailable(streams, report.KindDataTests, t.Key, err)
	}
	defer func() { _ = store.Close() }()
	if t.Digest == "" {
		// A person who tests a folder means it as it is now.
		pinned, err := dataset.Pin(ctx, store, dataset.PinOptions{URI: t.Source.URI, Layout: t.Source.Layout})
		if err != nil {
			return report.Errored, leaveUnavailable(streams, report.KindDataTests, t.Key, err)
		}
		t.Digest = pinned.Digest
	}
	full, rendered, err := testDataset(ctx, store, t, streams)
	switch {
	case errors.Is(err, datatest.ErrOverride):
		return report.Failed, leaveWith(streams, report.KindDataTests, t.Key, outcome{verdict: report.Failed, reason: ReasonBadOverride, message: err.Error()})
	case err != nil:
		return report.Errored, leaveUnavailable(streams, report.KindDataTests, t.Key, err)
	}
	if t.Key == "" {
		t.Key = artefact.DigestOf(rendered.JSON)
	}
	name, err := rendered.Store(ctx, store, t.Digest, t.Key)
	if err == nil {
		err = writeReports(out, rendered)
	}
	if err != nil {
		return report.Errored, leaveUnavailable(streams, report.KindDataTests, t.Key, err)
	}
	printChecks(streams.Out, full)
	o := outcomeOf(full)
	o.report = &report.Reference{URI: name, Digest: artefact.DigestOf(rendered.JSON)}
	return o.verdict, leaveWith(streams, report.KindDataTests, t.Key, o)
}

func testDataset(ctx context.Context, store *artefact.Store, t *task.DataTest, streams Streams) (*datatest.Full, *page.Rendered, error) {
	manifest, err := dataset.ReadManifest(ctx, store, t.Digest)
	if err != nil {
		return nil, nil, err
	}
	source, err := dataset.OpenSource(ctx, t.Source.URI)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = source.Close() }()
	m := newMeter(streams.Err, "testing")
	full, err := datatest.Run(ctx, datatest.Options{
		Source: source, Manifest: manifest, Digest: t.Digest, Checks: t.Checks, Memory: pictureMemory(), Progress: m.show,
	})
	m.end()
	if err != nil {
		return nil, nil, err
	}
	rendered, err := page.Render(ctx, full, source, manifest)
	return full, rendered, err
}

// pictureMemory is the half of the heap that decoded pictures may take; 0 where nobody bounds the heap. The rest is for files, fingerprints and
// garbage.
func pictureMemory() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return 0
	}
	return limit / 2
}

func outcomeOf(full *datatest.Full) outcome {
	summary := full.Summary()
	o := outcome{verdict: full.Verdict, summary: summary}
	first := summary.First
	switch full.Verdict {
	case report.Failed:
		o.reason = ReasonDataTestsFailed
		o.message = fmt.Sprintf("%s: %d found, %d allowed; first: %s: %s", first.Check, first.Count, first.Budget, first.Offender, first.Detail)
	case report.Errored:
		o.reason = ReasonNotMeasured
		for _, r := range full.Checks {
			if r.Verdict == report.Errored && r.Severity == datatest.Block {
				o.message = r.Name + ": " + r.Note
				break
			}
		}
	}
	return o
}

// printChecks is the summary for a person.
func printChecks(w io.Writer, full *datatest.Full) {
	table := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	for _, r := range full.Checks {
		word := strings.ToLower(string(r.Verdict))
		switch {
		case r.Severity == datatest.Off:
			word = "off"
		case r.Verdict == report.Failed && r.Severity == datatest.Block:
			word = "BLOCKS"
		case r.Verdict == report.Failed:
			word = "warns"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", word, r.Name, r.Finding())
		for i, o := range r.Named {
			if i == 2 || r.Verdict == report.Passed {
				break
			}
			fmt.Fprintf(table, "\t\t  %s: %s\n", o.Path, o.Detail)
		}
	}
	_ = table.Flush()
}

// writeReports leaves copies of the reports in a folder, for --out.
func writeReports(dir string, r *page.Rendered) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("creating report folder: %w", err)
	}
	for name, body := range map[string][]byte{"report.json": r.JSON, "report.html": r.HTML, "junit.xml": r.JUnit} {
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return fmt.Errorf("writing report: %w", err)
		}
	}
	return nil
}

func parseTest(args []string, streams Streams, t *task.DataTest) (out string, code int, ok bool) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: environment "+task.Env+")")
	flags.StringVar(&t.Source.URI, "source", "", "folder or URI of the dataset, instead of a task")
	flags.StringVar(&t.Source.Layout, "layout", dataset.LayoutVITONHD, "layout of the files")
	flags.StringVar(&t.Store, "store", "", "folder or URI of the artefact store (default: .tryon beside the dataset)")
	flags.StringVar(&t.Digest, "digest", "", "version to test (default: pin the source first)")
	flags.StringVar(&out, "out", "", "folder for copies of report.html, report.json and junit.xml")
	flags.Func("check", "override a check, NAME=SEVERITY[,BUDGET], for example near-duplicates=Block,1%; repeatable", func(s string) error {
		o, err := parseOverride(s)
		t.Checks = append(t.Checks, o)
		return err
	})
	code, ok = parseTask(flags, args, streams, taskFlags{file: file, source: &t.Source.URI, store: &t.Store}, t)
	return out, code, ok
}

func parseOverride(s string) (task.CheckOverride, error) {
	name, rest, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return task.CheckOverride{}, fmt.Errorf("%q is not NAME=SEVERITY[,BUDGET]", s)
	}
	severity, budget, _ := strings.Cut(rest, ",")
	return task.CheckOverride{Name: name, Severity: severity, Budget: budget}, nil
}
