package evidence

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/strict"
)

const (
	// MaxLooks bounds the looks that a ledger remembers, maxMetrics the gates of each.
	MaxLooks   = 120
	maxMetrics = 8
	// historyRoom is what MaxLooks looks at maxMetrics gates may take of a ledger's JSON.
	historyRoom = 48 << 10
	// maxBound is beyond every difference and ratio that a gate can come to.
	maxBound = 1e6
	// digits that a remembered number keeps: more than any plot shows.
	digits = 6
)

// Interval is what is known of one gate's metric; nil is what nothing is known of: no evidence, or no bound yet.
type Interval struct{ Estimate, Low, High *float64 }

// NewInterval leaves out what is no number.
func NewInterval(estimate, low, high float64) Interval {
	return Interval{Estimate: known(estimate), Low: known(low), High: known(high)}
}

func known(x float64) *float64 {
	if !(math.Abs(x) <= maxBound) {
		return nil
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64)
	if err != nil {
		return nil
	}
	return &rounded
}

// MarshalJSON writes [estimate, low, high] with null for what is not known.
func (i Interval) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]*float64{i.Estimate, i.Low, i.High})
}

// UnmarshalJSON takes three numbers or nulls and nothing else.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var all []*float64
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(all) != 3 {
		return fmt.Errorf("%w: an interval of %d numbers, want 3", ErrInvalid, len(all))
	}
	*i = Interval{Estimate: all[0], Low: all[1], High: all[2]}
	return nil
}

// Look is what the gates' intervals were at one time.
type Look struct {
	At    time.Time `json:"at"`
	Pairs int64     `json:"pairs"`
	// Gates are in the order of the history's metrics.
	Gates []Interval `json:"gates"`
}

// History is how the intervals came to be what they are.
type History struct {
	Metrics []string `json:"metrics"`
	Looks   []Look   `json:"looks"`
}

// Look remembers the intervals of a time. Once there are MaxLooks, the inner look goes that is nearest to its neighbours in pairs: the
// first and the last stay, and the others spread evenly over the evidence, however long it is collected. Nothing is remembered
// without new pairs, of other metrics than before, or of an earlier time.
func (l *Ledger) Look(at time.Time, metrics []string, gates []Interval) {
	pairs := l.Totals().Pairs
	h := l.History
	if h == nil {
		h = &History{Metrics: append([]string{}, metrics...), Looks: []Look{}}
	}
	next := &History{Metrics: h.Metrics, Looks: append(h.Looks[:len(h.Looks):len(h.Looks)], Look{At: at.UTC().Truncate(time.Second), Pairs: pairs, Gates: gates})}
	if n := len(h.Looks); fmt.Sprint(h.Metrics) != fmt.Sprint(metrics) || n > 0 && pairs <= h.Looks[n-1].Pairs || next.check(pairs) != nil {
		return
	}
	next.thin()
	l.History = next
}

// thin takes inner looks out until no more than MaxLooks are left.
func (h *History) thin() {
	for len(h.Looks) > MaxLooks {
		least, at := int64(math.MaxInt64), 1
		for i := 1; i < len(h.Looks)-1; i++ {
			if gap := h.Looks[i+1].Pairs - h.Looks[i-1].Pairs; gap < least {
				least, at = gap, i
			}
		}
		h.Looks = append(h.Looks[:at:at], h.Looks[at+1:]...)
	}
}

// check refuses a history that no looks at so many pairs can have left. One look more than MaxLooks is allowed before thinning.
func (h *History) check(pairs int64) error {
	if h == nil {
		return nil
	}
	if len(h.Metrics) == 0 || len(h.Metrics) > maxMetrics || len(h.Looks) > MaxLooks+1 {
		return fmt.Errorf("%w: a history of %d looks at %d gates", ErrInvalid, len(h.Looks), len(h.Metrics))
	}
	if err := checkWords(h.Metrics...); err != nil {
		return err
	}
	before := Look{}
	for _, look := range h.Looks {
		if err := look.follows(before, len(h.Metrics)); err != nil {
			return err
		}
		before = look
	}
	if before.Pairs > pairs {
		return fmt.Errorf("%w: a look at %d pairs of %d", ErrInvalid, before.Pairs, pairs)
	}
	return nil
}

// follows refuses a look that cannot come after another one.
func (k Look) follows(before Look, gates int) error {
	if k.Pairs <= before.Pairs || k.At.Before(before.At) || k.At.IsZero() || len(k.Gates) != gates {
		return fmt.Errorf("%w: a look at %d pairs at %s after one at %d", ErrInvalid, k.Pairs, k.At, before.Pairs)
	}
	for _, i := range k.Gates {
		if err := i.check(); err != nil {
			return err
		}
	}
	return nil
}

func (i Interval) check() error {
	for _, x := range []*float64{i.Estimate, i.Low, i.High} {
		if x != nil && !(math.Abs(*x) <= maxBound) {
			return fmt.Errorf("%w: a bound of %g", ErrInvalid, *x)
		}
	}
	return nil
}

// FrozenSchema of frozen evidence.
const FrozenSchema = "tryon.frozen-evidence/v1"

// maxFrozen bounds frozen evidence: it travels in an environment variable, which holds 128 KiB.
const maxFrozen = MaxBytes + historyRoom + 4<<10

// Frozen is the evidence of one epoch as it was when the epoch was decided: all that a report needs, without the instances that it
// came from.
type Frozen struct {
	Schema    string           `json:"schema"`
	Epoch     string           `json:"epoch"`
	Stable    string           `json:"stable"`
	Candidate string           `json:"candidate"`
	Since     time.Time        `json:"since"`
	Totals    Totals           `json:"totals"`
	History   *History         `json:"history,omitempty"`
	Drops     map[Reason]int64 `json:"drops,omitempty"`
}

// Freeze copies what a report needs.
func (l *Ledger) Freeze() Frozen {
	return Frozen{
		Schema: FrozenSchema, Epoch: l.Epoch, Stable: l.Stable, Candidate: l.Candidate, Since: l.Since, Totals: l.Totals(),
		History: l.History, Drops: l.Drops,
	}
}

// Encode gives the bytes, the same for the same evidence. Every error wraps ErrInvalid.
func (f Frozen) Encode() ([]byte, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if len(body) > maxFrozen {
		return nil, fmt.Errorf("%w: %d bytes of frozen evidence, allowed are %d", ErrInvalid, len(body), maxFrozen)
	}
	return body, nil
}

// DecodeFrozen reads frozen evidence strictly. Every error wraps ErrInvalid.
func DecodeFrozen(body []byte) (Frozen, error) {
	var f Frozen
	if err := strict.Decode(body, maxFrozen, &f); err != nil {
		return Frozen{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if f.Schema != FrozenSchema || f.Since.IsZero() {
		return Frozen{}, fmt.Errorf("%w: schema is %.64q since %s, want %q", ErrInvalid, f.Schema, f.Since, FrozenSchema)
	}
	if err := checkWords(f.Epoch, f.Stable, f.Candidate); err != nil {
		return Frozen{}, err
	}
	if err := checkDrops(f.Drops); err != nil {
		return Frozen{}, err
	}
	if err := f.Totals.check(); err != nil {
		return Frozen{}, err
	}
	return f, f.History.check(min(f.Totals.Pairs, sequential.MaxRequests))
}
