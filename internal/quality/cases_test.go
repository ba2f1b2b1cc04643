package quality

import (
	"bufio"
	"context"
	"image"
	"image/draw"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/braincreators/tryon-operator/internal/synth"
)

// A case is a request whose right answer is known, because it was drawn.
type testCase struct {
	Request
	truth Answer
	parse []byte // CIHP-20 labels of the truth
	// other is the case whose garment and head faults borrow.
	other *testCase
}

const (
	caseRows   = 160
	caseHeight = 96
	caseWidth  = 72

	labelHair, labelUpper, labelFace, labelLeftArm, labelRightArm = 2, 5, 13, 14, 15
)

// drawCases draws once for all tests.
var drawCases = sync.OnceValues(func() ([]*testCase, error) {
	dir, err := os.MkdirTemp("", "quality-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root := filepath.Join(dir, "ds")
	if err := synth.Generate(context.Background(), synth.Options{Dir: root, Seed: 2311, Test: caseRows, Height: caseHeight, Width: caseWidth}); err != nil {
		return nil, err
	}
	list, err := os.Open(filepath.Join(root, "test_pairs.txt"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = list.Close() }()
	var out []*testCase
	for lines := bufio.NewScanner(list); lines.Scan(); {
		person, garment, _ := strings.Cut(strings.ReplaceAll(lines.Text(), ".png", ""), " ")
		c, err := readCase(filepath.Join(root, "test"), person, garment)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	for i, c := range out {
		c.other = out[(i+7)%len(out)]
	}
	return out, nil
})

func readCase(dir, person, garment string) (*testCase, error) {
	c := &testCase{}
	both := person + "__" + garment
	var truth []byte
	for _, f := range []struct {
		name string
		into *[]byte
	}{
		{"image/" + person, &c.Person}, {"cloth/" + garment, &c.Garment}, {"cloth-mask/" + garment, &c.GarmentMask},
		{"truth/" + both, &truth}, {"truth-parse/" + both, &c.parse},
	} {
		var err error
		if *f.into, c.Height, c.Width, err = pixelsOf(filepath.Join(dir, f.name+".png")); err != nil {
			return nil, err
		}
	}
	c.truth = c.byproducts(truth)
	return c, nil
}

func pixelsOf(name string) (out []byte, height, width int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, 0, err
	}
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(f)
	if err != nil {
		return nil, 0, 0, err
	}
	size := picture.Bounds().Size()
	switch p := picture.(type) {
	case *image.Gray:
		return p.Pix, size.Y, size.X, nil
	case *image.Paletted:
		return p.Pix, size.Y, size.X, nil
	}
	rgba := image.NewRGBA(picture.Bounds())
	draw.Draw(rgba, rgba.Rect, picture, image.Point{}, draw.Src)
	for i := range size.X * size.Y {
		out = append(out, rgba.Pix[4*i:4*i+3]...)
	}
	return out, size.Y, size.X, nil
}

// byproducts gives the masks that a right graph would give: the composite mask is the garment that is seen, the warped mask
// also where an arm lies in front of it.
func (c *testCase) byproducts(picture []byte) Answer {
	n := c.pixels()
	a := Answer{Image: picture, WarpedMask: make([]byte, n), CompositeMask: make([]byte, n)}
	for i, l := range c.parse {
		if l == labelUpper {
			a.WarpedMask[i], a.CompositeMask[i] = 255, 255
		}
		if (l == labelLeftArm || l == labelRightArm) && c.between(i) {
			a.WarpedMask[i] = 255
		}
	}
	return a
}

// between says that a pixel has garment on all four sides.
func (c *testCase) between(i int) bool {
	for _, step := range []int{-1, 1, -c.Width, c.Width} {
		found := false
		for k, n := i, 0; k >= 0 && k < len(c.parse) && n < c.Height; k, n = k+step, n+1 {
			if (step == 1 || step == -1) && k/c.Width != i/c.Width {
				break
			}
			found = found || c.parse[k] == labelUpper
		}
		if !found {
			return false
		}
	}
	return true
}

// rendered is the truth as a model would draw it: details a little soft where it drew, and everywhere smooth errors of a few
// levels. Without them every change outside the garment would be told apart from the truth at once.
func (c *testCase) rendered(seed uint64) Answer {
	out := Answer{Image: make([]byte, len(c.truth.Image)), WarpedMask: c.truth.WarpedMask, CompositeMask: c.truth.CompositeMask}
	soft := blurred(c.truth.Image, c.Height, c.Width, 1)
	random := rand.New(rand.NewPCG(seed, 1))
	const cell = 8
	across := c.Width/cell + 2
	grid := make([]float64, 3*across*(c.Height/cell+2))
	strength := 2 + 3*random.Float64()
	for i := range grid {
		grid[i] = random.NormFloat64() * strength
	}
	for i := range c.pixels() {
		y, x := i/c.Width, i%c.Width
		fy, fx := float64(y%cell)/cell, float64(x%cell)/cell
		from := c.truth.Image
		if c.truth.WarpedMask[i] != 0 {
			from = soft
		}
		for k := range 3 {
			at := func(dy, dx int) float64 { return grid[((y/cell+dy)*across+x/cell+dx)*3+k] }
			e := (at(0, 0)*(1-fx)+at(0, 1)*fx)*(1-fy) + (at(1, 0)*(1-fx)+at(1, 1)*fx)*fy
			out.Image[3*i+k] = level(float64(from[3*i+k]) + e)
		}
	}
	return out
}

func level(v float64) byte { return byte(max(0, min(255, v+0.5))) }

// blurred averages over windows of that radius.
func blurred(pixels []byte, height, width, radius int) []byte {
	out := make([]byte, len(pixels))
	for y := range height {
		for x := range width {
			for k := range 3 {
				sum, n := 0, 0
				for v := max(0, y-radius); v <= min(height-1, y+radius); v++ {
					for u := max(0, x-radius); u <= min(width-1, x+radius); u++ {
						sum += int(pixels[3*(v*width+u)+k])
						n++
					}
				}
				out[3*(y*width+x)+k] = byte(sum / n)
			}
		}
	}
	return out
}

// A fault spoils an answer, or the request so that the answer is wrong for it.
type fault struct {
	name   string
	inject func(c *testCase, a Answer) (Request, Answer)
}

var faults = []fault{
	{"no-op", func(c *testCase, a Answer) (Request, Answer) { return c.spoil(a, func(p *pixel) { p.set(p.photo()) }) }},
	{"blur", func(c *testCase, a Answer) (Request, Answer) {
		soft := blurred(a.Image, c.Height, c.Width, 2*c.unit())
		return c.spoil(a, func(p *pixel) {
			if p.garment() {
				p.set([3]byte(soft[3*p.i:]))
			}
		})
	}},
	{"colour 60 %", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) {
			if p.garment() {
				p.blend([3]byte{128, 128, 128}, 0.4)
			}
		})
	}},
	{"wrong garment", func(c *testCase, a Answer) (Request, Answer) {
		r := c.Request
		r.Garment, r.GarmentMask = c.other.Garment, c.other.GarmentMask
		return r, a
	}},
	{"face 30 %", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) {
			if l := c.parse[p.i]; l == labelFace || l == labelHair {
				p.blend([3]byte(c.other.Person[3*p.i:]), 0.3)
			}
		})
	}},
	{"ghost 35 %", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) {
			if p.garment() {
				p.blend(p.photo(), 0.35)
			}
		})
	}},
	{"shift 2 px", func(c *testCase, a Answer) (Request, Answer) {
		by := 2 * c.unit()
		return c.spoil(a, func(p *pixel) {
			from := p.i - p.i%c.Width + max(0, p.i%c.Width-by)
			p.set([3]byte(a.Image[3*from:]))
		})
	}},
	{"arms lost", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) {
			if l := c.parse[p.i]; l == labelLeftArm || l == labelRightArm {
				if p.garment() {
					p.set(c.cloth(a))
				} else {
					p.set([3]byte(a.Image[3*(p.i-p.i%c.Width):]))
				}
			}
		})
	}},
	{"black", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) { p.set([3]byte{}) })
	}},
	{"flat", func(c *testCase, a Answer) (Request, Answer) {
		return c.spoil(a, func(p *pixel) { p.set([3]byte{180, 170, 160}) })
	}},
}

