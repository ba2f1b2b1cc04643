package sidecar

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

// putControl takes a signed push.
func (s *Server) putControl(w http.ResponseWriter, r *http.Request) error {
	visit, err := s.pushes.Admit(r.ContentLength, control.MaxBytes)
	if err != nil {
		return err
	}
	defer visit.Leave()
	body, err := visit.ReadBody(w, r)
	if err != nil {
		return err
	}
	if err := s.authorize(r, body); err != nil {
		return err
	}
	doc, err := control.Decode(body)
	if err != nil {
		return problem.Because(problem.CodeBadRequest, err, "%.200s.", err.Error())
	}
	changed, err := s.router.Apply(doc)
	if err != nil {
		return problem.Because(problem.CodeStale, err, "%s.", err.Error())
	}
	if changed {
		slog.Info("Applied control document", "generation", doc.Generation, "source", "push")
	}
	return s.getControl(w, r)
}

// authorize lets only the operator in.
func (s *Server) authorize(r *http.Request, body []byte) error {
	if err := control.Verify(r.Header, s.options.PublicKey, s.options.PodUID, time.Now(), body); err != nil {
		return problem.Because(problem.CodeUnauthorized, err, "%s.", err.Error())
	}
	return nil
}

func (s *Server) getControl(w http.ResponseWriter, _ *http.Request) error {
	return shopper.WriteJSON(w, s.Status())
}

// Status says what the pod does now.
func (s *Server) Status() control.Status {
	counts := s.metrics.Counts()
	status := control.Status{
		Schema: control.StatusSchema, Generation: s.router.Document().Generation, Version: s.options.Version,
		Ready: s.ready() == nil, InFlight: int64(s.activity.InFlight()),
		Served: counts.Served, Forwarded: counts.Forwarded, Errors: counts.Errors, Forwards: s.router.Forwards(), Load: s.load(),
	}
	if s.catalogue != nil {
		if trouble, looked := s.catalogue.Trouble(); looked {
			status.Catalogue = &control.Catalogue{Trouble: trouble}
		}
	}
	if s.recorder != nil {
		if trouble, looked := s.recorder.Trouble(); looked {
			status.Capture = &control.Capture{Trouble: trouble, Held: s.recorder.Held()}
		}
	}
	return status
}

// load says how much there is to do, within what a reader believes: it is a statement, and an absurd one would be none.
func (s *Server) load() *control.Load {
	load := s.queue.Load()
	return &control.Load{
		BacklogSeconds: min(load.Backlog.Seconds(), control.MaxBacklogSeconds), ArrivalsPerSecond: min(load.Arrivals, control.MaxArrivalsPerSecond), Busy: load.Busy,
	}
}

// OpsHandler serves metrics, probes and control.
func (s *Server) OpsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /control", s.ops(s.getControl))
	mux.HandleFunc("PUT /control", s.ops(s.putControl))
	mux.HandleFunc("GET /evidence", s.ops(s.getEvidence))
	return mux
}

// ops answers without counting the request as activity: a drain must not wait for the operator's own questions.
func (s *Server) ops(handle func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := handle(w, r); err != nil {
			p := problem.Of(err)
			s.metrics.Refused(p.Code)
			p.Write(w)
		}
	}
}
