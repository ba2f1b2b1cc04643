package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// installedName is the copy's name in the folder.
const installedName = "tryon-worker"

func runInstall(_ context.Context, args []string, streams Streams) int {
	flags := flag.NewFlagSet("tryon-worker install", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	if done, code := parse(flags, args); done {
		return code
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(streams.Err, "tryon-worker install: want one folder")
		return exitUsage
	}
	target := filepath.Join(flags.Arg(0), installedName)
	if err := install(target); err != nil {
		fmt.Fprintf(streams.Err, "tryon-worker install: %v\n", err)
		return exitErrored
	}
	fmt.Fprintf(streams.Out, "installed %s\n", target)
	return exitDone
}

// install copies the running program; the copy appears whole.
func install(target string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	in, err := os.Open(self)
	if err != nil {
		return fmt.Errorf("opening this program: %w", err)
	}
	defer func() { _ = in.Close() }()
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("creating folder: %w", err)
	}
	out, err := os.CreateTemp(filepath.Dir(target), "."+installedName+"-")
	if err != nil {
		return fmt.Errorf("creating copy: %w", err)
	}
	defer func() { _ = os.Remove(out.Name()) }()
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		return fmt.Errorf("copying this program: %w", err)
	}
	if err := os.Rename(out.Name(), target); err != nil {
		return fmt.Errorf("naming the copy: %w", err)
	}
	return nil
}
