package worker

import (
	"context"
	"fmt"
	"io"
	"os"
	"sort"
	"text/tabwriter"
)

// Streams is where a subcommand talks: results on Out, progress and mistakes on Err.
type Streams struct {
	Out, Err io.Writer
}

// Command is one subcommand.
type Command struct {
	// Name on the command line.
	Name string
	// Summary is one line for the help text.
	Summary string
	// Run does the work with the arguments after the name and returns the process's exit code:
	// 0 done (also when the verdict is Failed), 1 could not be done, 2 asked for wrongly.
	Run func(ctx context.Context, args []string, io Streams) int
}

// Exit codes of the worker.
const (
	exitDone    = 0
	exitErrored = 1
	exitUsage   = 2
)

// commands is filled by one register call per file, so that a part can be added without touching the others.
var commands = map[string]Command{}

// register adds a subcommand to the table. It is called from variable declarations, before Main runs.
func register(c Command) Command {
	commands[c.Name] = c
	return c
}

// Main runs the subcommand that args name and returns the exit code.
func Main(ctx context.Context, args []string) int {
	return dispatch(ctx, args, Streams{Out: os.Stdout, Err: os.Stderr})
}

func dispatch(ctx context.Context, args []string, io Streams) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(io.Out)
		if len(args) == 0 {
			return exitUsage
		}
		return exitDone
	}
	command, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(io.Err, "tryon-worker: no subcommand %q\n\n", args[0])
		usage(io.Err)
		return exitUsage
	}
	return command.Run(ctx, args[1:], io)
}

func usage(w io.Writer) {
	fmt.Fprint(w, "tryon-worker does the work of the try-on operator's pods.\n\nSubcommands:\n")
	names := make([]string, 0, len(commands))
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	table := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	for _, name := range names {
		fmt.Fprintf(table, "  %s\t%s\n", name, commands[name].Summary)
	}
	_ = table.Flush()
	fmt.Fprint(w, "\nEach explains itself with --help.\n")
}
