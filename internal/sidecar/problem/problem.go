package problem

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Code names one kind of refusal or failure of the Shopper API. Codes are stable: clients may switch on them.
type Code string

// The codes. What each means, and its HTTP status, is in problems.
const (
	CodeOK                   Code = "OK"
	CodeBadRequest           Code = "BadRequest"
	CodeEmptyBody            Code = "EmptyBody"
	CodeMissingField         Code = "MissingField"
	CodeNotFound             Code = "NotFound"
	CodeMethodNotAllowed     Code = "MethodNotAllowed"
	CodeNotAcceptable        Code = "NotAcceptable"
	CodeUnsupportedMediaType Code = "UnsupportedMediaType"
	CodeUnsupportedEncoding  Code = "UnsupportedEncoding"
	CodeTooLarge             Code = "TooLarge"
	CodeTooSlow              Code = "TooSlow"
	CodeNotDecodable         Code = "NotDecodable"
	CodeInputRejected        Code = "InputRejected"
	CodeCategoryUnsupported  Code = "CategoryUnsupported"
	CodeGarmentUnsupported   Code = "GarmentUnsupported"
	CodeGarmentNotFound      Code = "GarmentNotFound"
	CodeCatalogueUnavailable Code = "CatalogueUnavailable"
	CodeOverloaded           Code = "Overloaded"
	CodeDeadlineExceeded     Code = "DeadlineExceeded"
	CodeDraining             Code = "Draining"
	CodeRuntimeUnavailable   Code = "RuntimeUnavailable"
	CodeRuntimeFailed        Code = "RuntimeFailed"
	CodeResultRejected       Code = "ResultRejected"
	CodeUnauthorized         Code = "Unauthorized"
	CodeStale                Code = "Stale"
	CodeClientGone           Code = "ClientGone"
	CodeInternal             Code = "Internal"
)

// ContentType is the media type of RFC 9457.
const ContentType = "application/problem+json"

type kind struct {
	status int
	title  string
	// advice is what the caller can do; it follows every detail.
	advice string
}

var problems = map[Code]kind{
	CodeBadRequest:           {http.StatusBadRequest, "The request is malformed", "Send multipart/form-data or application/json with the fields person, garment or garmentId, and if wanted mask, category and seed."},
	CodeEmptyBody:            {http.StatusBadRequest, "The request has no body", "Send a person's photo and a garment."},
	CodeMissingField:         {http.StatusBadRequest, "A field is missing", "Send the field person, and either garment or garmentId."},
	CodeNotFound:             {http.StatusNotFound, "There is nothing at this path", "Use POST /v1/tryon, GET /v1/model, or the paths of the Open Inference Protocol below /v2."},
	CodeMethodNotAllowed:     {http.StatusMethodNotAllowed, "The method is not allowed here", "Use the method in the Allow header."},
	CodeNotAcceptable:        {http.StatusNotAcceptable, "None of the accepted types can be sent", "Accept image/png, image/jpeg or application/json."},
	CodeUnsupportedMediaType: {http.StatusUnsupportedMediaType, "The body's type is not supported", "Send multipart/form-data or application/json."},
	CodeUnsupportedEncoding:  {http.StatusUnsupportedMediaType, "The body's encoding is not supported", "Send the body uncompressed, without the header Content-Encoding."},
	CodeTooLarge:             {http.StatusRequestEntityTooLarge, "The request is too large", "Send smaller pictures."},
	CodeTooSlow:              {http.StatusRequestTimeout, "The request came too slowly", "Send it again over a faster connection, or with smaller pictures."},
	CodeNotDecodable:         {http.StatusUnprocessableEntity, "A picture cannot be decoded", "Send a complete PNG or JPEG file."},
	CodeInputRejected:        {http.StatusUnprocessableEntity, "A picture shows nothing to work with", "Send a sharp, well-lit photo that shows the person from head to hips."},
	CodeCategoryUnsupported:  {http.StatusUnprocessableEntity, "The model does not know this garment category", "Use one of the categories of GET /v1/model."},
	CodeGarmentUnsupported:   {http.StatusUnprocessableEntity, "The garment cannot be told from its background", "Send a picture of the garment alone on a plain background, or its mask in the field mask."},
	CodeGarmentNotFound:      {http.StatusNotFound, "The catalogue has no such garment", "Check the garmentId, or send the garment's picture in the field garment."},
	CodeCatalogueUnavailable: {http.StatusServiceUnavailable, "The catalogue cannot be read", "Try again, or send the garment's picture in the field garment."},
	CodeOverloaded:           {http.StatusServiceUnavailable, "Too many requests are waiting", "Try again after the time in the Retry-After header."},
	CodeDeadlineExceeded:     {http.StatusGatewayTimeout, "The answer was not ready in time", "Try again later."},
	CodeDraining:             {http.StatusServiceUnavailable, "This pod is stopping", "Try again: another pod will answer."},
	CodeRuntimeUnavailable:   {http.StatusServiceUnavailable, "The model server cannot be reached", "Try again after the time in the Retry-After header."},
	CodeRuntimeFailed:        {http.StatusBadGateway, "The model server failed", "Try again; if it stays, the pod's logs have the cause."},
	CodeResultRejected:       {http.StatusBadGateway, "The model's picture is empty", "Try another photo."},
	CodeUnauthorized:         {http.StatusForbidden, "The request is not authorized", "Only the operator may push control documents and read evidence."},
	CodeStale:                {http.StatusConflict, "The control document is stale", "Push a newer generation."},
	CodeClientGone:           {499, "The client has gone", "Nobody reads this."},
	CodeInternal:             {http.StatusInternalServerError, "The sidecar failed", "Try again; if it stays, the pod's logs have the cause."},
}

// Problem is a refusal or failure on its way to the client.
type Problem struct {
	Code   Code
	Detail string
	// RetryAfter is sent when it is positive.
	RetryAfter time.Duration
	// Cause is for the log only.
	Cause error
}

// Error says code, detail and cause.
func (p *Problem) Error() string {
	if p.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", p.Code, p.Detail, p.Cause)
	}
	return fmt.Sprintf("%s: %s", p.Code, p.Detail)
}

// After says when it is worth trying again.
func (p *Problem) After(wait time.Duration) *Problem {
	p.RetryAfter = wait
	return p
}

// Status is the HTTP status of a code.
func (c Code) Status() int { return problems[c].status }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// New makes a problem.
func New(code Code, format string, args ...any) *Problem {
	return &Problem{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Because makes a problem with a cause that only the log sees.
func Because(code Code, cause error, format string, args ...any) *Problem {
	p := New(code, format, args...)
	p.Cause = cause
	return p
}

// Of gives the problem in an error's chain, or an internal one.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return Because(CodeInternal, err, "An unexpected error.")
}

// Ended turns a context that is over into its problem.
func Ended(ctx context.Context, detail string) *Problem {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Because(CodeDeadlineExceeded, ctx.Err(), "%s", detail)
	}
	return Because(CodeClientGone, ctx.Err(), "The client closed the connection.")
}

// document is RFC 9457's problem document.
type document struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   Code   `json:"code"`
}

// Write sends the problem document.
func (p *Problem) Write(w http.ResponseWriter) {
	k := problems[p.Code]
	body, _ := json.Marshal(document{
		Type: "urn:tryon:problem:" + string(p.Code), Title: k.title, Status: k.status, Detail: p.Detail + " " + k.advice, Code: p.Code,
	})
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Cache-Control", "no-store")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(k.status)
	_, _ = w.Write(body)
}
