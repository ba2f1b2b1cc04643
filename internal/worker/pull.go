package worker

import (
	"context"
	"flag"
	"fmt"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/task"
)

func runPull(ctx context.Context, args []string, streams Streams) int {
	var t task.Pull
	flags := flag.NewFlagSet("tryon-worker pull", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	file := flags.String("task", "", "file with the task (default: the environment variable "+task.Env+", when no other flag is given)")
	flags.StringVar(&t.Store, "store", "", "URI of the artefact store: file:///dir or s3://bucket/prefix?endpoint=…")
	flags.StringVar(&t.Digest, "digest", "", "digest of the tree, sha256:…")
	flags.StringVar(&t.Dir, "dir", "", "folder to lay it out in")
	if done, code := parse(flags, args); done {
		return code
	}
	if t == (task.Pull{}) {
		if err := readTask(*file, &t); err != nil {
			return pullFailed(streams, exitUsage, err)
		}
	}
	if t.Store == "" || t.Digest == "" || t.Dir == "" || flags.NArg() > 0 {
		return pullFailed(streams, exitUsage, fmt.Errorf("want --store, --digest and --dir and no arguments"))
	}
	tree, err := pull(ctx, t)
	if err != nil {
		return pullFailed(streams, exitErrored, err)
	}
	fmt.Fprintf(streams.Out, "pulled %d files, %d bytes of %s into %s\n", len(tree.Files), tree.Bytes, tree.Digest, t.Dir)
	return exitDone
}

func pull(ctx context.Context, t task.Pull) (artefact.Tree, error) {
	store, err := artefact.Open(ctx, t.Store)
	if err != nil {
		return artefact.Tree{}, err
	}
	defer func() { _ = store.Close() }()
	return store.GetTree(ctx, t.Digest, t.Dir, artefact.Limits{})
}

// pullFailed leaves a line for people where kubectl describe shows it. An init container has no envelope.
func pullFailed(streams Streams, code int, err error) int {
	line := "pull: " + err.Error()
	fmt.Fprintln(streams.Err, line)
	if err := writeTerminationLog([]byte(line)); err != nil {
		fmt.Fprintln(streams.Err, err)
	}
	return code
}
