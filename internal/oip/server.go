package oip

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// TensorMetadata describes a tensor; -1 is a dimension of any size.
type TensorMetadata struct {
	Name     string   `json:"name"`
	Datatype Datatype `json:"datatype"`
	Shape    []int64  `json:"shape"`
}

// ModelMetadata describes a model.
type ModelMetadata struct {
	Name     string           `json:"name"`
	Versions []string         `json:"versions,omitempty"`
	Platform string           `json:"platform"`
	Inputs   []TensorMetadata `json:"inputs"`
	Outputs  []TensorMetadata `json:"outputs"`
}

// ServerMetadata describes a server.
type ServerMetadata struct {
	Name       string   `json:"name"`
	Version    string   `json:"version"`
	Extensions []string `json:"extensions"`
}

// InstanceHeader is set on every answer when the server has an instance id, so that a client notices a restart between two answers.
const InstanceHeader = "Tryon-Instance"

// Model is what a Server serves.
type Model interface {
	// Metadata describes the model; it does not change.
	Metadata() ModelMetadata
	// Ready is nil when the model takes requests.
	Ready() error
	// Infer answers one request. Errors that are not an *Error are internal.
	Infer(ctx context.Context, req Request) (Response, error)
}

// Server is the REST side of one model.
type Server struct {
	// Info is answered at /v2.
	Info ServerMetadata
	// Instance is a random id of this process, empty for none.
	Instance string
	Model    Model
	Limits   Limits
}

// Route is what a path of the protocol asks for.
type Route string

// The routes.
const (
	RouteServer     Route = "server"
	RouteLive       Route = "live"
	RouteReady      Route = "ready"
	RouteModel      Route = "model"
	RouteModelReady Route = "model-ready"
	RouteInfer      Route = "infer"
)

var modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// ParsePath reads an escaped URL path. The path is not cleaned first: "..", empty segments and escapes are refused with CodeModelName,
// paths that the protocol does not have with CodeNotFound. model and version are empty where the route has none.
func ParsePath(escaped string) (route Route, model, version string, err error) {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if segments[0] != "v2" {
		return "", "", "", Refuse(CodeNotFound, "%q is not a path of the protocol", clip(escaped))
	}
	switch path := strings.Join(segments[1:], "/"); path {
	case "":
		return RouteServer, "", "", nil
	case "health/live":
		return RouteLive, "", "", nil
	case "health/ready":
		return RouteReady, "", "", nil
	}
	if segments[1] != "models" || len(segments) < 3 {
		return "", "", "", Refuse(CodeNotFound, "%q is not a path of the protocol", clip(escaped))
	}
	return parseModelPath(segments[2:], escaped)
}

