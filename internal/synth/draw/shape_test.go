package draw_test

import (
	"math"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth/draw"
)

func near(a, b draw.Point) bool { return a.Sub(b).Length() < 1e-9 }

// bent is a tube that goes down and then to the right, thinner towards its end.
func bent() *draw.Tube {
	return &draw.Tube{Start: draw.XY(-0.2, 0.2), Joint: draw.XY(-0.2, 0.6), End: draw.XY(0.2, 0.6), Radius: [3]float64{0.1, 0.08, 0.06}}
}

func TestATubeTellsItsBrushWhereItIs(t *testing.T) {
	c := draw.NewCanvas(64, 64)
	c.Reset(black, draw.View{Zoom: 1})
	near := map[string]draw.Place{}
	c.FillTube(bent(), draw.Anywhere, func(at draw.Place, p draw.Point, _ draw.RGB) (draw.RGB, uint8, bool) {
		if at.Along < 0 || at.Along > 2 || math.Abs(at.Across) > 1 || at.Depth < 0 || at.Depth >= 1 {
			t.Fatalf("impossible place %+v", at)
		}
		for name, spot := range map[string]draw.Point{"start": draw.XY(-0.2, 0.2), "middle": draw.XY(-0.2, 0.4), "left edge": draw.XY(-0.28, 0.4), "end": draw.XY(0.2, 0.6)} {
			if p.Sub(spot).Length() < 0.004 {
				near[name] = at
			}
		}
		return white, draw.LabelLeftArm, true
	})
	for name, want := range map[string]draw.Place{
		"start": {Along: 0}, "middle": {Along: 0.5}, "left edge": {Along: 0.5, Across: 0.89, Depth: 0.89}, "end": {Along: 2},
	} {
		got, ok := near[name]
		if !ok || math.Abs(got.Along-want.Along) > 0.02 || math.Abs(got.Across-want.Across) > 0.06 || math.Abs(got.Depth-want.Depth) > 0.07 {
			t.Errorf("%s: got %+v (seen: %v), want about %+v", name, got, ok, want)
		}
	}
}

func TestATubeIsAsThickAsItsRadius(t *testing.T) {
	c := draw.NewCanvas(64, 64)
	paint := func(draw.Place, draw.Point, draw.RGB) (draw.RGB, uint8, bool) { return white, draw.LabelLeftArm, true }
	across := func(tube *draw.Tube) int {
		c.Reset(black, draw.View{Zoom: 1})
		c.FillTube(tube, draw.Anywhere, paint)
		n := 0
		for _, l := range c.Labels()[26*64 : 27*64] { // at y 0.4, half way down the first bone
			if l == draw.LabelLeftArm {
				n++
			}
		}
		return n
	}
	if got := across(bent()); got < 11 || got > 12 { // 2 x 0.09 x 64 pixels
		t.Errorf("the tube is %d pixels wide, want 11.5", got)
	}
	if got := across(bent().Grown(0.05)); got < 17 || got > 19 {
		t.Errorf("the grown tube is %d pixels wide, want 18", got)
	}
}

func TestATubesBrushMayPassOverSamples(t *testing.T) {
	c := draw.NewCanvas(64, 64)
	c.Reset(black, draw.View{Zoom: 1})
	c.FillTube(bent(), draw.Anywhere, func(at draw.Place, _ draw.Point, _ draw.RGB) (draw.RGB, uint8, bool) {
		return white, draw.LabelLeftArm, at.Along > 1
	})
	c.FillTube(bent(), draw.Only(draw.LabelLeftArm), func(draw.Place, draw.Point, draw.RGB) (draw.RGB, uint8, bool) {
		return draw.RGB{R: 0.5}, draw.KeepLabel, true
	})
	for name, tt := range map[string]struct {
		at    draw.Point
		label uint8
		red   uint8
	}{
		"passed over":   {draw.XY(-0.2, 0.3), draw.LabelBackground, 0},
		"painted twice": {draw.XY(0.1, 0.6), draw.LabelLeftArm, 128},
	} {
		x, y, _ := c.Pixel(tt.at)
		if got := c.Labels()[int(y)*64+int(x)]; got != tt.label {
			t.Errorf("%s: label %d, want %d", name, got, tt.label)
		}
		if got := c.Picture().RGBAAt(int(x), int(y)).R; got != tt.red {
			t.Errorf("%s: red is %d, want %d", name, got, tt.red)
		}
	}
}

