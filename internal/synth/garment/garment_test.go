package garment

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/synth/dice"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

const rows = 600

func TestTheSameRowHasTheSameGarment(t *testing.T) {
	exact := cmp.AllowUnexported(Texture{}, logo{})
	if diff := cmp.Diff(Make(3, "train", 5), Make(3, "train", 5), exact); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(Make(3, "train", 5), Make(3, "train", 6), exact) {
		t.Error("two rows have the same garment")
	}
}

func TestEveryGarmentCanBeSewn(t *testing.T) {
	sleeves, necks, hems := map[Sleeve]int{}, map[Neckline]int{}, map[Hemline]int{}
	for row := range rows {
		g := Make(1, "train", row)
		sleeves[g.Sleeve]++
		necks[g.Neck]++
		hems[g.Hem]++
		bounds := map[Sleeve][2]float64{SleeveNone: {0, 0}, SleeveShort: {0.5, 0.72}, SleeveElbow: {0.9, 1.15}, SleeveLong: {1.82, 1.96}}[g.Sleeve]
		if g.SleeveEnd < bounds[0] || g.SleeveEnd > bounds[1] {
			t.Errorf("row %d: a sleeve of class %d ends at %.2f", row, g.Sleeve, g.SleeveEnd)
		}
		if g.Sleeve == SleeveNone && (g.Raglan || g.Neck == NeckPolo || g.Neck == NeckHigh) {
			t.Errorf("row %d: without sleeves, but raglan %v and neckline %d", row, g.Raglan, g.Neck)
		}
		if g.Neck == NeckPolo && !g.Placket || g.Placket && g.Neck != NeckPolo && g.Neck != NeckVee {
			t.Errorf("row %d: placket %v with neckline %d", row, g.Placket, g.Neck)
		}
		if g.Loose < 0 || g.Loose > 1 {
			t.Errorf("row %d: loose is %.2f", row, g.Loose)
		}
	}
	if len(sleeves) != 4 || len(necks) != int(necklines) || len(hems) != int(hemlines) {
		t.Errorf("%d rows have %d sleeves, %d necklines, %d hems: want 4, %d, %d", rows, len(sleeves), len(necks), len(hems), necklines, hemlines)
	}
}

func TestANecklineFallsFromTheShoulderToTheCentre(t *testing.T) {
	for neck := range necklines {
		g := &Garment{Neck: neck}
		half, side, depth := g.NeckShape()
		line := g.NeckCurve()
		if first, want := line[0], draw.XY(half, side); first != want {
			t.Errorf("neckline %d begins at %v, want %v", neck, first, want)
		}
		if last, want := line[len(line)-1], draw.XY(0, depth); last != want {
			t.Errorf("neckline %d ends at %v, want %v", neck, last, want)
		}
		for i := 1; i < len(line); i++ {
			if line[i].X > line[i-1].X || line[i].Y < line[i-1].Y {
				t.Errorf("neckline %d turns back at %v", neck, line[i])
			}
		}
	}
	wide := func(neck Neckline) float64 { half, _, _ := (&Garment{Neck: neck}).NeckShape(); return half }
	deep := func(neck Neckline) float64 { _, _, depth := (&Garment{Neck: neck}).NeckShape(); return depth }
	if wide(NeckBoat) <= wide(NeckCrew) || deep(NeckVee) <= deep(NeckCrew) || deep(NeckHigh) >= deep(NeckCrew) {
		t.Error("want a boat neck wider, a V deeper, and a high neck higher than a crew neck")
	}
}

func TestClothStandsOutFromTheGreyOfTheFlatPhotograph(t *testing.T) {
	for i, fabric := range fabrics {
		if luma := fabric.base.Luma(); luma > lightestCloth {
			t.Errorf("fabric %d has luma %.2f", i, luma)
		}
	}
	for row := range rows {
		if luma := Make(2, "test", row).Texture.Mark.Luma(); luma > lightestCloth+1e-9 {
			t.Errorf("row %d is marked in a colour of luma %.2f", row, luma)
		}
	}
}

// texture is one that shows its print: dark blue with white.
func texture(kind pattern) Texture {
	base := draw.Hex(0x1f3a5f)
	return Texture{kind: kind, Base: base, Mark: draw.Hex(0xdddddd), dark: base.Shadow(0.5), pitch: 0.03, weight: 0.45, phase: 0.3}
}

