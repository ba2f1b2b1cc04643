package evidence

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/strict"
)

// ReplayInstance is the instance of an epoch's replay. All attempts at it have the same, because they put the same requests: of two that
// report, one counts.
func ReplayInstance(epoch string) string {
	sum := sha256.Sum256([]byte("replay " + epoch))
	return hex.EncodeToString(sum[:16])
}

// maxPacked bounds the reports of one pack.
const maxPacked = 2

// Pack gives the bytes of an instance's reports, in their order, compressed: a container's last words have room for 4 KiB.
func Pack(reports ...Report) ([]byte, error) {
	for _, r := range reports {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	body, err := json.Marshal(reports)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var out bytes.Buffer
	// The level is known, and a buffer takes everything.
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(body)
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return out.Bytes(), nil
}

// Unpack reads what Pack wrote, strictly; it never reads more than two reports have. Every error wraps ErrInvalid.
func Unpack(packed []byte) ([]Report, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	body, err := io.ReadAll(io.LimitReader(r, maxPacked*MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var reports []Report
	if err := strict.Decode(body, maxPacked*MaxBytes, &reports); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(reports) == 0 || len(reports) > maxPacked {
		return nil, fmt.Errorf("%w: a pack of %d reports", ErrInvalid, len(reports))
	}
	for _, r := range reports {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// TakeReplay adds a report of a replay, which is put in every look for as long as its Job is there. One that is dropped is counted once, and
// taken when the reason has passed. grown tells that the ledger is worth keeping.
func (l *Ledger) TakeReplay(r Report, now time.Time) (grown bool) {
	if l.Knows(r.Instance, r.Sequence) {
		return false
	}
	changed, drop := l.try(r, now)
	if drop == Accepted {
		return changed
	}
	if slices.Contains(l.Refused, r.Sequence) || len(l.Refused) >= maxPacked {
		return false
	}
	l.Refused = append(l.Refused, r.Sequence)
	l.Drop(drop)
	return true
}

// Knows says whether an instance's report of that sequence was taken before.
func (l *Ledger) Knows(instance string, sequence int64) bool {
	if last := l.Instances[instance]; last != nil {
		return last.Sequence >= sequence
	}
	return slices.Contains(l.Merged, instance)
}