func TestCurvesGoThroughTheirPoints(t *testing.T) {
	points := []draw.Point{draw.XY(0, 0), draw.XY(0.1, 0.3), draw.XY(-0.2, 0.5), draw.XY(0, 0.9)}
	for name, line := range map[string][]draw.Point{"open": draw.Curve(points...), "closed": draw.Loop(points...)} {
		step := len(line) / len(points)
		if name == "open" {
			step = (len(line) - 1) / (len(points) - 1)
		}
		for i, p := range points {
			if !near(line[i*step], p) {
				t.Errorf("%s: point %d is %v, want %v", name, i, line[i*step], p)
			}
		}
		for i := 1; i < len(line); i++ {
			if d := line[i].Sub(line[i-1]).Length(); d > 0.2 {
				t.Errorf("%s: a gap of %.3f before step %d", name, d, i)
			}
		}
	}
	two := []draw.Point{draw.XY(0, 0), draw.XY(1, 1)}
	if line := draw.Curve(two...); len(line) != 2 {
		t.Errorf("two points make a line of %d points, want themselves", len(line))
	}
}

func TestOutlinesHaveTheShapeOfTheirNames(t *testing.T) {
	centre := draw.XY(0.2, 0.4)
	for _, p := range draw.Ellipse(centre, 0.3, 0.1, math.Pi/2) {
		d := p.Sub(centre)
		if r := d.X*d.X/0.01 + d.Y*d.Y/0.09; math.Abs(r-1) > 1e-9 { // turned by a quarter: upright
			t.Errorf("%v is not on the ellipse: %.4f", p, r)
		}
	}
	outline := draw.Symmetric([]draw.Point{draw.XY(0, 0), draw.XY(0.3, 0.2), draw.XY(0.1, 0.6)})
	for i, p := range outline {
		if !near(p, outline[len(outline)-1-i].Mirrored()) {
			t.Errorf("point %d of %d has no mirror image", i, len(outline))
		}
	}
	line := []draw.Point{draw.XY(0, 0), draw.XY(0.5, 0), draw.XY(1, 0)}
	ribbon := draw.Ribbon(line, 0.1)
	if d := ribbon[1].Sub(ribbon[4]).Length(); math.Abs(d-0.2) > 1e-9 {
		t.Errorf("the ribbon is %.3f wide in its middle, want 0.2", d)
	}
	if d := ribbon[0].Sub(ribbon[5]).Length(); d >= 0.1 {
		t.Errorf("the ribbon is %.3f wide at its end: it does not taper", d)
	}
	back := draw.Reversed(line)
	if !near(back[0], line[2]) || !near(back[2], line[0]) || !near(line[0], draw.XY(0, 0)) {
		t.Errorf("reversed: %v of %v", back, line)
	}
	moved := draw.Moved(line, func(p draw.Point) draw.Point { return p.Add(draw.XY(1, 2)) })
	if !near(moved[2], draw.XY(2, 2)) || !near(line[2], draw.XY(2, 2)) {
		t.Errorf("moved: %v; it moves in place, so the line is the same: %v", moved, line)
	}
}

