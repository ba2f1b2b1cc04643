package sidecar

import (
	"context"
	"net/http"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/intake"
	"github.com/braincreators/tryon-operator/internal/sidecar/modelserver"
	"github.com/braincreators/tryon-operator/internal/sidecar/queue"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

// passThrough sends a request of the inference protocol to the runtime and its answer back, both bounded. Inference waits in the same queue
// as try-ons. Errors of the path have the protocol's own form; everything else is a problem document.
func (s *Server) passThrough(w http.ResponseWriter, r *http.Request) error {
	path, _, _, err := oip.ParsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if err := oip.CheckMethod(path, r.Method); err != nil {
		w.Header().Set("Allow", oip.Allowed(path))
		return err
	}
	ask, refused := s.infer, s.turnedAway
	switch {
	case path != oip.RouteInfer:
		ask, refused = s.relay, uncounted
	case r.Header.Get(route.HeaderShadow) != "":
		ask, refused = s.inferCopy, uncounted
	}
	visit, err := s.gate.Admit(r.ContentLength, s.options.TensorBytes)
	if err != nil {
		return refused(err)
	}
	defer visit.Leave()
	ctx, cancel := context.WithTimeout(r.Context(), s.options.BodyTimeout+s.options.RequestTimeout)
	defer cancel()
	answer, err := ask(ctx, w, r, visit)
	if err != nil {
		return err
	}
	if err := visit.Reply(w, len(answer.Body)); err != nil {
		return err
	}
	answer.Write(w)
	return nil
}

// uncounted refuses what is no work of the model server, or may wait.
func uncounted(err error) error { return err }

func (s *Server) relay(ctx context.Context, _ http.ResponseWriter, r *http.Request, visit *intake.Visit) (modelserver.Answer, error) {
	return s.model.Relay(ctx, r, nil, visit)
}

// infer has left the run when the answer is there: what the client does with it is not the runtime's time.
func (s *Server) infer(ctx context.Context, w http.ResponseWriter, r *http.Request, visit *intake.Visit) (modelserver.Answer, error) {
	if err := s.model.Ready(); err != nil {
		return modelserver.Answer{}, notReady(err)
	}
	// The body is read before a run is taken: a slow client must not hold the runtime.
	body, err := visit.ReadBody(w, r)
	if err != nil {
		return modelserver.Answer{}, s.turnedAway(err)
	}
	run, err := s.queue.Enter(ctx, queue.Ask{Shape: s.shape(s.rows(r, body))})
	if err != nil {
		return modelserver.Answer{}, notRun(ctx, err)
	}
	defer run.Leave()
	answer, err := s.model.Relay(ctx, r, body, visit)
	// What the runtime refuses it refuses fast.
	if err == nil && answer.Status == http.StatusOK {
		run.Served()
	}
	return answer, err
}

// rows is how many try-ons an inference request asks for, by its length: to read it would cost more than the figure is worth, and whoever claims more
// than it sends is refused by the runtime. A level takes up to four bytes in JSON.
func (s *Server) rows(r *http.Request, body []byte) int {
	signature := s.model.Signature()
	row := 7 * signature.Height * signature.Width
	if r.Header.Get(oip.HeaderLength) == "" {
		row *= 4
	}
	return max(1, (len(body)+row/2)/row)
}
