package quality

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// The names of the answers that are right; the others are those of faults.
const (
	asTruth    = "truth"
	asRendered = "rendered"
)

// measureCases gives the scores of every case: the truth, the truth as a model would draw it, and that with each fault.
var measureCases = sync.OnceValues(func() (map[string][]Scores, error) {
	all, err := drawCases()
	if err != nil {
		return nil, err
	}
	var m Meter
	out := map[string][]Scores{}
	for i, c := range all {
		rendered := c.rendered(uint64(i))
		measure := func(name string, r Request, a Answer) error {
			s, err := m.Measure(r, a)
			out[name] = append(out[name], s)
			return err
		}
		if err := measure(asTruth, c.Request, c.truth); err != nil {
			return nil, err
		}
		if err := measure(asRendered, c.Request, rendered); err != nil {
			return nil, err
		}
		for _, f := range faults {
			r, a := f.inject(c, rendered)
			if err := measure(f.name, r, a); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
})

func scores(t *testing.T) map[string][]Scores {
	t.Helper()
	all, err := measureCases()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// auc is the probability that the proxy is higher on a spoilt answer than on a clean one; a tie counts half.
func auc(p Proxy, clean, spoilt []Scores) float64 {
	var sum, pairs float64
	for i := range spoilt {
		b, ok := spoilt[i].Get(p)
		for k := range clean {
			c, known := clean[k].Get(p)
			if !ok || !known {
				continue
			}
			pairs++
			switch {
			case b > c:
				sum++
			case b == c:
				sum += 0.5
			}
		}
	}
	return sum / pairs
}

func TestEachProxySeesTheFaultsThatItIsFor(t *testing.T) {
	all := scores(t)
	// Lower bounds, a little under what docs/quality.md reports; for the low tails, upper bounds.
	least := map[Proxy]map[string]float64{
		FaceBandDiff:    {"face 30 %": 0.95, "shift 2 px": 0.95, "black": 0.99},
		HeadMax:         {"face 30 %": 0.95, "shift 2 px": 0.95, "black": 0.99},
		BorderDiff:      {"shift 2 px": 0.9, "black": 0.99},
		OutsideChange:   {"face 30 %": 0.9, "shift 2 px": 0.95},
		FrameDiff:       {"shift 2 px": 0.95, "black": 0.99},
		HistDistGarment: {"no-op": 0.93, "wrong garment": 0.95, "colour 60 %": 0.85, "ghost 35 %": 0.8},
		MeanColourDist:  {"no-op": 0.95, "wrong garment": 0.97, "colour 60 %": 0.85, "ghost 35 %": 0.88},
		OldHistAffinity: {"no-op": 0.97, "wrong garment": 0.93, "ghost 35 %": 0.85},
		NoEffect:        {"no-op": 0.99, "ghost 35 %": 0.72},
		SharpDrop:       {"blur": 0.85, "black": 0.95},
		SkinLost:        {"arms lost": 0.8, "shift 2 px": 0.9},
		Dark:            {"black": 0.99},
		Flat:            {"black": 0.99, "flat": 0.99},
	}
	most := map[Proxy]string{FaceBandDiff: "no-op", HeadMax: "no-op", FrameDiff: "no-op"}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| proxy |")
	for _, f := range faults {
		fmt.Fprintf(&table, " %s |", f.name)
	}
	for p := range proxies {
		fmt.Fprintf(&table, "\n| `%s` |", p)
		for _, f := range faults {
			v := auc(p, all[asRendered], all[f.name])
			fmt.Fprintf(&table, " %.2f |", v)
			if want, ok := least[p][f.name]; ok && !(v >= want) {
				t.Errorf("%s sees %s with AUC %.3f, want at least %.2f", p, f.name, v, want)
			}
			if most[p] == f.name && !(v <= 0.05) {
				t.Errorf("%s of %s has AUC %.3f, want at most 0.05", p, f.name, v)
			}
		}
	}
	t.Log(table.String())
}

func TestHardFaultsSpareRightAnswersAndFindWrongOnes(t *testing.T) {
	all := scores(t)
	share := func(name string, f Fault) float64 {
		n := 0
		for i := range all[name] {
			if all[name][i].Fault() == f {
				n++
			}
		}
		return float64(n) / float64(len(all[name]))
	}
	for _, right := range []string{asTruth, asRendered} {
		got := 1 - share(right, NoFault)
		t.Logf("%s: %.3f false alarms", right, got)
		if got > 0.01 {
			t.Errorf("%.3f of the answers of kind %q are taken for faults, want at most 0.01", got, right)
		}
	}
	for _, want := range []struct {
		name  string
		fault Fault
		least float64
	}{{"black", FaultBlack, 0.99}, {"flat", FaultFlat, 0.99}, {"no-op", FaultNoOp, 0.95}, {"wrong garment", FaultWrongGarment, 0.9}} {
		got := share(want.name, want.fault)
		t.Logf("%s: %.3f found", want.name, got)
		if got < want.least {
			t.Errorf("%.3f of %s are found, want at least %.2f", got, want.name, want.least)
		}
	}
}

func TestAReferenceFindsArtefactsThatAreNoHardFaults(t *testing.T) {
	all := scores(t)
	half := len(all[asRendered]) / 2
	reference := MakeReference(all[asRendered][:half])
	rate := func(name string, r Reference) float64 {
		n := 0
		for _, s := range all[name][half:] {
			if _, artefact := Artefact(s, r); artefact {
				n++
			}
		}
		return float64(n) / float64(len(all[name])-half)
	}
	least := map[string]float64{"no-op": 0.95, "wrong garment": 0.9, "shift 2 px": 0.9, "face 30 %": 0.4, "black": 0.99, "flat": 0.99}
	var table strings.Builder
	for _, f := range faults {
		with, without := rate(f.name, reference), rate(f.name, Reference{})
		fmt.Fprintf(&table, "\n| %s | %.2f | %.2f |", f.name, without, with)
		if with < least[f.name] {
			t.Errorf("with a reference %.2f of %s are artefacts, want at least %.2f", with, f.name, least[f.name])
		}
	}
	clean := rate(asRendered, reference)
	t.Logf("\n| fault | hard faults only | with a reference |%s\n| none | %.3f | %.3f |", table.String(), rate(asRendered, Reference{}), clean)
	if clean > 0.05 {
		t.Errorf("%.3f of the clean answers are artefacts, want at most 0.05", clean)
	}
}
