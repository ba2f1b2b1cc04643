package sidecar

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/scale/predict"
	"github.com/braincreators/tryon-operator/internal/sidecar/catalogue"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/metrics"
	"github.com/braincreators/tryon-operator/internal/sidecar/modelserver"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

// tryOn is one try-on's way through the pod.
func (s *Server) tryOn(w http.ResponseWriter, r *http.Request) error {
	mediaType, err := shopper.Negotiate(r.Header.Values("Accept"))
	if err != nil {
		return err
	}
	visit, err := s.gate.Admit(r.ContentLength, s.options.BodyBytes)
	if err != nil {
		return s.turnedAway(err)
	}
	defer visit.Leave()
	body, err := visit.ReadBody(w, r)
	if err == nil {
		err = visit.Copy(len(body))
	}
	if err != nil {
		return s.turnedAway(err)
	}
	ctx, cancel := context.WithTimeout(oip.WithTrace(r.Context(), r.Header), s.options.RequestTimeout)
	defer cancel()
	req, err := shopper.Decode(r.Header.Get("Content-Type"), body, shopper.Limits{ImageBytes: s.options.ImageBytes, Categories: s.options.Categories})
	if err != nil {
		return err
	}
	turn := s.router.Next(r.Header, s.tardy())
	if turn.Candidate != nil {
		if reply, ok := s.forward(ctx, turn, route.Request{Header: r.Header, Body: body}, visit); ok {
			if err := visit.Reply(w, len(reply.Body)); err != nil {
				return err
			}
			reply.Write(w)
			return nil
		}
	}
	err = s.answerHere(ctx, w, try{request: req, header: r.Header, mediaType: mediaType, visit: visit})
	s.ended(turn, err, r.Context().Err() != nil)
	return err
}

// try is a try-on that this pod answers.
type try struct {
	request   shopper.Request
	header    http.Header
	mediaType string
	visit     *intake.Visit
}

// answerHere answers a try-on with this pod's own runtime.
func (s *Server) answerHere(ctx context.Context, w http.ResponseWriter, a try) error {
	// Whoever forwarded the request can answer it too, and sooner.
	patient := a.header.Get(route.HeaderForwarded) == ""
	if err := s.available(ctx, patient); err != nil {
		return err
	}
	t := s.metrics.Timings()
	answer, sample, err := s.work(ctx, a.request, patient, t)
	// Beside the path: when the reply is written, or has failed.
	answered := false
	defer func() { s.offer(a.header, sample, answered) }()
	if err != nil {
		return err
	}
	out, err := answer.Encode(a.mediaType)
	if err != nil {
		return problem.Because(problem.CodeInternal, err, "Encoding the picture.")
	}
	t.Lap(metrics.StageEncode)
	if err := a.visit.Reply(w, len(out)); err != nil {
		return err
	}
	s.metrics.Answered(answer.Scores)
	w.Header().Set("Tryon-Version", s.options.Version)
	w.Header().Set("Server-Timing", t.Header())
	shopper.WriteBody(w, a.mediaType, out)
	answered = true
	return nil
}

// turnedAway counts a request that has not come to the queue because too many others were here: it is work that arrived, and more pods would do it.
func (s *Server) turnedAway(err error) error {
	if problem.Of(err).Code == problem.CodeOverloaded {
		s.queue.Refused(s.batcher.Ask(oip.TryOn{}))
	}
	return err
}

// work answers a request with this pod's own runtime. The sample is what the model was asked and answered, nil when it was not asked. Errors are
// *problem.Problem.
func (s *Server) work(ctx context.Context, req shopper.Request, patient bool, t *metrics.Timings) (shopper.Answer, *shadow.Sample, error) {
	files, err := s.files(ctx, req)
	if err != nil {
		return shopper.Answer{}, nil, err
	}
	pixels, free, err := s.decoder.Decode(ctx, files)
	if err != nil {
		if errors.Is(err, picture.ErrNoMemory) {
			s.queue.Refused(s.batcher.Ask(oip.TryOn{}))
		}
		return shopper.Answer{}, nil, rejected(ctx, err)
	}
	defer free()
	t.Lap(metrics.StageDecode)
	in, err := picture.Prepare(s.model.Signature(), pixels.Person, pixels.Garment, pixels.Mask)
	if err != nil {
		return shopper.Answer{}, nil, rejected(ctx, err)
	}
	t.Lap(metrics.StagePrepare)
	sample, err := s.run(ctx, modelserver.Row(in, req.Seed), patient, t)
	if err != nil {
		return shopper.Answer{}, sample, err
	}
	composed, scores, err := picture.Compose(pixels.Person, in, sample.Out)
	if err != nil {
		return shopper.Answer{}, sample, rejected(ctx, err)
	}
	t.Lap(metrics.StageCompose)
	answer := shopper.Answer{Picture: composed, Scores: scores, Version: s.options.Version, Seed: req.Seed}
	if req.Seed != nil {
		answer.Warnings = append(answer.Warnings, "This model is deterministic: the seed has no effect.")
	}
	return answer, sample, nil
}

