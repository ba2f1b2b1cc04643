package worker

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/train"
)

// sweepFlags are what a person says on the command line.
type sweepFlags struct {
	store                  string
	olderThan, checkpoints time.Duration
	remove                 bool
}

func runSweep(ctx context.Context, args []string, streams Streams) int {
	f := sweepFlags{}
	flags := flag.NewFlagSet("tryon-worker sweep", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	flags.StringVar(&f.store, "store", "", "URI of the artefact store: file:///dir or s3://bucket/prefix?endpoint=…")
	flags.BoolVar(&f.remove, "delete", false, "delete; without it the sweep only lists what it would delete")
	flags.DurationVar(&f.olderThan, "older-than", artefact.Grace, "take only what was written longer ago than this; at least "+artefact.Grace.String())
	flags.DurationVar(&f.checkpoints, "checkpoints-older-than", 0,
		"also take checkpoints of unfinished stages that were written longer ago than this; such a stage starts from its beginning (default: none)")
	if done, code := parse(flags, args); done {
		return code
	}
	if f.store == "" || flags.NArg() > 0 {
		fmt.Fprintln(streams.Err, "tryon-worker sweep: want --store URI and no arguments")
		return exitUsage
	}
	if f.olderThan < artefact.Grace || (f.checkpoints != 0 && f.checkpoints < artefact.Grace) {
		fmt.Fprintf(streams.Err, "tryon-worker sweep: what is younger than %s may be in use: ask for more\n", artefact.Grace)
		return exitUsage
	}
	if err := sweep(ctx, f, time.Now(), streams); err != nil {
		fmt.Fprintf(streams.Err, "tryon-worker sweep: %v\n", err)
		return exitErrored
	}
	return exitDone
}

func sweep(ctx context.Context, f sweepFlags, now time.Time, streams Streams) error {
	uri, err := asURI(f.store)
	if err != nil {
		return err
	}
	store, err := artefact.Open(ctx, uri)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	options := artefact.SweepOptions{Now: now, MinAge: f.olderThan, Delete: f.remove}
	if f.checkpoints > 0 {
		options.Forget = func(name string, written time.Time) bool {
			return train.IsCheckpoint(name) && now.Sub(written) > f.checkpoints
		}
	}
	items, err := store.Sweep(ctx, options)
	f.show(items, now, streams)
	return err
}

// show lists what was taken, also when the sweep ended early.
func (f sweepFlags) show(items []artefact.Item, now time.Time, streams Streams) {
	table := tabwriter.NewWriter(streams.Out, 2, 2, 2, ' ', 0)
	var sum int64
	for _, item := range items {
		sum += item.Bytes
		fmt.Fprintf(table, "%s\t%d bytes\t%s old\n", item.Name, item.Bytes, now.Sub(item.Written).Round(time.Hour))
	}
	_ = table.Flush()
	if f.remove {
		fmt.Fprintf(streams.Out, "deleted %d objects, %d bytes\n", len(items), sum)
		return
	}
	fmt.Fprintf(streams.Out, "would delete %d objects, %d bytes; --delete does it\n", len(items), sum)
}
