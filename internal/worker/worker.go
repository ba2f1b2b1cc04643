package worker

import (
	"context"
	"fmt"
	"io"
	"os"
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
	// exitFailed: what a person put to the data unit tests failed. In a pod a verdict is an outcome, which the Job must not try again.
	exitFailed = 3
)

// commands is the table of subcommands, in the order in which a dataset becomes weights.
func commands() []Command {
	return []Command{
		{"synth", "draw a try-on dataset with exact ground truth (VITON-HD layout)", runSynth},
		{"pin", "pin a dataset: manifest of every file by sha256, and its digest", runPin},
		{"test", "unit-test a pinned dataset; JSON, JUnit and HTML report", runTest},
		{"train", "run a training command as one stage: fetch, restore, watch, publish (train [--task FILE] -- COMMAND …)", runTrain},
		{"evaluate", "score what a serving runtime answers on the test split, beside two baselines", runEvaluate},
		{"replay", "compare two versions on golden requests, captured ones and the test split, put to two serving runtimes in turn", runReplay},
		{"publish", "compose the servable weights of a version: graph, signature, golden requests, card", runPublish},
		{"judgement", "make the page of a decided judgement: intervals, latencies, errors, recorded answers side by side", runJudgement},
		{"pull", "fetch a tree of the artefact store by digest into a folder, verifying every byte", runPull},
		{"install", "copy this program into a folder, for containers of other images (install DIR)", runInstall},
		{"erase", "remove all captured requests of a deployment", runErase},
		{"reports", "show the reports of an artefact store over HTTP, read-only", runReports},
		{"sweep", "list, or with --delete remove, what no document of an artefact store names any more", runSweep},
	}
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
	for _, command := range commands() {
		if command.Name == args[0] {
			return command.Run(ctx, args[1:], io)
		}
	}
	fmt.Fprintf(io.Err, "tryon-worker: no subcommand %q\n\n", args[0])
	usage(io.Err)
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "tryon-worker does the work of the try-on operator's pods.\n\nSubcommands:\n")
	table := tabwriter.NewWriter(w, 2, 2, 2, ' ', 0)
	for _, command := range commands() {
		fmt.Fprintf(table, "  %s\t%s\n", command.Name, command.Summary)
	}
	_ = table.Flush()
	fmt.Fprint(w, "\nEach explains itself with --help.\n")
}
