package evidence

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/strict"
)

const (
	// LedgerSchema of a ledger.
	LedgerSchema = "tryon.ledger/v1"
	// LedgerKey is the ledger's key in its ConfigMap.
	LedgerKey = "evidence.json"
	// MaxLedgerBytes bounds a ledger's JSON.
	MaxLedgerBytes = 256<<10 + historyRoom

	// MaxInstances bounds the pods and their restarts that are told apart at a time, maxMerged those that are remembered only by name.
	MaxInstances = 64
	maxMerged    = 1024
	// latencyLevel is the quantile that the latency gate asks for.
	latencyLevel = 0.95

	// idle is how long nothing must have come from an instance before it may be merged: longer than any manager's restart.
	idle = 10 * time.Minute
)

// room is what instances may take of a ledger's JSON; the rest is for merged totals, the latency state, the history, names and counts.
const room = MaxLedgerBytes - historyRoom - (24 << 10) - 35*maxMerged

// Ledger adds up the reports of one epoch. It is a value of facts: the same reports and times in, the same JSON out. It is not for concurrent use.
type Ledger struct {
	Schema    string `json:"schema"`
	Epoch     string `json:"epoch"`
	Stable    string `json:"stable"`
	Candidate string `json:"candidate"`
	// Since is when the ledger was opened.
	Since time.Time `json:"since"`
	// Instances holds what was last accepted from each.
	Instances map[string]*Instance `json:"instances"`
	// Merged holds the names of instances whose totals are part of Gone, so that none counts twice.
	Merged []string `json:"merged"`
	Gone   Totals   `json:"gone"`
	// Latency is what a sequential.Quantile judges: the same latencies as those of Totals, and what their order of arrival says besides.
	Latency sequential.LatencyState `json:"latency"`
	// History is how the gates' intervals moved; nil before the first look, and in ledgers of earlier releases.
	History *History `json:"history,omitempty"`
	// Drops counts the reports that were dropped.
	Drops map[Reason]int64 `json:"drops"`
	// Refused are the sequences of the replay's reports that are among the dropped: each is put in every look, and counts once.
	Refused []int64 `json:"refused,omitempty"`
}

// Instance is what was last accepted from one instance.
type Instance struct {
	Sequence int64 `json:"sequence"`
	// Seen is when, by the ledger's clock.
	Seen   time.Time `json:"seen"`
	Totals Totals    `json:"totals"`

	// bytes is how much of the ledger's JSON this takes.
	bytes int
}

// NewLedger opens an empty ledger; now is before any pod can have counted in the epoch.
func NewLedger(epoch, stable, candidate string, latencyRatio float64, now time.Time) (*Ledger, error) {
	gone, err := NewTotals(latencyRatio)
	if err != nil {
		return nil, err
	}
	latency, err := sequential.NewLatencyState(latencyLevel, latencyRatio)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	l := &Ledger{
		Schema: LedgerSchema, Epoch: epoch, Stable: stable, Candidate: candidate, Since: now.UTC(),
		Instances: map[string]*Instance{}, Merged: []string{}, Gone: gone, Latency: latency, Drops: map[Reason]int64{},
	}
	return l, l.check()
}

// DecodeLedger reads a ledger strictly. Every error wraps ErrInvalid.
func DecodeLedger(body []byte) (*Ledger, error) {
	l := &Ledger{}
	if err := strict.Decode(body, MaxLedgerBytes, l); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// Encode gives the ledger's bytes, at most MaxLedgerBytes, the same for the same ledger. Every error wraps ErrInvalid.
func (l *Ledger) Encode() ([]byte, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return body, nil
}

// Totals gives all evidence together: what package sequential judges, but for Latency.
func (l *Ledger) Totals() Totals {
	// Nothing is let in that does not add up, so there is no error to give.
	sum, _ := l.sum()
	return sum
}

// sum adds in the order of names: floating point remembers the order.
func (l *Ledger) sum() (Totals, error) {
	sum := l.Gone
	for _, name := range slices.Sorted(maps.Keys(l.Instances)) {
		var err error
		if sum, err = sum.Add(l.Instances[name].Totals); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// Drop counts a report that was dropped before it could be taken: an answer that Decode refuses is Invalid.
func (l *Ledger) Drop(reason Reason) { l.Drops[reason] = min(l.Drops[reason]+1, maxSequence) }

func (l *Ledger) check() error {
	if l.Schema != LedgerSchema || l.Since.IsZero() {
		return fmt.Errorf("%w: schema is %.64q since %s, want %q", ErrInvalid, l.Schema, l.Since, LedgerSchema)
	}
	if l.Instances == nil || l.Drops == nil || len(l.Instances) > MaxInstances || len(l.Merged) > maxMerged {
		return fmt.Errorf("%w: %d instances, %d merged", ErrInvalid, len(l.Instances), len(l.Merged))
	}
	if err := checkWords(l.Epoch, l.Stable, l.Candidate); err != nil {
		return err
	}
	if err := l.checkNames(); err != nil {
		return err
	}
	return l.checkTotals()
}

func (l *Ledger) checkNames() error {
	for _, name := range slices.Concat(l.Merged, slices.Collect(maps.Keys(l.Instances))) {
		if !instanceName.MatchString(name) {
			return fmt.Errorf("%w: instance %.64q is not 32 hexadecimal digits", ErrInvalid, name)
		}
	}
	if err := l.checkRefused(); err != nil {
		return err
	}
	return checkDrops(l.Drops)
}

func (l *Ledger) checkRefused() error {
	if len(l.Refused) > maxPacked || slices.ContainsFunc(l.Refused, func(sequence int64) bool { return sequence < 1 || sequence > maxSequence }) {
		return fmt.Errorf("%w: reports %v of a replay are refused", ErrInvalid, l.Refused)
	}
	return nil
}

func checkDrops(drops map[Reason]int64) error {
	for reason, n := range drops {
		if n < 0 || n > maxSequence || !slices.Contains(reasons, reason) {
			return fmt.Errorf("%w: %d dropped as %.64q", ErrInvalid, n, reason)
		}
	}
	return nil
}

func (l *Ledger) checkTotals() error {
	if err := l.Gone.check(); err != nil {
		return err
	}
	if err := l.checkInstances(); err != nil {
		return err
	}
	sum, err := l.sum()
	if err == nil {
		err = l.History.check(sum.Pairs)
	}
	if err == nil && (l.Latency.Level != latencyLevel || l.Latency.Seen != sum.Latency) {
		err = fmt.Errorf("%w: the latency state is not that of the totals", ErrInvalid)
	}
	if err == nil {
		// A state is checked where it is judged; what the verdict would be does not matter here.
		_, err = sequential.Decide([]sequential.Gate{sequential.Quantile{Name: "latency", Evidence: &l.Latency}}, 0.05)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func (l *Ledger) checkInstances() error {
	for _, i := range l.Instances {
		if i == nil || i.Sequence < 1 || i.Sequence > maxSequence {
			return fmt.Errorf("%w: an instance without a report", ErrInvalid)
		}
		if err := i.Totals.check(); err != nil {
			return err
		}
		i.bytes = size(*i)
	}
	return nil
}

// size is how much of a ledger's JSON an instance takes, with its name.
func size(i Instance) int {
	body, err := json.Marshal(i)
	if err != nil {
		return MaxLedgerBytes
	}
	return len(body) + 36
}
