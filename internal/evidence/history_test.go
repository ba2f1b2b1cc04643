package evidence

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var threeGates = []string{"latency-p95-ratio", "error-rate-difference", "artefact-rate-difference"}

// intervals are of as many gates as are named, with as many digits as there can be.
func intervals(names []string) []Interval {
	var all []Interval
	for i := range names {
		all = append(all, NewInterval(-0.123456789-float64(i), math.Inf(-1), 123456.789))
	}
	return all
}

// lookOften has the pod count, and the ledger look, as often as is said.
func lookOften(t *testing.T, l *Ledger, p *pod, times int, names []string) {
	t.Helper()
	for range times {
		at := start.Add(time.Duration(p.Sequence+1) * 4 * time.Second)
		if _, drop := l.Take(p.count(t, 3).report(at), at); drop != Accepted {
			t.Fatalf("dropped: %s", drop)
		}
		l.Look(at, names, intervals(names))
	}
}

func TestTheHistoryKeepsItsEndsAndItsSizeHoweverOftenIsLooked(t *testing.T) {
	l, p := open(t), newPod(t, 1)
	lookOften(t, l, p, 1, threeGates)
	first := l.History.Looks[0]
	lookOften(t, l, p, 900, threeGates)
	looks := l.History.Looks
	if len(looks) != MaxLooks {
		t.Fatalf("%d looks, want %d", len(looks), MaxLooks)
	}
	if diff := cmp.Diff(first, looks[0]); diff != "" {
		t.Errorf("the first look has changed:\n%s", diff)
	}
	if last := looks[MaxLooks-1]; last.Pairs != l.Totals().Pairs {
		t.Errorf("the last look is at %d pairs of %d", last.Pairs, l.Totals().Pairs)
	}
	even := float64(l.Totals().Pairs) / MaxLooks
	for i := 1; i < len(looks); i++ {
		if gap := float64(looks[i].Pairs - looks[i-1].Pairs); gap > 3*even {
			t.Errorf("%g pairs lie between look %d and the next; spread evenly it would be %g", gap, i-1, even)
		}
	}
}

func TestTheHistorySurvivesARestart(t *testing.T) {
	l, p := open(t), newPod(t, 1)
	lookOften(t, l, p, 150, threeGates)
	again := restart(t, l)
	if diff := cmp.Diff(l.History, again.History); diff != "" {
		t.Errorf("history after the restart (-before +after):\n%s", diff)
	}
	lookOften(t, l, p, 1, threeGates)
	if len(again.History.Looks) != MaxLooks || again.History.Looks[MaxLooks-1].Pairs >= l.History.Looks[MaxLooks-1].Pairs {
		t.Error("the history that was read changes with the one that was written")
	}
}

func TestTheLargestHistoryLeavesTheLedgerItsRoom(t *testing.T) {
	var names []string
	for i := range maxMetrics {
		names = append(names, strings.Repeat(fmt.Sprint(i), 253))
	}
	l, p := open(t), newPod(t, 1)
	lookOften(t, l, p, MaxLooks+20, names)
	body, err := json.Marshal(l.History)
	if err != nil || len(body) > historyRoom {
		t.Errorf("%d bytes, %v; %d are reserved", len(body), err, historyRoom)
	}
	restart(t, l)
}

func TestAnEarlierLedgerWithoutHistoryIsStillRead(t *testing.T) {
	l := open(t)
	body, err := l.Encode()
	if err != nil || strings.Contains(string(body), "history") {
		t.Fatalf("%s, %v", body, err)
	}
	again, err := DecodeLedger(body)
	if err != nil {
		t.Fatal(err)
	}
	lookOften(t, again, newPod(t, 1), 1, threeGates)
	if len(again.History.Looks) != 1 {
		t.Errorf("history %+v", again.History)
	}
}

