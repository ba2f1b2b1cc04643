package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
)

const (
	// maxCaptured is how many captured requests are put at most, the newest: what 2,000 pairs do not tell of two rates is hardly worth the time.
	maxCaptured = 2000
	// maxPutting ends the putting of captured requests, so that slow models come to their test split before the Job's deadline.
	maxPutting = 2 * time.Hour
	// maxInARow is how many captured requests in a row cannot be read, or written, before their place counts as unavailable.
	maxInARow = 8
	// placePatience is how long their place may take for one of them.
	placePatience = time.Minute
)

// shoppers puts the captured requests, and counts what became of them.
type shoppers struct {
	*known
	put              putter
	folder           *capture.Folder
	reading, writing failures
	compared, repeated, shadowed, foreign,
	damaged, gone int
}

// failures of the place.
type failures struct {
	all, inARow int
	first       error
}

func (f *failures) add(err error) {
	if f.all == 0 {
		f.first = err
	}
	f.all++
	f.inARow++
}

// captured puts the captured requests that are kept, the newest first, and writes what came of each into its file.
func (k *known) captured(ctx context.Context, put putter) error {
	if k.t.Capture == nil {
		return nil
	}
	folder, err := capture.Open(ctx, k.t.Capture.URI)
	if err != nil {
		return k.placeUnavailable(err)
	}
	defer func() { _ = folder.Close() }()
	s := &shoppers{known: k, put: put, folder: folder}
	requests, err := s.list(ctx)
	if err != nil {
		return k.placeUnavailable(err)
	}
	tried, end := 0, time.Now().Add(maxPutting)
	for _, e := range requests[:min(len(requests), maxCaptured)] {
		if time.Now().After(end) {
			break
		}
		if err := s.one(ctx, e); err != nil {
			return err
		}
		tried++
	}
	s.say(len(requests) - tried)
	return nil
}

func (k *known) placeUnavailable(err error) error {
	return because(ReasonRequestsUnavailable, fmt.Errorf("captured requests in %s: %w", k.t.Capture.Shown, err))
}

// list gives the requests that are kept, the newest first. Those whose time is over are about to be removed.
func (s *shoppers) list(ctx context.Context) ([]capture.Entry, error) {
	entries, err := s.folder.List(ctx)
	if err != nil {
		return nil, err
	}
	var requests []capture.Entry
	for _, e := range entries {
		if e.Kind == capture.KindRequest && s.lives(e) {
			requests = append(requests, e)
		}
	}
	return requests, nil
}

func (s *shoppers) lives(e capture.Entry) bool { return e.Lives(time.Now(), s.t.Capture.Age()) }

// one puts a captured request. Its error ends the replay; a file that is not what it should be does not.
func (s *shoppers) one(ctx context.Context, e capture.Entry) error {
	if !s.lives(e) {
		s.gone++
		return nil
	}
	reading, cancel := context.WithTimeout(ctx, placePatience)
	r, err := s.folder.Read(reading, e.Name)
	cancel()
	switch {
	case errors.Is(err, capture.ErrBadFile):
		s.damaged++
	case errors.Is(err, capture.ErrNotFound):
		s.gone++
	case err != nil:
		if s.reading.add(err); s.reading.inARow == maxInARow || ctx.Err() != nil {
			return s.placeUnavailable(err)
		}
		return nil
	case r.Signature != s.signature:
		s.foreign++
	case r.Compared != nil && r.Compared.Epoch == s.t.Epoch && !r.Compared.Replayed:
		// The shadow of this judgement has counted the pair: twice would be no independent evidence.
		s.shadowed++
	default:
		err = s.compare(ctx, e, r)
		s.reading.inARow = 0
		return err
	}
	s.reading.inARow = 0
	return nil
}

// compare puts a request that was read.
func (s *shoppers) compare(ctx context.Context, e capture.Entry, r capture.Request) error {
	out, err := s.once(ctx, r.In, s.put)
	if err != nil {
		return err
	}
	if out == nil {
		s.repeated++
		return nil
	}
	s.compared++
	// Without an answer of the stable version, or a pair, there is nothing to show.
	if out.pair != nil && !out.stable.Failed && s.lives(e) {
		s.write(ctx, e, r, out)
	}
	return nil
}

// write puts both answers into the request's file. The shopper's may be an earlier version's, so the stable version's takes its place: it is what
// the candidate's is compared with.
func (s *shoppers) write(ctx context.Context, e capture.Entry, r capture.Request, out *outcome) {
	r.Version, r.Image = s.t.Stable.Version, out.stable.Out.Image
	r.Compared = &capture.Compared{Epoch: s.t.Epoch, Version: s.t.Candidate.Version, Replayed: true}
	if apart, both := out.pair.Apart(); both {
		r.Compared.Image, r.Compared.Garment, r.Compared.Outside = out.candidate.Out.Image, apart.Garment, apart.Outside
	}
	ctx, cancel := context.WithTimeout(ctx, placePatience)
	defer cancel()
	err := s.writing.first
	if s.writing.inARow < maxInARow {
		err = s.folder.Replace(ctx, e.Name, r)
	}
	switch {
	case errors.Is(err, capture.ErrNotFound):
		// It is no longer to be kept, so it is not to be shown either.
	case err != nil:
		s.writing.add(err)
		return
	}
	s.writing.inARow = 0
}

// say tells people what became of the captured requests.
func (s *shoppers) say(left int) {
	var words []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{s.repeated, "known already"}, {s.shadowed, "compared in shadow already"}, {s.foreign, "of another resolution"}, {s.damaged, "damaged"}, {s.gone, "gone meanwhile"},
		{s.reading.all, "not readable"}, {left, "older ones left out"},
	} {
		if part.n > 0 {
			words = append(words, fmt.Sprintf(", %d %s", part.n, part.what))
		}
	}
	fmt.Fprintf(s.log, "tryon-worker replay: captured requests in %s: %d put%s\n", s.t.Capture.Shown, s.compared, strings.Join(words, ""))
	if s.reading.all > 0 {
		fmt.Fprintf(s.log, "tryon-worker replay: captured requests in %s: %v\n", s.t.Capture.Shown, s.reading.first)
	}
	if s.writing.all > 0 {
		fmt.Fprintf(s.log, "tryon-worker replay: the answers to %d captured requests could not be left in %s and will not be shown: %v\n",
			s.writing.all, s.t.Capture.Shown, s.writing.first)
	}
}
