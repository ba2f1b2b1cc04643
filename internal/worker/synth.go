package worker

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/synth"
)

func runSynth(ctx context.Context, args []string, streams Streams) int {
	options, err := parseSynth(args, streams)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		fmt.Fprintf(streams.Err, "synth: %v\n", err)
		return exitUsage
	}
	started := time.Now()
	meter := newMeter(streams.Err, "drawing")
	options.Progress = meter.show
	if err := synth.Generate(ctx, *options); err != nil {
		meter.end()
		fmt.Fprintf(streams.Err, "synth: %v\n", err)
		return exitErrored
	}
	meter.end()
	fmt.Fprintf(streams.Out, "drew %d training and %d test rows of %dx%d in %s: %s\n", options.Train, options.Test,
		options.Height, options.Width, time.Since(started).Round(100*time.Millisecond), options.Dir)
	for _, name := range options.Break {
		fmt.Fprintf(streams.Out, "broken on purpose: %s\n", name)
	}
	return exitDone
}

func parseSynth(args []string, streams Streams) (*synth.Options, error) {
	o := &synth.Options{}
	var broken, photo string
	flags := flag.NewFlagSet("synth", flag.ContinueOnError)
	flags.SetOutput(streams.Err)
	flags.StringVar(&o.Dir, "out", "", "folder to write (required)")
	flags.Uint64Var(&o.Seed, "seed", 1, "seed that decides every picture")
	flags.IntVar(&o.Train, "train", 1200, "training rows")
	flags.IntVar(&o.Test, "test", 64, "test rows, each with the same person in another garment")
	flags.IntVar(&o.Height, "height", 256, "height in pixels")
	flags.IntVar(&o.Width, "width", 192, "width in pixels")
	flags.IntVar(&o.Workers, "workers", 0, "parallel renderers (0: one per core)")
	flags.StringVar(&photo, "photo", "png", "format of photographs: png or jpg")
	flags.BoolVar(&o.Force, "force", false, "replace a target that is not empty")
	flags.StringVar(&broken, "break", "", "inject faults, separated by commas: "+strings.Join(synth.FaultNames(), ", "))
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.Dir == "" {
		return nil, errors.New("--out is required")
	}
	o.Photo = synth.PhotoFormat(photo)
	if broken != "" {
		o.Break = strings.Split(broken, ",")
	}
	return o, nil
}

// meter shows progress on one line, at most a few times a second.
type meter struct {
	mu     sync.Mutex
	w      io.Writer
	verb   string
	began  time.Time
	last   time.Time
	active bool
}

func newMeter(w io.Writer, verb string) *meter {
	return &meter{w: w, verb: verb, began: time.Now()}
}

func (m *meter) show(done, total int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if done < total && now.Sub(m.last) < time.Second {
		return
	}
	m.last, m.active = now, true
	rate := float64(done) / max(now.Sub(m.began).Seconds(), 1e-3)
	fmt.Fprintf(m.w, "\r%s %d/%d (%d%%), %.0f/s ", m.verb, done, total, 100*done/max(total, 1), rate)
}

func (m *meter) end() {
	if m.active {
		fmt.Fprintln(m.w)
	}
}