func TestOnlyNewPairsOfTheSameGatesAreALook(t *testing.T) {
	l, p := open(t), newPod(t, 1)
	l.Look(start, threeGates, intervals(threeGates))
	if l.History != nil {
		t.Error("there is a look without pairs")
	}
	lookOften(t, l, p, 2, threeGates)
	last := start.Add(8 * time.Second)
	l.Look(last.Add(time.Second), threeGates, intervals(threeGates))
	l.Look(last.Add(-time.Hour), threeGates, intervals(threeGates))
	l.Look(last, threeGates[:1], intervals(threeGates[:1]))
	l.Look(last, threeGates, intervals(threeGates[:1]))
	if n := len(l.History.Looks); n != 2 {
		t.Errorf("%d looks, want 2", n)
	}
}

func TestWhatIsNotKnownIsNoNumber(t *testing.T) {
	i := NewInterval(math.NaN(), math.Inf(-1), 0.12345678)
	if i.Estimate != nil || i.Low != nil || *i.High != 0.123457 {
		t.Errorf("%+v", i)
	}
	body, err := json.Marshal(i)
	if err != nil || string(body) != "[null,null,0.123457]" {
		t.Errorf("%s, %v", body, err)
	}
}

func TestAHistoryThatCannotBeIsRefused(t *testing.T) {
	l, p := open(t), newPod(t, 1)
	lookOften(t, l, p, 2, threeGates)
	body, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(body)
	for name, change := range map[string][2]string{
		"a number too many":       {"[[", "[[1,"},
		"a number too few":        {"[-0.123457,null,123457]", "[-0.123457,null]"},
		"a word for a number":     {"123457]", `"much"]`},
		"a huge number":           {"123457]", "1e300]"},
		"a gate too many":         {"]]}", "],[1,1,1]]}"},
		"looks before each other": {`"pairs":6,"gates"`, `"pairs":2,"gates"`},
		"more pairs than counted": {`"pairs":6,"gates"`, `"pairs":7,"gates"`},
		"no time":                 {`"at":"2026-11-22T12:00:04Z"`, `"at":"0001-01-01T00:00:00Z"`},
		"another order":           {`"at":"2026-11-22T12:00:08Z"`, `"at":"2026-11-22T11:00:00Z"`},
		"a name with a tag":       {`"latency-p95-ratio"`, `"<script>"`},
		"a foreign field":         {`"metrics":`, `"more":1,"metrics":`},
		"no gates":                {`"metrics":["latency-p95-ratio","error-rate-difference","artefact-rate-difference"]`, `"metrics":[]`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good, change[0], change[1], 1)
			if bad == good {
				t.Fatalf("%q is not in %s", change[0], good)
			}
			if _, err := DecodeLedger([]byte(bad)); err == nil {
				t.Error("it is read")
			}
		})
	}
	many := restart(t, l)
	for i := range 2 * MaxLooks {
		many.History.Looks = append(many.History.Looks, Look{At: start.Add(time.Hour), Pairs: int64(i + 7), Gates: intervals(threeGates)})
	}
	if err := many.check(); err == nil {
		t.Error("a history of any length is read")
	}
}

func TestFrozenEvidenceIsReadStrictly(t *testing.T) {
	l, p := open(t), newPod(t, 1)
	lookOften(t, l, p, 200, threeGates)
	l.Drop(TooFast)
	body, err := l.Freeze().Encode()
	if err != nil || len(body) > 64<<10 {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	f, err := DecodeFrozen(body)
	if err != nil {
		t.Fatal(err)
	}
	if f.Totals != l.Totals() || f.Epoch != l.Epoch || f.Drops[TooFast] != 1 || len(f.History.Looks) != MaxLooks {
		t.Errorf("frozen %+v", f)
	}
	for name, change := range map[string][2]string{
		"schema": {FrozenSchema, LedgerSchema}, "epoch": {`"epoch":"e1"`, `"epoch":"<e1>"`}, "drops": {"TooFast", "TooSlow"},
		"pairs": {`"totals":{"pairs":600`, `"totals":{"pairs":601`}, "field": {`"stable":"`, `"more":1,"stable":"`}, "since": {`"since":"2026-11-22T12`, `"since":"0001-01-01T00`},
	} {
		bad := strings.Replace(string(body), change[0], change[1], 1)
		if bad == string(body) {
			t.Fatalf("%s: %q is not there", name, change[0])
		}
		if _, err := DecodeFrozen([]byte(bad)); err == nil {
			t.Errorf("%s: it is read", name)
		}
	}
}
