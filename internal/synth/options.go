package synth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PhotoFormat is how pictures of persons and garments are stored. Masks and parse maps are always PNG: JPEG would invent labels.
type PhotoFormat string

const (
	// PhotoPNG stores exact pixels and is the default.
	PhotoPNG PhotoFormat = "png"
	// PhotoJPEG stores quality 95, about a quarter of the size.
	PhotoJPEG PhotoFormat = "jpg"
)

// Options says what to generate.
type Options struct {
	// Dir receives the dataset; it appears whole or not at all.
	Dir string
	// Seed decides every picture.
	Seed uint64
	// Train and Test are numbers of rows; Test is 0 or at least 2, because an unpaired list needs another garment.
	Train, Test int
	// Height and Width of every picture in pixels.
	Height, Width int
	// Workers render in parallel; 0 means one per core. It changes no byte of the result.
	Workers int
	// Photo is the format of person, garment, agnostic and truth pictures; empty means PNG.
	Photo PhotoFormat
	// Force replaces a target that is not empty.
	Force bool
	// Break injects named faults; see Faults.
	Break []string
	// Progress, if set, is called after every row, from one goroutine at a time.
	Progress func(done, total int)
}

// Bounds of what can be asked for.
const (
	MaxRows   = 400_000
	MaxHeight = 2048
	minHeight = 32
)

func (o *Options) validate() error {
	var errs []error
	if o.Dir == "" {
		errs = append(errs, errors.New("no target folder given"))
	}
	if o.Train < 0 || o.Test < 0 || o.Train > MaxRows || o.Test > MaxRows || o.Train+o.Test == 0 {
		errs = append(errs, fmt.Errorf("rows must be between 1 and %d per split, got %d train and %d test", MaxRows, o.Train, o.Test))
	}
	if o.Test == 1 {
		errs = append(errs, errors.New("a test split of one row has no other garment to pair with; ask for 0 or at least 2"))
	}
	errs = append(errs, o.checkPictures())
	for _, name := range o.Break {
		if _, ok := faultNamed(name); !ok {
			errs = append(errs, fmt.Errorf("unknown fault %q; known: %s", name, strings.Join(FaultNames(), ", ")))
		}
	}
	return errors.Join(errs...)
}

func (o *Options) checkPictures() error {
	var errs []error
	if o.Height < minHeight || o.Height > MaxHeight {
		errs = append(errs, fmt.Errorf("height must be between %d and %d, got %d", minHeight, MaxHeight, o.Height))
	}
	if ratio := float64(o.Width) / float64(max(o.Height, 1)); ratio < 0.6 || ratio > 1 {
		errs = append(errs, fmt.Errorf("width must be 0.6 to 1 times the height, got %dx%d", o.Width, o.Height))
	}
	if !slices.Contains([]PhotoFormat{"", PhotoPNG, PhotoJPEG}, o.Photo) {
		errs = append(errs, fmt.Errorf("unknown photo format %q; use png or jpg", o.Photo))
	}
	return errors.Join(errs...)
}
