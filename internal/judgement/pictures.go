package judgement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/quality"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	// maxShown bounds the requests that the page has pictures of: side by side, or of each version.
	maxShown  = 24
	thumbSide = 240
	// gain is how much darker than it is a difference is drawn.
	gain = 4
)

// maxGolden bounds a golden set on disk.
var maxGolden = artefact.Limits{Files: 512, Bytes: 1 << 30}

// pair is a request with both answers, as small JPEG pictures.
type pair struct {
	Request
	person, garment, stable, candidate, difference []byte
}

// single is a request with one version's answer.
type single struct {
	name                    string
	person, garment, answer []byte
}

// gallery is all that the page has pictures of.
type gallery struct {
	// pairs are ordered by disagreement, the greatest first.
	pairs []pair
	// stable and candidate are shown where there are no pairs.
	stable, candidate []single
	// shared counts the requests of both sets, also beyond what is shown.
	shared int
	notes  []string
}

func (g *gallery) shown() int { return len(g.pairs) + len(g.stable) + len(g.candidate) }

func (g *gallery) requests() []Request {
	out := []Request{}
	for _, p := range g.pairs {
		out = append(out, p.Request)
	}
	return out
}

// openGallery fetches both golden sets. What is missing is said in a note; an error is the scratch folder's, or the end of the context.
func openGallery(ctx context.Context, store *artefact.Store, t task.Judgement) (*gallery, error) {
	g := &gallery{}
	if err := os.MkdirAll(t.Scratch, 0o755); err != nil {
		return nil, fmt.Errorf("creating scratch folder: %w", err)
	}
	dir, err := os.MkdirTemp(t.Scratch, "judgement-")
	if err != nil {
		return nil, fmt.Errorf("creating scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	stable := g.open(ctx, store, t.Stable, filepath.Join(dir, "stable"))
	defer closeSet(stable)
	candidate := g.open(ctx, store, t.Candidate, filepath.Join(dir, "candidate"))
	defer closeSet(candidate)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading golden sets: %w", err)
	}
	if err := g.fill(stable, candidate); err != nil {
		*g = gallery{notes: append(g.notes, "The pictures could not be read: "+err.Error())}
	}
	return g, nil
}

func closeSet(s *golden.Set) {
	if s != nil {
		_ = s.Close()
	}
}

// open fetches a version's golden set; nil where there is none, with a note.
func (g *gallery) open(ctx context.Context, store *artefact.Store, v task.JudgedVersion, dir string) *golden.Set {
	if v.Golden == "" {
		g.notes = append(g.notes, fmt.Sprintf("%s has no golden set on record, so there are no pictures of it.", v.Name))
		return nil
	}
	_, err := store.GetTree(ctx, v.Golden, dir, maxGolden)
	var set *golden.Set
	if err == nil {
		set, err = golden.Open(dir)
	}
	if err != nil {
		g.notes = append(g.notes, fmt.Sprintf("The golden set of %s could not be read, so there are no pictures of it: %v", v.Name, err))
		return nil
	}
	return set
}

// fill puts side by side what both sets hold; where they hold nothing in common, it takes each set's own answers.
func (g *gallery) fill(stable, candidate *golden.Set) error {
	if stable != nil && candidate != nil {
		if err := g.match(stable, candidate); err != nil || len(g.pairs) > 0 {
			return err
		}
		g.notes = append(g.notes, "The golden sets of the two versions have no request in common: they were recorded from different test data, or at different resolutions. Each version's own answers are shown instead.")
	}
	var errs [2]error
	g.stable, errs[0] = singles(stable)
	g.candidate, errs[1] = singles(candidate)
	return errors.Join(errs[:]...)
}

func singles(s *golden.Set) ([]single, error) {
	if s == nil {
		return nil, nil
	}
	var all []single
	for i := range min(len(s.Index.Requests), maxShown/2) {
		r, err := s.Read(i)
		if err != nil {
			return nil, err
		}
		one := single{name: r.Name}
		err = thumbnails(s.Signature, []source{{r.In.Person, &one.person}, {r.In.Garment, &one.garment}, {r.Out.Image, &one.answer}})
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// match finds the requests of both sets by their input and compares the answers. Pictures are read twice, so that two are in memory at a time.
func (g *gallery) match(stable, candidate *golden.Set) error {
	at := map[string]int{}
	for i := range candidate.Index.Requests {
		r, err := candidate.Read(i)
		if err != nil {
			return err
		}
		at[candidate.Input(r.In)] = i
	}
	for i := range stable.Index.Requests {
		r, err := stable.Read(i)
		if err != nil {
			return err
		}
		input := stable.Input(r.In)
		k, both := at[input]
		if !both {
			continue
		}
		delete(at, input)
		other, err := candidate.Read(k)
		if err != nil {
			return err
		}
		p, err := compare(stable.Signature, r, other.Out)
		if err != nil {
			return err
		}
		p.Input = input
		g.pairs = append(g.pairs, p)
	}
	slices.SortStableFunc(g.pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.Garment, a.Garment), cmp.Compare(b.Outside, a.Outside), cmp.Compare(a.Name, b.Name))
	})
	g.shared = len(g.pairs)
	g.pairs = g.pairs[:min(len(g.pairs), maxShown)]
	return nil
}

func compare(s oip.Signature, r golden.Recorded, candidate oip.Result) (pair, error) {
	request := quality.Request{Height: s.Height, Width: s.Width, Person: r.In.Person, Garment: r.In.Garment, GarmentMask: r.In.GarmentMask}
	apart, err := quality.Disagreement(request, answerOf(r.Out), answerOf(candidate))
	if err != nil {
		return pair{}, err
	}
	p := pair{Request: Request{Name: r.Name, Garment: apart.Garment, Outside: apart.Outside}}
	return p, thumbnails(s, []source{
		{r.In.Person, &p.person}, {r.In.Garment, &p.garment}, {r.Out.Image, &p.stable}, {candidate.Image, &p.candidate},
		{difference(r.Out.Image, candidate.Image), &p.difference},
	})
}

func answerOf(r oip.Result) quality.Answer {
	return quality.Answer{Image: r.Image, WarpedMask: r.WarpedMask, CompositeMask: r.CompositeMask}
}

// difference is white where two pictures are equal and darker where they are not.
func difference(a, b []byte) []byte {
	out := make([]byte, len(a))
	for i := 0; i+2 < len(a); i += 3 {
		var sum int
		for c := range 3 {
			sum += max(int(a[i+c])-int(b[i+c]), int(b[i+c])-int(a[i+c]))
		}
		level := byte(max(0, 255-gain*sum/3))
		out[i], out[i+1], out[i+2] = level, level, level
	}
	return out
}

// source is a picture of packed RGB and where its thumbnail goes.
type source struct {
	pixels []byte
	into   *[]byte
}

func thumbnails(s oip.Signature, sources []source) error {
	for _, src := range sources {
		if len(src.pixels) != 3*s.Height*s.Width {
			return fmt.Errorf("%w: %d bytes for %dx%d pixels", golden.ErrBadSet, len(src.pixels), s.Width, s.Height)
		}
		picture := image.NewRGBA(image.Rect(0, 0, s.Width, s.Height))
		for i := range s.Width * s.Height {
			picture.SetRGBA(i%s.Width, i/s.Width, color.RGBA{src.pixels[3*i], src.pixels[3*i+1], src.pixels[3*i+2], 255})
		}
		small, err := imaging.Thumbnail(picture, thumbSide, thumbSide)
		if err != nil {
			return err
		}
		*src.into = small
	}
	return nil
}
