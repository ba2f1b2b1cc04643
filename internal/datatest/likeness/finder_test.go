package likeness

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// noisy is a fingerprint with a few of its bits and levels changed.
func noisy(d *rand.Rand, p Imprint, bits, levels int) Imprint {
	for range bits {
		p.Hash ^= 1 << d.IntN(64)
	}
	for i := range p.Colours {
		p.Colours[i] = uint8(max(0, min(255, int(p.Colours[i])+d.IntN(2*levels+1)-levels)))
	}
	return p
}

func random(d *rand.Rand, name string) Imprint {
	p := Imprint{Path: name}
	p.Hash = d.Uint64()
	for i := range p.Colours {
		p.Colours[i] = uint8(d.IntN(256))
	}
	return p
}

func TestTheFinderMissesNoNeighbourAndInventsNone(t *testing.T) {
	d := rand.New(rand.NewPCG(1, 2))
	f := New()
	var all []Imprint
	for i := range 400 {
		p := random(d, fmt.Sprintf("p%03d", i))
		all = append(all, p)
		f.Add(p)
	}
	for i, p := range all {
		for what, q := range map[string]Imprint{
			"other bits, near colours":  noisy(d, p, 40, 2),
			"near bits, looser colours": noisy(d, p, 6, 4),
		} {
			if found, ok := f.Like(&q); !ok || found != all[i].Path {
				t.Errorf("%s of %s: found %q", what, p.Path, found)
			}
		}
		far := noisy(d, p, 0, 40)
		if found, ok := f.Like(&far); ok {
			t.Errorf("a picture with other colours than %s was taken for %s", p.Path, found)
		}
		stranger := random(d, "stranger")
		if found, ok := f.Like(&stranger); ok {
			t.Errorf("a stranger was taken for %s", found)
		}
	}
}

func TestBandsCoverEveryBitOfTheHash(t *testing.T) {
	for bit := range 64 {
		seen := false
		for i := range bands {
			seen = seen || band(1<<bit, i) != 0
		}
		if !seen {
			t.Errorf("bit %d is in no band", bit)
		}
	}
}
