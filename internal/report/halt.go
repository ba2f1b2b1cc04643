package report

import "errors"

// Halt is the error of work that ended without a good result.
type Halt struct {
	Verdict Verdict
	// Reason is a short CamelCase word.
	Reason string
	err    error
}

func (h *Halt) Error() string { return h.err.Error() }

// Unwrap gives what happened.
func (h *Halt) Unwrap() error { return h.err }

// Because makes an error end the work with this verdict, for a reason; nil stays nil.
func (v Verdict) Because(reason string, err error) error {
	if err == nil {
		return nil
	}
	return &Halt{v, reason, err}
}

// End is the last word of work that an error ended. The outermost Halt in it says how; without one the work is Errored, for the reason
// otherwise.
func End(kind Kind, key string, err error, otherwise string) Envelope {
	e := Envelope{Schema: Schema, Kind: kind, Key: key, Verdict: Errored, Reason: otherwise, Message: err.Error()}
	var h *Halt
	if errors.As(err, &h) {
		e.Verdict, e.Reason = h.Verdict, h.Reason
	}
	return e
}
