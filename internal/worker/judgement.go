package worker

import (
	"context"
	"flag"
	"time"

	"github.com/braincreators/tryon-operator/internal/judgement"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func runJudgement(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker judgement", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Judgement
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindJudgement, err))
	}
	return leave(streams, judgement.Run(ctx, judgement.Options{Task: t, Now: time.Now(), Log: streams.Err}))
}
