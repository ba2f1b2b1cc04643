package synth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
)

// ErrNotEmpty is returned when the target folder holds files and replacing them was not asked for.
var ErrNotEmpty = errors.New("target folder is not empty")

var folders = []string{
	"train/image", "train/cloth", "train/cloth-mask", "train/image-parse-v3", "train/openpose_json", "train/agnostic-v3.2",
	"test/image", "test/cloth", "test/cloth-mask", "test/image-parse-v3", "test/openpose_json", "test/agnostic-v3.2",
	"test/truth", "test/truth-parse",
}

// Generate writes a dataset. It is drawn in a folder beside the target and renamed when complete, so that a target either
// holds a whole dataset or what it held before.
func Generate(ctx context.Context, o Options) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("checking options: %w", err)
	}
	if err := checkTarget(&o); err != nil {
		return err
	}
	parent, base := filepath.Split(filepath.Clean(o.Dir))
	if err := os.MkdirAll(filepath.Join(parent, "."), 0o755); err != nil {
		return fmt.Errorf("creating the target's parent: %w", err)
	}
	draft, err := os.MkdirTemp(filepath.Join(parent, "."), "."+base+".partial-")
	if err != nil {
		return fmt.Errorf("creating draft folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(draft) }()
	if err := drawAll(ctx, &o, draft); err != nil {
		return err
	}
	for _, name := range o.Break {
		fault, _ := faultNamed(name)
		if err := fault.inject(draft); err != nil {
			return fmt.Errorf("injecting fault %s: %w", name, err)
		}
	}
	return replace(draft, filepath.Clean(o.Dir))
}

func checkTarget(o *Options) error {
	entries, err := os.ReadDir(o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking at the target: %w", err)
	case len(entries) > 0 && !o.Force:
		return fmt.Errorf("%s: %w; choose another or use --force", o.Dir, ErrNotEmpty)
	}
	return nil
}

// drawAll renders all rows below root and writes lists and card.
func drawAll(ctx context.Context, o *Options, root string) error {
	if err := makeFolders(root); err != nil {
		return err
	}
	jobs := plan(o)
	if err := renderAll(ctx, o, root, jobs); err != nil {
		return err
	}
	return writeLists(o, root, jobs)
}

func makeFolders(root string) error {
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(root, f), 0o755); err != nil {
			return fmt.Errorf("creating dataset folder: %w", err)
		}
	}
	if err := os.Chmod(root, 0o755); err != nil {
		return fmt.Errorf("opening the draft to readers: %w", err)
	}
	return nil
}

// plan lists the rows. A test person is paired with the garment a fixed number of rows further on, never its own.
func plan(o *Options) []job {
	jobs := make([]job, 0, o.Train+o.Test)
	for i := range o.Train {
		jobs = append(jobs, job{splitTrain, i, -1})
	}
	if o.Test > 0 {
		shift := 1 + dice.Roll(o.Seed, splitTest, 0, "pairs").IntN(o.Test-1)
		for i := range o.Test {
			jobs = append(jobs, job{splitTest, i, (i + shift) % o.Test})
		}
	}
	return jobs
}

func renderAll(ctx context.Context, o *Options, root string, jobs []job) error {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group, ctx := errgroup.WithContext(ctx)
	todo := make(chan job)
	done := make(chan struct{})
	group.Go(func() error {
		defer close(todo)
		for _, j := range jobs {
			select {
			case todo <- j:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range workers {
		group.Go(func() error { return renderSome(ctx, newArtist(o, root), todo, done) })
	}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		n := 0
		for range done {
			n++
			if o.Progress != nil {
				o.Progress(n, len(jobs))
			}
		}
	}()
	err := group.Wait()
	close(done)
	<-finished
	return err
}

func renderSome(ctx context.Context, a *artist, todo <-chan job, done chan<- struct{}) error {
	for j := range todo {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := a.render(j); err != nil {
			return err
		}
		done <- struct{}{}
	}
	return nil
}

// card says what the drawings are, in the words of a dataset version.
type card struct {
	Schema            string `json:"schema"`
	Seed              uint64 `json:"seed"`
	Height            int    `json:"height"`
	Width             int    `json:"width"`
	ParsePalette      string `json:"parsePalette"`
	PoseSchema        string `json:"poseSchema"`
	GarmentBackground [3]int `json:"garmentBackground"`
	License           string `json:"license"`
}

func writeLists(o *Options, root string, jobs []job) error {
	extension := ".png"
	if o.Photo == PhotoJPEG {
		extension = ".jpg"
	}
	lists := map[string]*strings.Builder{splitTrain: {}, splitTest: {}}
	for _, j := range jobs {
		garment := j.index
		if j.other >= 0 {
			garment = j.other
		}
		fmt.Fprintf(lists[j.split], "%s%s %s%s\n", stem(j.split, j.index), extension, stem(j.split, garment), extension)
	}
	for split, list := range lists {
		if err := os.WriteFile(filepath.Join(root, split+"_pairs.txt"), []byte(list.String()), 0o644); err != nil {
			return fmt.Errorf("writing pair list: %w", err)
		}
	}
	body, err := json.MarshalIndent(card{
		Schema: "tryon.synth/v1", Seed: o.Seed, Height: o.Height, Width: o.Width, ParsePalette: "CIHP-20", PoseSchema: "BODY_25",
		GarmentBackground: [3]int{246, 246, 246}, License: "CC0-1.0",
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding dataset card: %w", err)
	}
	if err := os.WriteFile(filepath.Join(root, "dataset.json"), append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing dataset card: %w", err)
	}
	return nil
}

// replace moves the draft to the target; what was there is removed only once the new one is in place.
func replace(draft, target string) error {
	old := draft + ".old"
	switch err := os.Rename(target, old); {
	case err == nil:
		defer func() { _ = os.RemoveAll(old) }()
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("setting the old dataset aside: %w", err)
	}
	if err := os.Rename(draft, target); err != nil {
		return errors.Join(fmt.Errorf("putting the dataset in place: %w", err), os.Rename(old, target))
	}
	return nil
}
