package worker

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// ReasonCapturesUnavailable: captured requests could not be listed or removed.
const ReasonCapturesUnavailable = "CapturesUnavailable"

func runErase(ctx context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker erase", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+")")
	if done, code := parse(flags, args); done {
		return code
	}
	var t task.Erase
	if err := readTask(*file, &t); err != nil {
		return leave(streams, badTask(report.KindErase, err))
	}
	erased, err := erase(ctx, t)
	if err != nil {
		return leaveWith(streams, report.KindErase, t.Key, outcome{
			verdict: report.Errored, reason: ReasonCapturesUnavailable, message: fmt.Sprintf("%s: %v", t.Capture.Shown, err),
		})
	}
	return leaveWith(streams, report.KindErase, t.Key, outcome{
		verdict: report.Passed, summary: report.EraseSummary{Files: int64(erased.Removed), Bytes: erased.RemovedBytes},
	})
}

func erase(ctx context.Context, t task.Erase) (capture.Swept, error) {
	folder, err := capture.Open(ctx, t.Capture.URI)
	if err != nil {
		return capture.Swept{}, err
	}
	defer func() { _ = folder.Close() }()
	return folder.Erase(ctx, time.Now())
}
