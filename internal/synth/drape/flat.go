package drape

import (
	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

// photographGrey is the uniform background of flat garment pictures, as in VITON-HD.
var photographGrey = draw.RGB{R: 246.0 / 255, G: 246.0 / 255, B: 246.0 / 255}

// Flat paints the garment alone, centred and clear of the frame. aspect is width over height.
func Flat(c *draw.Canvas, g *garment.Garment, aspect float64) {
	spread := []float64{0, 34, 27, 13}[g.Sleeve]
	w := &cloth{Canvas: c, bones: person.Mannequin(spread).Skeleton(), build: 1, garment: g, flat: true, creasing: 0.5}
	w.half = fall(w.bones, 0.5+g.Loose/2)
	c.Reset(photographGrey, w.frame(aspect))
	for arm := range w.bones.Arms {
		w.drawSleeve(arm)
	}
	if g.Neck != garment.NeckHigh {
		w.drawBackNeck()
	}
	w.drawFront()
}

// frame chooses zoom and offset so that the garment fills the picture up to a margin.
func (w *cloth) frame(aspect float64) draw.View {
	const margin, largest = 0.065, 2.1
	low, high := draw.XY(0, 0.24), draw.XY(w.half.At(w.garment.Length), w.garment.Length+0.016)
	if w.garment.Neck == garment.NeckHigh {
		low.Y = 0.225
	}
	if w.garment.Sleeve != garment.SleeveNone {
		t := w.sleeveTube(1)
		end := w.garment.SleeveEnd
		last := t.Start.To(t.Joint, min(end+0.05, 1))
		if end > 1 {
			last = t.Joint.To(t.End, end-0.95)
		}
		high.X = max(high.X, last.X+t.Radius[1]*0.9)
		high.Y = max(high.Y, last.Y+t.Radius[2])
	}
	zoom := min((1-2*margin)/(high.Y-low.Y), (1-2*margin)*aspect/(2*high.X))
	zoom = min(zoom, largest)
	return draw.View{Zoom: zoom, DY: 0.5/zoom - (low.Y+high.Y)/2}
}
