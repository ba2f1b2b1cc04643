package evidence

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// ReplayInstance is the instance of an epoch's replay. All attempts at it have the same, because they put the same requests: of two that
// report, one counts.
func ReplayInstance(epoch string) string {
	sum := sha256.Sum256([]byte("replay " + epoch))
	return hex.EncodeToString(sum[:16])
}

// Pack gives a report's bytes compressed: a container's last words have room for 4 KiB.
func (r Report) Pack() ([]byte, error) {
	body, err := r.Encode()
	if err != nil {
		return nil, err
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

// Unpack reads what Pack wrote, strictly; it never reads more than MaxBytes. Every error wraps ErrInvalid.
func Unpack(packed []byte) (Report, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	body, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Decode(body)
}

// Knows says whether an instance's report was taken before.
func (l *Ledger) Knows(instance string) bool {
	_, here := l.Instances[instance]
	for _, name := range l.Merged {
		here = here || name == instance
	}
	return here
}
