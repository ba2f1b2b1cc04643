package worker

import (
	"context"
	"flag"

	"github.com/braincreators/tryon-operator/internal/evaluate"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func runEvaluate(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker evaluate", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Evaluate
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindEvaluation, err))
	}
	return leave(streams, evaluate.Run(ctx, evaluate.Options{Task: t, Log: streams.Err}))
}
