package oip

import (
	"errors"
	"fmt"
	"net/http"
)

// Code names one kind of refusal. Codes are stable: clients may switch on them.
type Code string

// The codes, each with the HTTP status it answers with (see Status).
const (
	// CodeMalformed: the message is not what the protocol describes.
	CodeMalformed Code = "Malformed"
	// CodeTooLarge: the message or one of its parts is over a limit.
	CodeTooLarge Code = "TooLarge"
	// CodeShape: a shape is impossible, or does not match the bytes or the model.
	CodeShape Code = "InvalidShape"
	// CodeDatatype: a datatype is unknown, or is not the model's.
	CodeDatatype Code = "InvalidDatatype"
	// CodeDuplicate: a tensor is named twice.
	CodeDuplicate Code = "DuplicateTensor"
	// CodeTensor: a tensor that the model needs is missing, or one that it does not know is there.
	CodeTensor Code = "UnknownTensor"
	// CodeParameters: parameters are too many or of the wrong type.
	CodeParameters Code = "InvalidParameters"
	// CodeModelName: the path names something that cannot be a model.
	CodeModelName Code = "InvalidModelName"
	// CodeNotFound: there is no such model, version or path.
	CodeNotFound Code = "NotFound"
	// CodeMethod: the path exists, the method does not.
	CodeMethod Code = "MethodNotAllowed"
	// CodeUnavailable: the server is not ready, is draining, or cannot be reached.
	CodeUnavailable Code = "Unavailable"
	// CodeOverloaded: as many requests as allowed are waiting already.
	CodeOverloaded Code = "Overloaded"
	// CodeDeadline: the answer was not ready in time.
	CodeDeadline Code = "DeadlineExceeded"
	// CodeInternal: the model failed.
	CodeInternal Code = "Internal"
)

// Status gives the HTTP status of a code.
func (c Code) Status() int {
	switch c {
	case CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case CodeNotFound:
		return http.StatusNotFound
	case CodeMethod:
		return http.StatusMethodNotAllowed
	case CodeUnavailable, CodeOverloaded:
		return http.StatusServiceUnavailable
	case CodeDeadline:
		return http.StatusGatewayTimeout
	case CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// Error is a refusal, or a peer's failure, with its code.
type Error struct {
	Code   Code
	Detail string
	// Cause is what lies beneath; nil for a refusal.
	Cause error
}

// Error says code and detail.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// CodeOf gives the code of the first *Error in a chain, or CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// Refuse makes a refusal.
func Refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
