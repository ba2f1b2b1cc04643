package sidecar

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/sidecar/recorder"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
	"github.com/braincreators/tryon-operator/internal/sidecar/shadow"
)

// captureWaiting bounds the requests that wait to be captured.
const captureWaiting = 8

// newRecorder makes what captures requests; nil where no folder is named. It opens the folder itself: shoppers are served without.
func (s *Server) newRecorder() *recorder.Recorder {
	o := s.options
	if o.Capture == "" {
		return nil
	}
	return recorder.New(recorder.Options{
		Permitted: func() bool { return permitted(o.CapturePermit) },
		Open:      func(ctx context.Context) (recorder.Folder, error) { return capture.Open(ctx, o.Capture) },
		Percent:   o.CapturePercent, Bounds: capture.Bounds{Age: o.CaptureAge, Bytes: o.CaptureBytes},
		Waiting: captureWaiting, Bytes: o.CaptureMemory,
		Kept: s.metrics.CaptureKept, Captured: s.metrics.Captured, Dropped: s.metrics.CaptureDropped,
	})
}

// permitted says whether the file that permits to keep requests is there. A look that fails is none.
func permitted(file string) bool {
	if file == "" {
		return true
	}
	_, err := os.Stat(file)
	return err == nil
}

// toCapture tells whether a request is one of those to capture. While a candidate is compared, they are taken from those that it is asked as
// well, so that the report of the judgement has pairs.
func (s *Server) toCapture(header http.Header, candidate *control.Shadow) bool {
	if s.recorder == nil || optedOut(header) {
		return false
	}
	switch compared := s.router.Compared(); {
	case candidate != nil:
		return s.recorder.Choose(candidate.SamplePercent)
	case compared != nil:
		return false
	}
	return s.recorder.Choose(100)
}

// optedOut: whatever is said but yes, and that is all one can say, means no.
func optedOut(header http.Header) bool {
	for _, said := range header.Values(route.HeaderCapture) {
		if !strings.EqualFold(strings.TrimSpace(said), "yes") {
			return true
		}
	}
	return false
}

// capturing gives what hands a request to the recorder once it is known what a candidate made of it.
func (s *Server) capturing(sample shadow.Sample, answered time.Time) func(*capture.Compared) {
	return func(c *capture.Compared) {
		s.recorder.Offer(capture.Request{
			// What the model server answered holds more than the picture, for as long as any part of it is held.
			TakenAt: answered, Version: s.options.Version, Signature: sample.Signature, In: sample.In, Image: bytes.Clone(sample.Out.Image), Compared: c,
		})
	}
}
