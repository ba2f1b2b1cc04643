package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Decode reads one JSON value of at most limit bytes into a pointer.
func Decode(body []byte, limit int, into any) error {
	if len(body) > limit {
		return fmt.Errorf("%d bytes are over the limit of %d", len(body), limit)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("decoding: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes follow the document")
	}
	return nil
}