// pixel is one pixel of an answer that is being spoilt.
type pixel struct {
	c   *testCase
	out []byte
	i   int
}

func (p *pixel) photo() [3]byte { return [3]byte(p.c.Person[3*p.i:]) }
func (p *pixel) garment() bool  { return p.c.truth.WarpedMask[p.i] != 0 }
func (p *pixel) set(v [3]byte)  { copy(p.out[3*p.i:], v[:]) }
func (p *pixel) blend(v [3]byte, share float64) {
	for k := range v {
		v[k] = level(float64(p.out[3*p.i+k])*(1-share) + float64(v[k])*share)
	}
	p.set(v)
}

func (c *testCase) spoil(a Answer, each func(p *pixel)) (Request, Answer) {
	p := &pixel{c: c, out: append([]byte(nil), a.Image...)}
	for p.i = range c.pixels() {
		each(p)
	}
	a.Image = p.out
	return c.Request, a
}

// cloth is the garment's mean colour in the answer.
func (c *testCase) cloth(a Answer) (out [3]byte) {
	var mean colours
	for i, v := range a.CompositeMask {
		if v != 0 {
			mean.add(a.Image[3*i : 3*i+3])
		}
	}
	for k := range out {
		out[k] = byte(mean.sums[k] / max(1, mean.pixels))
	}
	return out
}

// cases are the requests whose answers are known.
func cases(t testing.TB) []*testCase {
	t.Helper()
	all, err := drawCases()
	if err != nil {
		t.Fatal(err)
	}
	return all
}
