package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
	"github.com/braincreators/tryon-operator/internal/train"
)

func runTrain(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker train", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Train
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindStage, err))
	}
	rank, err := rankFrom(os.LookupEnv)
	if err != nil {
		return leave(streams, badTask(report.KindStage, err))
	}
	fetch := func(ctx context.Context, store *artefact.Store, t task.Train, dir string) error {
		return dataset.Fetch(ctx, store, t.Source, t.Digest, dir)
	}
	ending := train.Run(ctx, train.Options{
		Task: t, Command: flags.Args(), Rank: rank, Fetch: fetch, Out: streams.Out, Err: streams.Err,
	})
	code := leave(streams, ending)
	if ending.Reason == train.ReasonTerminated {
		return report.ExitTerminated
	}
	return code
}

// rankVariables name this node's rank, in the order in which they are believed: what PyTorchJob, Trainer v2's torchrun and an
// indexed Job set.
var rankVariables = []string{"RANK", "PET_NODE_RANK", "JOB_COMPLETION_INDEX"}

// rankFrom finds the node's rank; alone it is 0.
func rankFrom(lookup func(string) (string, bool)) (int, error) {
	for _, name := range rankVariables {
		text, ok := lookup(name)
		if !ok || text == "" {
			continue
		}
		rank, err := strconv.Atoi(text)
		if err != nil || rank < 0 {
			return 0, fmt.Errorf("environment variable %s is %.20q and no rank", name, text)
		}
		return rank, nil
	}
	return 0, nil
}

// badTask is the envelope of work that was not even understood.
func badTask(kind report.Kind, err error) report.Envelope {
	return report.Envelope{Schema: report.Schema, Kind: kind, Verdict: report.Errored, Reason: "BadTask", Message: err.Error()}
}

// parse parses flags; when done is true the subcommand ends with that code.
func parse(flags *flag.FlagSet, args []string) (done bool, code int) {
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return true, exitDone
	case err != nil:
		return true, exitUsage
	}
	return false, 0
}
