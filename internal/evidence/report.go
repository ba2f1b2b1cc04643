package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/braincreators/tryon-operator/internal/strict"
)

const (
	// Schema of a report.
	Schema = "tryon.evidence/v1"
	// MaxBytes bounds a report. The largest that counts can make has 9 KiB.
	MaxBytes = 16 << 10
)

// ErrInvalid says that a report or a ledger is refused.
var ErrInvalid = errors.New("invalid evidence document")

// Report is what one pod counted in one epoch.
type Report struct {
	Schema string `json:"schema"`
	// Epoch, Stable and Candidate say what was compared: the control document's shadow, and the version of the pod itself.
	Epoch     string `json:"epoch"`
	Stable    string `json:"stable"`
	Candidate string `json:"candidate"`
	// Instance is random for each process and each epoch: its totals begin at 0.
	Instance string `json:"instance"`
	// Sequence rises from report to report of an instance.
	Sequence int64 `json:"sequence"`
	// TakenAt is the pod's clock.
	TakenAt time.Time `json:"takenAt"`
	Totals
}

// Encode gives the report's bytes. Every error wraps ErrInvalid.
func (r Report) Encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return body, nil
}

// Decode reads a report strictly. Every error wraps ErrInvalid.
func Decode(body []byte) (Report, error) {
	var r Report
	if err := strict.Decode(body, MaxBytes, &r); err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return r, r.check()
}

var (
	instanceName = regexp.MustCompile(`^[0-9a-f]{32}$`)
	word         = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9:.-]{0,252}$`)
)

// maxSequence keeps a sequence exact in every JSON reader.
const maxSequence = 1 << 53

func (r Report) check() error {
	switch {
	case r.Schema != Schema:
		return fmt.Errorf("%w: schema is %.64q, want %q", ErrInvalid, r.Schema, Schema)
	case !instanceName.MatchString(r.Instance):
		return fmt.Errorf("%w: instance %.64q is not 32 hexadecimal digits", ErrInvalid, r.Instance)
	case r.Sequence < 1 || r.Sequence > maxSequence:
		return fmt.Errorf("%w: sequence is %d", ErrInvalid, r.Sequence)
	case r.TakenAt.IsZero():
		return fmt.Errorf("%w: no time", ErrInvalid)
	}
	if err := checkWords(r.Epoch, r.Stable, r.Candidate); err != nil {
		return err
	}
	return r.Totals.check()
}

// checkWords refuses what is no epoch and no version's name.
func checkWords(words ...string) error {
	for _, w := range words {
		if !word.MatchString(w) {
			return fmt.Errorf("%w: %.64q is neither an epoch nor a version", ErrInvalid, w)
		}
	}
	return nil
}