// files gives a request's pictures, those of a catalogue garment fetched.
func (s *Server) files(ctx context.Context, req shopper.Request) (picture.Files, error) {
	files := picture.Files{Person: req.Person, Garment: req.Garment, Mask: req.Mask}
	if req.GarmentID == "" {
		return files, nil
	}
	if s.catalogue == nil {
		return files, problem.New(problem.CodeGarmentNotFound, "This deployment has no catalogue.")
	}
	g, err := s.catalogue.Get(ctx, req.GarmentID)
	switch {
	case errors.Is(err, catalogue.ErrNotFound), errors.Is(err, catalogue.ErrBadID):
		return files, problem.Because(problem.CodeGarmentNotFound, err, "The garmentId is %.130q.", req.GarmentID)
	case err != nil && ctx.Err() != nil:
		return files, problem.Ended(ctx, "The catalogue did not answer in time.")
	case err != nil:
		return files, problem.Because(problem.CodeCatalogueUnavailable, err, "Garment %s cannot be read.", req.GarmentID).After(2 * time.Second)
	}
	files.Garment, files.Mask = g.Picture, g.Mask
	return files, nil
}

// run waits for the model server and asks it. The sample is nil when no fault and no merit of the model can be seen in what came.
func (s *Server) run(ctx context.Context, row oip.TryOn, patient bool, t *metrics.Timings) (*shadow.Sample, error) {
	answer, err := s.batcher.TryOn(ctx, row)
	if err != nil && patient && problem.Of(err).Code == problem.CodeRuntimeUnavailable {
		answer, err = s.again(ctx, row, answer, err)
	}
	had := timeFor(ctx, answer.Began)
	if answer.Began.IsZero() {
		return nil, notRun(ctx, err)
	}
	t.LapAt(metrics.StageQueue, answer.Began)
	if err != nil && !modelFailed(err) {
		return nil, err
	}
	sample := &shadow.Sample{
		Signature: s.model.Signature(), In: row, Out: answer.Out, Failed: err != nil, Had: had, Took: answer.Took, Alone: answer.Alone,
	}
	if err != nil {
		return sample, err
	}
	t.Lap(metrics.StageRuntime)
	return sample, nil
}

// notRun turns the queue's errors into problems.
func notRun(ctx context.Context, err error) *problem.Problem {
	var full *queue.FullError
	if errors.As(err, &full) {
		return problem.New(problem.CodeOverloaded, "%d requests are waiting already.", full.Waiting).After(time.Duration(predict.RetryAfter(full.Expected)) * time.Second)
	}
	return problem.Ended(ctx, "No run was free in time.")
}

// rejected turns the errors of package picture into problems.
func rejected(ctx context.Context, err error) *problem.Problem {
	code := problem.CodeInternal
	switch {
	case errors.Is(err, picture.ErrNoMemory):
		return problem.Ended(ctx, "No memory for the pictures was free in time.")
	case errors.Is(err, picture.ErrEmptyResult):
		return problem.Because(problem.CodeResultRejected, err, "It has next to no contrast.")
	case errors.Is(err, picture.ErrTooMuchMemory), errors.Is(err, imaging.ErrTooManyPixels):
		code = problem.CodeTooLarge
	case errors.Is(err, imaging.ErrDamaged), errors.Is(err, imaging.ErrNotPicture):
		code = problem.CodeNotDecodable
	case errors.Is(err, picture.ErrNotPlain):
		code = problem.CodeGarmentUnsupported
	case errors.Is(err, picture.ErrBlank), errors.Is(err, picture.ErrTooSmall):
		code = problem.CodeInputRejected
	case errors.Is(err, picture.ErrMask):
		code = problem.CodeBadRequest
	}
	return problem.Because(code, err, "%.200s.", err.Error())
}
