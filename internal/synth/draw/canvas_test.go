package draw_test

import (
	"bytes"
	"image/color"
	"math"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

var (
	black = draw.RGB{}
	white = draw.RGB{R: 1, G: 1, B: 1}
)

// board is a black canvas of 8x8 pixels whose frame is one unit wide and high.
func board() *draw.Canvas {
	c := draw.NewCanvas(8, 8)
	c.Reset(black, draw.View{Zoom: 1})
	return c
}

func flat(colour draw.RGB) draw.Brush {
	return func(_, _ float64, _ draw.RGB) draw.RGB { return colour }
}

// box is the rectangle between two corners given in pixels of the board, in the order of the clock.
func box(x0, y0, x1, y1 float64) []draw.Point {
	at := func(x, y float64) draw.Point { return draw.XY(x/8-0.5, y/8) }
	return []draw.Point{at(x0, y0), at(x1, y0), at(x1, y1), at(x0, y1)}
}

// red is the red channel of every pixel, line after line.
func red(c *draw.Canvas) []uint8 {
	picture := c.Picture()
	out := make([]uint8, 0, 64)
	for i := 0; i < len(picture.Pix); i += 4 {
		out = append(out, picture.Pix[i])
	}
	return out
}

func TestAFilledBoxCoversItsPixelsAndBlendsAtItsEdge(t *testing.T) {
	c := board()
	c.Fill(box(2, 2, 5+1.0/3, 6), draw.LabelUpper, draw.Anywhere, flat(white))
	for i, v := range red(c) {
		x, y := i%8, i/8
		want := uint8(0)
		if y >= 2 && y < 6 && x >= 2 && x < 5 {
			want = 255
		} else if y >= 2 && y < 6 && x == 5 {
			want = 85 // a third of it is covered
		}
		if v != want {
			t.Errorf("pixel (%d, %d) is %d, want %d", x, y, v, want)
		}
	}
}

func TestThePixelsLabelIsThatOfMostOfIt(t *testing.T) {
	c := board()
	c.Fill(box(2, 2, 5+1.0/3, 6), draw.LabelUpper, draw.Anywhere, flat(white))
	c.Fill(box(0, 0, 1+2.0/3, 1), draw.LabelHair, draw.Anywhere, flat(white))
	labels := c.Labels()
	for at, want := range map[[2]int]uint8{
		{4, 3}: draw.LabelUpper, {5, 3}: draw.LabelBackground, {0, 0}: draw.LabelHair, {1, 0}: draw.LabelHair, {2, 0}: draw.LabelBackground,
	} {
		if got := labels[at[1]*8+at[0]]; got != want {
			t.Errorf("pixel %v has label %d, want %d", at, got, want)
		}
	}
}

func TestAPolygonIsFilledWhereItWindsRound(t *testing.T) {
	outer, inner := box(1, 1, 7, 7), box(3, 3, 5, 5)
	// One polygon that goes round the outer box, then to the inner one and back.
	ring := func(inner []draw.Point) []draw.Point {
		out := append(append([]draw.Point(nil), outer...), outer[0])
		out = append(append(out, inner...), inner[0])
		return out
	}
	tests := map[string]struct {
		polygon []draw.Point
		want    uint8
	}{
		"the same way round twice": {ring(inner), 255},
		"the other way round":      {ring(draw.Reversed(inner)), 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := board()
			c.Fill(tt.polygon, draw.LabelUpper, draw.Anywhere, flat(white))
			pixels := red(c)
			if got := pixels[4*8+4]; got != tt.want {
				t.Errorf("the middle is %d, want %d", got, tt.want)
			}
			if got := pixels[2*8+4]; got != 255 {
				t.Errorf("the ring is %d, want 255", got)
			}
		})
	}
}

func TestABrushKeepsToItsLabelsAndMayLeaveThemAsTheyAre(t *testing.T) {
	c := board()
	c.Fill(box(0, 0, 4, 8), draw.LabelUpper, draw.Anywhere, flat(draw.RGB{R: 0.2}))
	c.Fill(box(0, 0, 8, 4), draw.KeepLabel, draw.Only(draw.LabelUpper), flat(white))
	c.Wash(draw.Only(draw.LabelBackground), func(y float64) draw.Dab {
		return func(_ float64, under draw.RGB) draw.RGB { return draw.RGB{R: under.R + y} }
	})
	pixels, labels := red(c), c.Labels()
	for name, tt := range map[string]struct {
		x, y  int
		want  uint8
		label uint8
	}{
		"of the label, under the second brush": {1, 1, 255, draw.LabelUpper},
		"of the label, beside it":              {1, 6, 51, draw.LabelUpper},
		"free, washed":                         {6, 1, uint8(math.Round(255 * 1.5 / 8)), draw.LabelBackground},
	} {
		if got := pixels[tt.y*8+tt.x]; got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
		if got := labels[tt.y*8+tt.x]; got != tt.label {
			t.Errorf("%s: label %d, want %d", name, got, tt.label)
		}
	}
}