func TestVectorsAddUp(t *testing.T) {
	p, q := draw.XY(3, 4), draw.XY(1, -2)
	for name, tt := range map[string]struct{ got, want draw.Point }{
		"sum":        {p.Add(q), draw.XY(4, 2)},
		"difference": {p.Sub(q), draw.XY(2, 6)},
		"scaled":     {p.Scale(2), draw.XY(6, 8)},
		"half way":   {p.To(q, 0.5), draw.XY(2, 1)},
		"mirrored":   {p.Mirrored(), draw.XY(-3, 4)},
		"down":       {draw.Heading(0), draw.XY(0, 1)},
		"towards +x": {draw.Heading(draw.Radians(90)), draw.XY(1, 0)},
	} {
		if !near(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
	if p.Length() != 5 || p.Dot(q) != -5 {
		t.Errorf("length %v, product %v; want 5 and -5", p.Length(), p.Dot(q))
	}
}

func TestAProfileMeetsItsPointsAndHoldsItsEnds(t *testing.T) {
	p := draw.MakeProfile(draw.XY(0.2, 1), draw.XY(0.4, 3), draw.XY(0.7, 2), draw.XY(0.9, 2))
	for y, want := range map[float64]float64{-5: 1, 0.2: 1, 0.4: 3, 0.7: 2, 0.9: 2, 9: 2} {
		if got := p.At(y); math.Abs(got-want) > 0.02 {
			t.Errorf("at %.1f: %.3f, want %.3f", y, got, want)
		}
	}
	for y := 0.2; y < 0.9; y += 0.001 {
		if d := math.Abs(p.At(y+0.001) - p.At(y)); d > 0.03 {
			t.Fatalf("a jump of %.3f at %.3f", d, y)
		}
	}
}

func TestLightRisesAndFallsWhereItShould(t *testing.T) {
	for name, tt := range map[string]struct{ got, want float64 }{
		"smoothstep before its edge":  {draw.Smoothstep(0.2, 0.6, 0.1), 0},
		"smoothstep half way":         {draw.Smoothstep(0.2, 0.6, 0.4), 0.5},
		"smoothstep after its edge":   {draw.Smoothstep(0.2, 0.6, 0.9), 1},
		"smoothstep falling":          {draw.Smoothstep(0.6, 0.2, 0.1), 1},
		"bell at its height":          {draw.Bell(0), 1},
		"bell at its foot":            {draw.Bell(2), 0},
		"bell beyond":                 {draw.Bell(-7), 0},
		"clamped from below":          {draw.Clamp(-1, 0, 2), 0},
		"clamped from above":          {draw.Clamp(3, 0, 2), 2},
		"not clamped":                 {draw.Clamp(1.5, 0, 2), 1.5},
		"hypotenuse":                  {draw.Hypot(3, 4), 5},
		"a cylinder beyond its edges": {draw.Roundness(5), draw.Roundness(1)},
	} {
		if math.Abs(tt.got-tt.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", name, tt.got, tt.want)
		}
	}
	if draw.Roundness(0) <= draw.Roundness(0.8) || draw.Roundness(-0.8) <= draw.Roundness(0.8) {
		t.Error("a cylinder is brightest in its middle, and brighter towards the light on its left")
	}
}

func TestColoursMixAndShade(t *testing.T) {
	c := draw.Hex(0x3366cc)
	if want := (draw.RGB{R: 0.2, G: 0.4, B: 0.8}); math.Abs(c.R-want.R)+math.Abs(c.G-want.G)+math.Abs(c.B-want.B) > 1e-9 {
		t.Errorf("got %v, want %v", c, want)
	}
	if got := c.Mix(white, 0); got != c {
		t.Errorf("nothing of the other: %v, want %v", got, c)
	}
	if got := c.Mix(white, 1).Luma(); math.Abs(got-1) > 1e-9 {
		t.Errorf("all of white has luma %v", got)
	}
	if got := c.Times(0.5).Luma(); math.Abs(got-c.Luma()/2) > 1e-9 {
		t.Errorf("half the light has luma %v, want half of %v", got, c.Luma())
	}
	if got := c.Times(9); got.Luma() > 1+1e-9 || got.Luma() < 1-1e-9 {
		t.Errorf("too much light is %v, want white", got)
	}
	if got := c.Shadow(0.5).Luma(); got >= c.Luma() || got <= 0 {
		t.Errorf("a shadow has luma %v, want less than %v", got, c.Luma())
	}
	if got := white.AtMost(0.87).Luma(); math.Abs(got-0.87) > 1e-9 {
		t.Errorf("white cloth has luma %v, want 0.87", got)
	}
	if got := c.AtMost(0.87); got != c {
		t.Errorf("a dark colour became %v, want %v", got, c)
	}
}
