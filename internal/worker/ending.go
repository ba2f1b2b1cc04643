package worker

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/braincreators/tryon-operator/internal/report"
)

// outcome is a verdict with its words, its numbers (nil for none) and where the full report is.
type outcome struct {
	verdict         report.Verdict
	reason, message string
	summary         any
	report          *report.Reference
}

// leaveWith ends with an envelope around a summary.
func leaveWith(streams Streams, kind report.Kind, key string, o outcome) int {
	e, err := report.New(kind, key, o.verdict, o.summary)
	if err != nil {
		fmt.Fprintf(streams.Err, "%s: %v\n", kind, err)
		return exitErrored
	}
	e.Reason, e.Message, e.Report = o.reason, strings.ToValidUTF8(o.message, "\uFFFD"), o.report
	return leave(streams, e)
}

// leaveUnavailable ends because the source or the store could not be read or written.
func leaveUnavailable(streams Streams, kind report.Kind, key string, err error) int {
	return leaveWith(streams, kind, key, outcome{verdict: report.Errored, reason: ReasonSourceUnavailable, message: err.Error()})
}

// taskFlags are the parts of a task that stand on a command line in the place of a task.
type taskFlags struct{ file, source, store *string }

// parseTask parses flags; without --source the task comes from a file or the environment, and no other flag may be given
// beside it. ok is false when the subcommand is over, with its exit code.
func parseTask(flags *flag.FlagSet, args []string, streams Streams, f taskFlags, into any) (code int, ok bool) {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone, false
	case err != nil:
		return exitUsage, false
	case flags.NArg() > 0:
		fmt.Fprintf(streams.Err, "%s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return exitUsage, false
	}
	if *f.source == "" {
		if err := readTask(*f.file, into); err != nil {
			fmt.Fprintf(streams.Err, "%s: %v; or give --source\n", flags.Name(), err)
			return exitUsage, false
		}
		return exitDone, true
	}
	source, err := asURI(*f.source)
	if err == nil && *f.store == "" {
		*f.store, err = besides(source)
	}
	if err == nil {
		*f.store, err = asURI(*f.store)
	}
	if err != nil {
		fmt.Fprintf(streams.Err, "%s: %v\n", flags.Name(), err)
		return exitUsage, false
	}
	*f.source = source
	return exitDone, true
}

// asURI makes a URI of a folder's name; URIs stay.
func asURI(s string) (string, error) {
	if strings.Contains(s, "://") {
		return s, nil
	}
	abs, err := filepath.Abs(s)
	if err != nil {
		return "", fmt.Errorf("resolving %q: %w", s, err)
	}
	return (&url.URL{Scheme: "file", Path: abs}).String(), nil
}

// besides is the default artefact store of a person at a laptop: a hidden folder next to the dataset, or here for remote data.
func besides(source string) (string, error) {
	u, err := url.Parse(source)
	if err != nil {
		return "", fmt.Errorf("parsing source: %w", err)
	}
	if u.Scheme == "file" {
		return filepath.Join(filepath.Dir(u.Path), ".tryon"), nil
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	return filepath.Join(here, ".tryon"), nil
}