func TestABrushInTwoStepsPaintsWhatOneInOneStepDoes(t *testing.T) {
	one, two := board(), board()
	colour := func(x, y float64) draw.RGB { return draw.RGB{R: x + 0.5, G: y, B: x * y} }
	round := draw.Ellipse(draw.XY(0.05, 0.5), 0.4, 0.3, 0.5)
	one.Fill(round, draw.LabelFace, draw.Anywhere, func(x, y float64, _ draw.RGB) draw.RGB { return colour(x, y) })
	two.FillLines(round, draw.LabelFace, draw.Anywhere, func(y float64) draw.Dab {
		return func(x float64, _ draw.RGB) draw.RGB { return colour(x, y) }
	})
	if !bytes.Equal(one.Picture().Pix, two.Picture().Pix) || !bytes.Equal(one.Labels(), two.Labels()) {
		t.Error("the pictures differ")
	}
}

func TestStrokesOutsideTheFrameChangeNothing(t *testing.T) {
	c := board()
	for _, b := range [][]draw.Point{box(-9, 1, -1, 7), box(9, 1, 20, 7), box(1, -9, 7, -1), box(1, 9, 7, 20)} {
		c.Fill(b, draw.LabelUpper, draw.Anywhere, flat(white))
	}
	c.FillTube(&draw.Tube{Start: draw.XY(3, 3), Joint: draw.XY(4, 4), End: draw.XY(5, 3), Radius: [3]float64{0.1, 0.1, 0.1}}, draw.Anywhere,
		func(draw.Place, draw.Point, draw.RGB) (draw.RGB, uint8, bool) { return white, draw.LabelUpper, true })
	for i, v := range red(c) {
		if v != 0 {
			t.Fatalf("pixel %d is %d", i, v)
		}
	}
	c.Fill(box(-100, -100, 100, 100), draw.LabelUpper, draw.Anywhere, flat(white))
	for i, v := range red(c) {
		if v != 255 {
			t.Fatalf("a box larger than the frame leaves pixel %d at %d", i, v)
		}
	}
}

func TestTheViewSaysWhereABodyLies(t *testing.T) {
	c := draw.NewCanvas(60, 80)
	tests := map[string]struct {
		view   draw.View
		at     draw.Point
		x, y   float64
		inside bool
	}{
		"the top of the centre line": {draw.View{Zoom: 1}, draw.XY(0, 0), 30, 0, true},
		"twice as large":             {draw.View{Zoom: 2}, draw.XY(0.1, 0.25), 46, 40, true},
		"shifted":                    {draw.View{Zoom: 1, DX: 0.1, DY: 0.05}, draw.XY(0, 0), 38, 4, true},
		"left of the frame":          {draw.View{Zoom: 1}, draw.XY(-0.5, 0.5), -10, 40, false},
		"just below the frame":       {draw.View{Zoom: 1}, draw.XY(0, 1), 30, 80, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c.Reset(black, tt.view)
			x, y, inside := c.Pixel(tt.at)
			if math.Abs(x-tt.x) > 1e-9 || math.Abs(y-tt.y) > 1e-9 || inside != tt.inside {
				t.Errorf("got (%.3f, %.3f) %v, want (%.3f, %.3f) %v", x, y, inside, tt.x, tt.y, tt.inside)
			}
			c.Fill(draw.Ellipse(tt.at, 0.02, 0.02, 0), draw.LabelFace, draw.Anywhere, flat(white))
			if tt.inside && c.Labels()[int(y)*60+int(x)] != draw.LabelFace {
				t.Error("what is painted there lies elsewhere")
			}
		})
	}
}

func TestEveryStoredColourComesBackAsItWas(t *testing.T) {
	c := draw.NewCanvas(1, 1)
	for v := range 256 {
		f := float64(v) / 255
		c.Reset(draw.RGB{R: f, G: 1 - f, B: f}, draw.View{Zoom: 1})
		want := color.RGBA{R: uint8(v), G: uint8(255 - v), B: uint8(v), A: 255}
		if got := c.Picture().RGBAAt(0, 0); got != want {
			t.Errorf("stored %v, got %v", want, got)
		}
	}
	c.Reset(draw.RGB{R: -0.5, G: 7, B: -1e9}, draw.View{Zoom: 1})
	if got, want := c.Picture().RGBAAt(0, 0), (color.RGBA{G: 255, A: 255}); got != want {
		t.Errorf("outside of the range: got %v, want %v", got, want)
	}
}

func TestExposureScalesEveryColourAndClips(t *testing.T) {
	c := board()
	c.Reset(draw.RGB{R: 100.0 / 255, G: 200.0 / 255, B: 0}, draw.View{Zoom: 1})
	c.Expose(1.5)
	if got, want := c.Picture().RGBAAt(3, 3), (color.RGBA{R: 150, G: 255, A: 255}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestASetHoldsItsLabelsOnly(t *testing.T) {
	s := draw.Only(draw.LabelHair, draw.LabelRightHand)
	for label := uint8(0); label <= draw.LabelRightHand; label++ {
		if want := label == draw.LabelHair || label == draw.LabelRightHand; s.Has(label) != want {
			t.Errorf("label %d: %v, want %v", label, s.Has(label), want)
		}
		if !draw.Anywhere.Has(label) {
			t.Errorf("anywhere does not have %d", label)
		}
	}
}
