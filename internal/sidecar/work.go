package sidecar

import (
	"context"
	"errors"
	"image"
	"time"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/catalogue"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
)

// work answers a request with this pod's own runtime. Errors are *Problem.
func (s *Server) work(ctx context.Context, req request, t *timings) (answer, error) {
	if err := s.garment(ctx, &req); err != nil {
		return answer{}, err
	}
	pixels, free, err := s.decode(ctx, req)
	if err != nil {
		return answer{}, err
	}
	defer free()
	t.lap(stageDecode)
	in, err := picture.Prepare(s.signature, pixels.person, pixels.garment, pixels.mask)
	if err != nil {
		return answer{}, rejected(err)
	}
	t.lap(stagePrepare)
	out, err := s.run(ctx, in, req.seed, t)
	if err != nil {
		return answer{}, err
	}
	composed, scores, err := picture.Compose(pixels.person, in, out)
	if err != nil {
		return answer{}, because(CodeResultRejected, err, "It has next to no contrast.")
	}
	t.lap(stageCompose)
	done := answer{picture: composed, scores: scores, version: s.options.Version, seed: req.seed}
	if req.seed != nil {
		done.warnings = append(done.warnings, "This model is deterministic: the seed has no effect.")
	}
	return done, nil
}

// garment fills in a catalogue garment's files.
func (s *Server) garment(ctx context.Context, req *request) error {
	if req.garmentID == "" {
		return nil
	}
	if s.catalogue == nil {
		return problem(CodeGarmentNotFound, "This deployment has no catalogue.")
	}
	g, err := s.catalogue.Get(ctx, req.garmentID)
	switch {
	case errors.Is(err, catalogue.ErrNotFound), errors.Is(err, catalogue.ErrBadID):
		return because(CodeGarmentNotFound, err, "The garmentId is %.130q.", req.garmentID)
	case err != nil && ctx.Err() != nil:
		return ended(ctx, "The catalogue did not answer in time.")
	case err != nil:
		p := because(CodeCatalogueUnavailable, err, "Garment %s cannot be read.", req.garmentID)
		p.RetryAfter = 2 * time.Second
		return p
	}
	req.garment, req.mask = g.Picture, g.Mask
	return nil
}

type pixels struct{ person, garment, mask *image.RGBA }

// decode checks all headers, takes the memory for all pictures at once, and only then decodes. free gives the memory back.
func (s *Server) decode(ctx context.Context, req request) (p pixels, free func(), err error) {
	parts := []struct {
		name string
		data []byte
		into **image.RGBA
	}{{"person", req.person, &p.person}, {"garment", req.garment, &p.garment}, {"mask", req.mask, &p.mask}}
	memory := int64(0)
	for _, part := range parts {
		if len(part.data) == 0 {
			continue
		}
		info, err := imaging.PhotoHeader(part.data, s.options.Photo)
		if err != nil {
			return p, nil, undecodable(part.name, err)
		}
		// The reply's patch is as large as the photo at most.
		memory += info.Memory() + 4*int64(info.Width)*int64(info.Height)
	}
	if memory > s.options.PixelMemory {
		return p, nil, problem(CodeTooLarge, "The pictures need %d MiB when decoded, %d MiB are allowed.", memory>>20, s.options.PixelMemory>>20)
	}
	if err := s.pixels.Acquire(ctx, memory); err != nil {
		return p, nil, ended(ctx, "No memory for the pictures was free in time.")
	}
	free = func() { s.pixels.Release(memory) }
	for _, part := range parts {
		if len(part.data) == 0 {
			continue
		}
		if *part.into, _, err = imaging.DecodePhoto(part.data, s.options.Photo); err != nil {
			free()
			return p, nil, undecodable(part.name, err)
		}
	}
	return p, free, nil
}

func undecodable(name string, err error) *Problem {
	if errors.Is(err, imaging.ErrTooManyPixels) {
		return because(CodeTooLarge, err, "The picture %s is over the limits: %.200s.", name, err.Error())
	}
	return because(CodeNotDecodable, err, "The picture %s: %.200s.", name, err.Error())
}

func rejected(err error) *Problem {
	switch {
	case errors.Is(err, picture.ErrNotPlain):
		return because(CodeGarmentUnsupported, err, "%.200s.", err.Error())
	case errors.Is(err, picture.ErrBlank), errors.Is(err, picture.ErrTooSmall):
		return because(CodeInputRejected, err, "%.200s.", err.Error())
	case errors.Is(err, picture.ErrMask):
		return because(CodeBadRequest, err, "%.200s.", err.Error())
	}
	return because(CodeInternal, err, "Preparing the pictures.")
}

// run waits for a slot and asks the runtime.
func (s *Server) run(ctx context.Context, in picture.Inputs, seed *int64, t *timings) (oip.Result, error) {
	leave, err := s.queue.enter(ctx)
	if err != nil {
		return oip.Result{}, err
	}
	defer leave()
	t.lap(stageQueue)
	row := oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask}
	if seed != nil {
		row.Parameters = map[string]any{"seed": *seed}
	}
	out, err := s.client.TryOn(ctx, s.signature, 1, row)
	if err != nil {
		return oip.Result{}, s.runtimeProblem(ctx, err)
	}
	t.lap(stageRuntime)
	return out, nil
}

func (s *Server) runtimeProblem(ctx context.Context, err error) *Problem {
	if ctx.Err() != nil {
		return ended(ctx, "The model server did not answer in time.")
	}
	var p *Problem
	switch oip.CodeOf(err) {
	case oip.CodeUnavailable:
		s.watch.wake()
		p = because(CodeRuntimeUnavailable, err, "It does not answer.")
	case oip.CodeOverloaded:
		p = because(CodeOverloaded, err, "The model server's queue is full.")
	case oip.CodeDeadline:
		return because(CodeDeadlineExceeded, err, "The model server did not answer in time.")
	default:
		return because(CodeRuntimeFailed, err, "It answered with an error.")
	}
	p.RetryAfter = time.Second
	return p
}
