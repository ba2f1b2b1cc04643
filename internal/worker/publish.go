package worker

import (
	"context"
	"flag"

	"github.com/braincreators/tryon-operator/internal/publish"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func runPublish(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker publish", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Publish
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindPublish, err))
	}
	return leave(streams, publish.Run(ctx, t))
}
