package drape

import (
	"math"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

// drawSleeve covers one arm; index 0 is the one on the picture's left.
func (w *cloth) drawSleeve(arm int) {
	if w.garment.Sleeve != garment.SleeveNone {
		w.FillTube(w.sleeveTube(arm), draw.Anywhere, w.paintSleeve([]float64{-1, 1}[arm]))
	}
}

// sleeveTube is the cloth round an arm.
func (w *cloth) sleeveTube(arm int) *draw.Tube {
	fit := w.garment.SleeveFit
	t := w.bones.Arms[arm].Tube()
	t.Radius[0] += fit * 0.7
	t.Radius[1] += fit
	t.Radius[2] += fit * 0.9
	if w.garment.Sleeve == garment.SleeveShort {
		t.Radius[1] += 0.009
	}
	return t
}

// paintSleeve is the brush of a sleeve with the label to leave.
func (w *cloth) paintSleeve(side float64) draw.TubeBrush {
	g := w.garment
	phase := float64(g.Wrinkles>>8%1000) / 160
	return func(at draw.Place, p draw.Point, _ draw.RGB) (draw.RGB, uint8, bool) {
		end := g.SleeveEnd + 0.045*(1-at.Across*at.Across)
		if at.Along > end || w.bones.AboveShoulder(at, p) {
			return draw.RGB{}, 0, false
		}
		colour := g.Texture.At(sleeveShift*side+at.Across*sleeveHalf, at.Along*person.UpperArm, false)
		if g.Raglan {
			colour = g.Texture.Mark
		}
		if at.Along > end-0.11 && g.Hem != garment.HemCurved {
			colour = g.Trim
		}
		light := draw.Roundness(at.Across) + 0.01
		if w.flat {
			light = 1.02 - 0.08*at.Across*at.Across*at.Across*at.Across
		}
		if bend := draw.Bell((at.Along - 1) / 0.24); bend > 0 {
			light += 0.055 * math.Sin(at.Along*46+at.Across*2.2+phase) * bend * w.creasing
		}
		light += 0.03 * math.Sin(at.Along*17+at.Across*3+phase) * w.creasing
		light -= 0.10 * draw.Smoothstep(0.86, 1, at.Depth) * draw.Smoothstep(0.12, 0, at.Along)
		return lit(colour, light), draw.LabelUpper, true
	}
}