func parseModelPath(segments []string, escaped string) (route Route, model, version string, err error) {
	for _, segment := range segments {
		if !modelName.MatchString(segment) || strings.Contains(segment, "..") {
			return "", "", "", Refuse(CodeModelName, "%q is not a model name, a version or a verb", clip(segment))
		}
	}
	model, rest := segments[0], segments[1:]
	if len(rest) >= 2 && rest[0] == "versions" {
		version, rest = rest[1], rest[2:]
	}
	switch strings.Join(rest, "/") {
	case "":
		return RouteModel, model, version, nil
	case "ready":
		return RouteModelReady, model, version, nil
	case "infer":
		return RouteInfer, model, version, nil
	}
	return "", "", "", Refuse(CodeNotFound, "%q is not a path of the protocol", clip(escaped))
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Instance != "" {
		w.Header().Set(InstanceHeader, s.Instance)
	}
	if err := s.serve(w, r); err != nil {
		WriteError(w, err)
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) error {
	route, model, version, err := ParsePath(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	if err := CheckMethod(route, r.Method); err != nil {
		w.Header().Set("Allow", Allowed(route))
		return err
	}
	meta := s.Model.Metadata()
	if model != "" && !meta.is(model, version) {
		return Refuse(CodeNotFound, "there is no model %q of version %q here", clip(model), clip(version))
	}
	switch route {
	case RouteServer:
		return writeJSON(w, s.Info)
	case RouteLive:
		return writeJSON(w, map[string]bool{"live": true})
	case RouteModel:
		return writeJSON(w, meta)
	case RouteInfer:
		return s.infer(w, r)
	default:
		if err := s.Model.Ready(); err != nil {
			return &Error{Code: CodeUnavailable, Detail: "not ready", Cause: err}
		}
		return writeJSON(w, map[string]any{"name": meta.Name, "ready": true})
	}
}

// is tells whether a path's model and version, empty for any, are this one.
func (m ModelMetadata) is(model, version string) bool {
	return model == m.Name && (version == "" || slices.Contains(m.Versions, version))
}

// Allowed gives the value of the Allow header of a route.
func Allowed(route Route) string {
	if route == RouteInfer {
		return http.MethodPost
	}
	return http.MethodGet + ", " + http.MethodHead
}

// CheckMethod refuses a method that a route does not have.
func CheckMethod(route Route, method string) error {
	if slices.Contains(strings.Split(Allowed(route), ", "), method) {
		return nil
	}
	return Refuse(CodeMethod, "%s is not allowed here, use %s", clip(method), Allowed(route))
}

func (s *Server) infer(w http.ResponseWriter, r *http.Request) error {
	limits := s.Limits.WithDefaults()
	body, err := ReadBody(w, r, limits.BodyBytes)
	if err != nil {
		return err
	}
	req, err := DecodeRequest(body, r.Header.Get(HeaderLength), limits)
	if err != nil {
		return err
	}
	resp, err := s.Model.Infer(r.Context(), req)
	if err != nil {
		return err
	}
	resp.ID = req.ID
	out, headerLength, err := EncodeResponse(resp, req.BinaryOutputs)
	if err != nil {
		return err
	}
	contentType := "application/json"
	if headerLength != "" {
		contentType = "application/octet-stream"
		w.Header().Set(HeaderLength, headerLength)
	}
	w.Header().Set("Content-Type", contentType)
	// A client that has gone cannot be told so.
	_, _ = w.Write(out)
	return nil
}

// ReadBody reads a request's body of at most limit bytes. A declared length that is over it is refused before a byte is read.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, Refuse(CodeTooLarge, "the body of %d bytes is over the limit of %d", r.ContentLength, limit)
	}
	body, err := readSized(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, Refuse(CodeTooLarge, "the body is over the limit of %d bytes", limit)
	case err != nil:
		return nil, &Error{Code: CodeMalformed, Detail: "the body ended early", Cause: err}
	}
	return body, nil
}

// readSized reads all, with one allocation when the size is known and moderate. A declared size is only believed up to 1 MiB at once.
func readSized(r io.Reader, declared int64) ([]byte, error) {
	buf := make([]byte, 0, min(max(declared+1, 512), 1<<20))
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return buf, err
		case len(buf) == cap(buf):
			grown := make([]byte, len(buf), 2*cap(buf))
			copy(grown, buf)
			buf = grown
		}
	}
}

// WriteError answers with an error: its status, and {"error": text, "code": code}.
func WriteError(w http.ResponseWriter, err error) {
	code, detail := CodeOf(err), "the model failed"
	var e *Error
	if errors.As(err, &e) {
		detail = e.Detail
	}
	w.Header().Set("Content-Type", "application/json")
	if code == CodeOverloaded || code == CodeUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code.Status())
	body, _ := json.Marshal(wireError{Error: detail, Code: code})
	_, _ = w.Write(body)
}

type wireError struct {
	Error string `json:"error"`
	Code  Code   `json:"code,omitempty"`
}

func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return &Error{Code: CodeInternal, Detail: "encoding answer", Cause: err}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
	return nil
}
