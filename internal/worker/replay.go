package worker

import (
	"context"
	"flag"

	"github.com/braincreators/tryon-operator/internal/replay"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func runReplay(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker replay", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Replay
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindReplay, err))
	}
	code := leave(streams, replay.Run(ctx, replay.Options{Task: t, Log: streams.Err}))
	if ctx.Err() != nil {
		return report.ExitTerminated
	}
	return code
}
