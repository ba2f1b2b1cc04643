package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

const (
	// maxLineBytes bounds one line of the progress file; longer ones are skipped.
	maxLineBytes = 16 << 10
	// maxReadBytes bounds one look at the progress file; the rest waits for the next look.
	maxReadBytes = 4 << 20
	maxMetrics   = 64
	maxNameBytes = 40
)

// progress is one line of the progress file.
type progress struct {
	step, totalSteps, epoch int64
	metrics                 map[string]float64
}

var (
	errBadLine = errors.New("not a progress line")
	// metricName is what the method's own metrics look like; it also keeps them fit for an envelope.
	metricName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*$`)
	// bareNumber finds what Python's json writes for numbers that JSON does not have.
	bareNumber = regexp.MustCompile(`([:,\[]\s*)(NaN|-?Infinity)\b`)
)

// parseProgress reads a line leniently: fields that it does not know are the trainer's business, and NaN and Infinity,
// which Python writes bare, are values that matter here.
func parseProgress(line []byte) (progress, error) {
	var wire struct {
		Step       int64                      `json:"step"`
		TotalSteps int64                      `json:"totalSteps"`
		Epoch      int64                      `json:"epoch"`
		Metrics    map[string]json.RawMessage `json:"metrics"`
	}
	if !json.Valid(line) {
		line = bareNumber.ReplaceAll(line, []byte(`$1"$2"`))
	}
	if err := json.Unmarshal(line, &wire); err != nil {
		return progress{}, fmt.Errorf("%w: %w", errBadLine, err)
	}
	if wire.Step < 0 || wire.TotalSteps < 0 || wire.Epoch < 0 {
		return progress{}, fmt.Errorf("%w: negative counts", errBadLine)
	}
	if len(wire.Metrics) > maxMetrics {
		return progress{}, fmt.Errorf("%w: %d metrics are over %d", errBadLine, len(wire.Metrics), maxMetrics)
	}
	p := progress{step: wire.Step, totalSteps: wire.TotalSteps, epoch: wire.Epoch, metrics: map[string]float64{}}
	for name, raw := range wire.Metrics {
		if len(name) > maxNameBytes || !metricName.MatchString(name) {
			return progress{}, fmt.Errorf("%w: metric name %.60q", errBadLine, name)
		}
		value, err := parseNumber(raw)
		if err != nil {
			return progress{}, fmt.Errorf("%w: metric %s: %w", errBadLine, name, err)
		}
		p.metrics[name] = value
	}
	return p, nil
}

// parseNumber gives NaN for null, which is what many libraries write for it, and infinity for numbers that overflow.
func parseNumber(raw json.RawMessage) (float64, error) {
	text := strings.Trim(string(raw), `"`)
	if text == "null" {
		return math.NaN(), nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return value, nil
}

// progressReader follows a file that another process appends to.
type progressReader struct {
	path    string
	offset  int64
	rest    []byte
	skipped bool
}

// read gives the complete lines that have appeared since the last call.
func (r *progressReader) read() [][]byte {
	f, err := os.OpenFile(r.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	if info.Size() < r.offset {
		// The command began the file anew.
		r.offset, r.rest, r.skipped = 0, nil, false
	}
	body, err := io.ReadAll(io.NewSectionReader(f, r.offset, maxReadBytes))
	if err != nil {
		return nil
	}
	r.offset += int64(len(body))
	return r.split(body)
}

func (r *progressReader) split(body []byte) [][]byte {
	var lines [][]byte
	for {
		head, tail, complete := bytes.Cut(body, []byte("\n"))
		if !r.skipped {
			r.rest = append(r.rest, head...)
		}
		if len(r.rest) > maxLineBytes {
			r.rest, r.skipped = nil, true
		}
		if !complete {
			return lines
		}
		if line := bytes.TrimSpace(r.rest); len(line) > 0 && !r.skipped {
			lines = append(lines, line)
		}
		body, r.rest, r.skipped = tail, nil, false
	}
}
