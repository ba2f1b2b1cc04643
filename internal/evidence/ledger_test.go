package evidence

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

func TestManyPodsFitAndTheLongSilentGiveWay(t *testing.T) {
	l := open(t)
	for i := range MaxInstances {
		at := start.Add(time.Duration(i) * time.Second)
		take(t, l, newPod(t, i).count(t, 20).report(at), at, true, Accepted)
	}
	before := l.Totals()
	newcomer := newPod(t, 1000).count(t, 20)
	take(t, l, newcomer.report(start), start.Add(2*time.Minute), false, Full)

	later := start.Add(idle)
	take(t, l, newcomer.report(later), later, true, Accepted)
	want, err := before.Add(newcomer.Totals)
	if err != nil {
		t.Fatal(err)
	}
	near(t, l.Totals(), want)
	if l.Instances[name(0)] != nil || !cmp.Equal(l.Merged, []string{name(0)}) {
		t.Errorf("merged %v, want the one that was silent longest", l.Merged)
	}
	// What was merged must not count twice when its pod is heard again, however much it has counted since.
	l = restart(t, l)
	returned := newPod(t, 0).count(t, 20)
	returned.report(start)
	take(t, l, returned.count(t, 5).report(later), later, false, Replay)
}

func TestTheLedgerIsBoundedWhateverPodsCount(t *testing.T) {
	l := open(t)
	at := start.Add(24 * time.Hour)
	for i := range 60 {
		// Every pod restarts again and again, with reports as large as can be.
		at = at.Add(idle)
		take(t, l, largest(t, i).report(at), at, true, Accepted)
	}
	if len(l.Merged) < 20 {
		t.Errorf("%d instances are merged: the test is blind", len(l.Merged))
	}
	for i := len(l.Merged); i < maxMerged; i++ {
		l.Merged = append(l.Merged, name(1000+i))
	}
	for _, r := range reasons {
		l.Drops[r] = maxSequence
		l.Drop(r)
	}
	l = restart(t, l)
	take(t, l, largest(t, 99).report(at), at.Add(idle), false, Full)
}

func TestASilentPodTakesNoRoom(t *testing.T) {
	l := open(t)
	for i := range 2 * MaxInstances {
		take(t, l, newPod(t, i).report(start), start, false, Accepted)
	}
	if len(l.Instances) != 0 {
		t.Errorf("%d instances are held", len(l.Instances))
	}
}

func TestTheSameLedgerHasTheSameBytes(t *testing.T) {
	body := func() string {
		l := open(t)
		for i := range 5 {
			take(t, l, newPod(t, i).count(t, 30).report(start), start, true, Accepted)
		}
		l.Drop(Replay)
		l.Drop(Invalid)
		if sum := l.Totals(); sum.Pairs != 150 {
			t.Errorf("%d pairs", sum.Pairs)
		}
		out, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if diff := cmp.Diff(body(), body()); diff != "" {
		t.Error(diff)
	}
}

func TestADamagedLedgerIsRefused(t *testing.T) {
	l := open(t)
	take(t, l, newPod(t, 1).count(t, 30).report(start), start, true, Accepted)
	l.Drop(Replay)
	good, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string][2]string{
		"another schema":        {LedgerSchema, "tryon.ledger/v2"},
		"an unknown field":      {`{"schema"`, `{"x":1,"schema"`},
		"an instance's name":    {name(1), "x"},
		"an unknown reason":     {"Replay", "Reply"},
		"negative drops":        {`"Replay":1`, `"Replay":-1`},
		"a merged name":         {`"merged":[]`, `"merged":["x"]`},
		"no drops":              {`"drops":{"Replay":1}`, `"drops":null`},
		"pairs from nowhere":    {`"pairs":30`, `"pairs":31`},
		"an instance of null":   {`"instances":{`, `"instances":{"` + name(2) + `":null,`},
		"an impossible epoch":   {`"epoch":"e1"`, `"epoch":""`},
		"no sequence":           {`"sequence":1`, `"sequence":0`},
		"another level":         {`"level":0.95`, `"level":0.5`},
		"judged but not seen":   {`"judged":0`, `"judged":31`},
		"evidence out of bound": {`"bothGood":`, `"bothGood":9`},
		"other latencies":       {`"level":0.95,"seen":{"ratio":1.1,"n":28,"first":9`, `"level":0.95,"seen":{"ratio":1.1,"n":28,"first":8`},
	} {
		t.Run(what, func(t *testing.T) {
			bad := strings.Replace(string(good), change[0], change[1], 1)
			if bad == string(good) {
				t.Fatalf("%q is not in the ledger", change[0])
			}
			if _, err := DecodeLedger([]byte(bad)); !errors.Is(err, ErrInvalid) {
				t.Errorf("error %v, want one that wraps %v", err, ErrInvalid)
			}
		})
	}
	if _, err := NewLedger("e1", "tops-v1", "tops-v2", 0, start); !errors.Is(err, ErrInvalid) {
		t.Errorf("a ledger without a margin: %v", err)
	}
	if _, err := NewLedger("", "tops-v1", "tops-v2", ratio, start); !errors.Is(err, ErrInvalid) {
		t.Errorf("a ledger without an epoch: %v", err)
	}
}

func TestTheLedgerTakesNoMoreThanCanBeAddedUp(t *testing.T) {
	l, at := open(t), start.Add(1000*time.Hour)
	for i, want := range []Reason{Accepted, Full} {
		p := newPod(t, i)
		p.Pairs, p.Errors.OnlyCandidate = sequential.MaxRequests/2+1, sequential.MaxRequests/2+1
		take(t, l, p.report(at), at, want == Accepted, want)
	}
	if got := restart(t, l).Totals().Pairs; got != sequential.MaxRequests/2+1 {
		t.Errorf("%d pairs", got)
	}
}