func TestPrintsRepeatWhereTheyShould(t *testing.T) {
	tests := map[string]struct {
		kind pattern
		// across and down are how far the print may be moved without a change; 0 means by any distance, negative never.
		across, down float64
	}{
		"plain":      {patternPlain, 0, 0},
		"stripes":    {patternStripes, 0, 0.03},
		"pinstripes": {patternPinstripes, 0.03 * 0.62, 0},
		"check":      {patternCheck, 0.03 * 1.5, 0.03 * 1.5},
		"gingham":    {patternGingham, 0.03, 0.03},
		"dots":       {patternDots, 0.03, 0.06},
		"block":      {patternBlock, 0, -1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cloth := texture(tt.kind)
			for i := range 400 {
				x, y := -0.1+0.00051237*float64(i), 0.02+0.00071419*float64(i) // never on an edge
				here := cloth.At(x, y, false)
				across, down := tt.across, tt.down
				if across == 0 {
					across = 0.0123
				}
				if down == 0 {
					down = 0.0123
				}
				if got := cloth.At(x+across, y, false); got != here {
					t.Fatalf("(%.4f, %.4f) is %v, and %v at a distance of %.4f across", x, y, here, got, across)
				}
				if got := cloth.At(x, y+down, false); down > 0 && got != here {
					t.Fatalf("(%.4f, %.4f) is %v, and %v at a distance of %.4f down", x, y, here, got, down)
				}
			}
		})
	}
}

func TestEveryPrintShowsAndIsDrawnForSomebody(t *testing.T) {
	kinds, logos := map[pattern]int{}, map[logoShape]int{}
	for row := range rows {
		cloth := Make(4, "train", row).Texture
		kinds[cloth.kind]++
		logos[cloth.logo.shape]++
		if cloth.logo.shape != logoNone && math.Abs(cloth.logo.at.X) < 0.02 {
			t.Errorf("row %d: the logo sits in the middle, where a mirrored garment would not be noticed", row)
		}
	}
	if len(kinds) != int(patterns) || len(logos) != int(logoShapes) {
		t.Errorf("%d rows have %d prints and %d logos, want %d and %d", rows, len(kinds), len(logos), patterns, logoShapes)
	}
	for kind := range patterns {
		cloth, colours := texture(kind), map[draw.RGB]bool{}
		for i := range 10000 {
			colours[cloth.At(float64(i%100)*0.002-0.1, float64(i/100)*0.003, false)] = true
		}
		if (len(colours) == 1) != (kind == patternPlain) {
			t.Errorf("pattern %d has %d colours", kind, len(colours))
		}
	}
}

func TestALogoIsOnTheChestOnly(t *testing.T) {
	for shape := logoNone + 1; shape < logoShapes; shape++ {
		cloth := texture(patternPlain)
		cloth.logo = logo{shape: shape, at: draw.XY(0.05, 0.1), size: 0.04}
		covered := 0
		for i := range 100 * 100 {
			x, y := 0.05+0.001*float64(i%100-50), 0.1+0.001*float64(i/100-50)
			if got := cloth.At(x, y, false); got != cloth.Base {
				t.Fatalf("logo %d shows on a sleeve at (%.3f, %.3f)", shape, x, y)
			}
			if cloth.At(x, y, true) == cloth.Mark {
				covered++
				if math.Abs(x-0.05) > 0.045 || math.Abs(y-0.1) > 0.045 {
					t.Fatalf("logo %d reaches (%.3f, %.3f)", shape, x, y)
				}
			}
		}
		if covered < 600 || covered > 5000 {
			t.Errorf("logo %d covers %d of 10,000 places", shape, covered)
		}
	}
}

func TestATextureIsMadeOfTheFabricsColours(t *testing.T) {
	base, companion := draw.Hex(0x588157), draw.Hex(0xf0ead2)
	for row := range 50 {
		if cloth := makeTexture(dice.Roll(9, "train", row, "print"), base, companion); cloth.Base != base || cloth.Mark != companion {
			t.Errorf("row %d: %v and %v", row, cloth.Base, cloth.Mark)
		}
	}
}
