package judgement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	// maxRead is how many captured requests are read for the page, the newest of the judgement's time.
	maxRead = 512
	// maxInARow is how many in a row cannot be read before the others are not tried any more.
	maxInARow = 8
	// capturePatience is how long the place of captured requests may take altogether. The report waits for it and has to be made in any case.
	capturePatience = 10 * time.Minute
	// clocksDiffer is how far the clocks of two pods may be apart.
	clocksDiffer = time.Minute
)

// shopper is a captured request with both answers. Without the candidate's its picture is nil.
type shopper struct {
	pair
	takenAt time.Time
	// answeredBy is the version of the other picture.
	answeredBy string
}

// before says which of two is shown first: requests without an answer of the candidate, and then the greatest disagreement.
func before(a, b shopper) int {
	answered := func(s shopper) int { return min(len(s.candidate), 1) }
	return cmp.Or(cmp.Compare(answered(a), answered(b)), cmp.Compare(b.Garment, a.Garment), cmp.Compare(b.Outside, a.Outside), cmp.Compare(b.Name, a.Name))
}

// shoppers are the captured requests of a judgement.
type shoppers struct {
	t     task.Judgement
	epoch string
	now   time.Time
	// shown are the first of all in their order.
	shown []shopper
	// looked counts the files that were read, compared those of this judgement, damaged what is no captured request.
	looked, compared, damaged int
	// unread could not be read, inARow of them since one was; problem says why.
	unread, inARow int
	problem        error
	notes          []string
}

// showCaptured makes the page of the captured requests of this judgement, leaves it beside them, and gives what the report says of it. The report
// is for keeps and has none of their pictures. It does not fail: what cannot be shown is said.
func showCaptured(ctx context.Context, o Options, d *Document) (*Captured, []string) {
	c := o.Task.Capture
	if c == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, capturePatience)
	defer cancel()
	out := &Captured{Place: c.Shown}
	folder, err := capture.Open(ctx, c.URI)
	if err != nil {
		return out, []string{unreadable(c, err)}
	}
	defer func() { _ = folder.Close() }()
	s := &shoppers{t: o.Task, epoch: d.Evidence.Epoch, now: o.Now}
	if err := s.read(ctx, folder); err != nil {
		return out, []string{unreadable(c, err)}
	}
	out.Compared = s.compared
	if len(s.shown) == 0 {
		return out, append(s.notes, fmt.Sprintf("No captured request in %s was compared in this judgement, so none of a shopper is shown anywhere.", c.Shown))
	}
	name, err := s.publish(ctx, folder, d)
	if name == "" {
		return out, append(s.notes, fmt.Sprintf("The page of captured requests could not be left in %s: %v", c.Shown, err))
	}
	if err != nil {
		fmt.Fprintf(o.Log, "tryon-worker judgement: %v\n", err)
	}
	until := s.until()
	out.Page, out.Shown, out.Until = name, len(s.shown), &until
	return out, append(s.notes, fmt.Sprintf("%s shown on a page of their own, %s/%s, until %s at the latest. Then it is removed with their pictures.",
		plural(len(s.shown), "A captured request of a shopper is", fmt.Sprintf("%d captured requests of shoppers are", len(s.shown))), strings.TrimSuffix(c.Shown, "/"), name, clock(until)))
}

func unreadable(c *task.Capture, err error) string {
	return fmt.Sprintf("The captured requests in %s could not be read, so none of a shopper is shown anywhere: %v", c.Shown, err)
}

// oldest is when the first of the shown requests was answered.
func (s *shoppers) oldest() time.Time {
	return slices.MinFunc(s.shown, func(a, b shopper) int { return a.takenAt.Compare(b.takenAt) }).takenAt
}

// until is when the page has to go: it is kept as long as its oldest picture.
func (s *shoppers) until() time.Time { return s.oldest().Add(s.t.Capture.Age()) }

// read finds the requests of the judgement, the newest first.
func (s *shoppers) read(ctx context.Context, folder *capture.Folder) error {
	entries, err := s.list(ctx, folder)
	if err != nil {
		return err
	}
	if len(entries) > maxRead {
		s.notes = append(s.notes, fmt.Sprintf("Of %d captured requests in %s the newest %d were looked at.", len(entries), s.t.Capture.Shown, maxRead))
		entries = entries[:maxRead]
	}
	// The page goes with its oldest picture, so one that is about to be removed would take all others along.
	half := s.t.Decided.Add(-s.t.Capture.Age() / 2)
	untried := 0
	for i, e := range entries {
		if len(s.shown) > 0 && e.TakenAt.Before(half) {
			s.notes = append(s.notes, fmt.Sprintf("Captured requests from before %s are left out: the page is removed with its oldest picture.", clock(half)))
			break
		}
		if err := s.take(ctx, folder, e); err != nil {
			untried = len(entries) - i - 1
			break
		}
	}
	if s.unread > 0 && s.looked == 0 {
		return s.problem
	}
	s.passedOver(untried)
	return nil
}

// take reads one request. Its error means that the place cannot be read any more.
func (s *shoppers) take(ctx context.Context, folder *capture.Folder, e capture.Entry) error {
	r, err := folder.Read(ctx, e.Name)
	switch {
	case err == nil:
		s.looked++
		s.add(e, r)
	case errors.Is(err, capture.ErrBadFile):
		s.damaged++
	case !errors.Is(err, capture.ErrNotFound):
		s.problem = err
		s.unread++
		if s.inARow++; s.inARow == maxInARow || ctx.Err() != nil {
			return err
		}
		return nil
	}
	s.inARow = 0
	return nil
}

// passedOver says what was.
func (s *shoppers) passedOver(untried int) {
	if s.damaged > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d %s in %s.", s.damaged, plural(s.damaged, "damaged file was passed over", "damaged files were passed over"), s.t.Capture.Shown))
	}
	if s.unread > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d captured %s in %s could not be read, and %d older %s not tried: %v", s.unread, plural(s.unread, "request", "requests"),
			s.t.Capture.Shown, untried, plural(untried, "one was", "ones were"), s.problem))
	}
}

// list gives the requests that may be of this judgement: those that are still to be kept and were answered before it ended.
func (s *shoppers) list(ctx context.Context, folder *capture.Folder) ([]capture.Entry, error) {
	entries, err := folder.List(ctx)
	if err != nil {
		return nil, err
	}
	var requests []capture.Entry
	for _, e := range entries {
		if e.Kind == capture.KindRequest && e.Lives(s.now, s.t.Capture.Age()) && !e.TakenAt.After(s.t.Decided.Add(clocksDiffer)) {
			requests = append(requests, e)
		}
	}
	return requests, nil
}

// add takes a request of this judgement. Pictures are made of those only that are shown as far as is known.
func (s *shoppers) add(e capture.Entry, r capture.Request) {
	c := r.Compared
	if c == nil || c.Epoch != s.epoch {
		return
	}
	s.compared++
	one := shopper{pair: pair{Request: Request{Name: e.Name, Garment: c.Garment, Outside: c.Outside}, candidate: c.Image}, takenAt: e.TakenAt, answeredBy: r.Version}
	at, _ := slices.BinarySearchFunc(s.shown, one, before)
	if at == maxShown {
		return
	}
	pictures := []source{{r.In.Person, &one.person}, {r.In.Garment, &one.garment}, {r.Image, &one.stable}}
	if c.Image != nil {
		pictures = append(pictures, source{c.Image, &one.candidate}, source{difference(r.Image, c.Image), &one.difference})
	}
	if err := thumbnails(r.Signature, pictures); err != nil {
		s.compared--
		s.damaged++
		return
	}
	s.shown = slices.Insert(s.shown, at, one)
	s.shown = s.shown[:min(len(s.shown), maxShown)]
}
