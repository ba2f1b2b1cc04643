package synth

import "math"

// rgb is a colour with channels from 0 to 1, in sRGB as it will be stored.
type rgb struct{ r, g, b float64 }

func hex(v uint32) rgb {
	return rgb{float64(v>>16&0xff) / 255, float64(v>>8&0xff) / 255, float64(v&0xff) / 255}
}

// times scales the brightness; above 1 it approaches white without clipping a single channel.
func (c rgb) times(f float64) rgb {
	if f <= 1 {
		return rgb{c.r * f, c.g * f, c.b * f}
	}
	return c.mix(rgb{1, 1, 1}, min(1, f-1))
}

// mix returns the colour a share t of the way to other.
func (c rgb) mix(other rgb, t float64) rgb {
	return rgb{c.r + (other.r-c.r)*t, c.g + (other.g-c.g)*t, c.b + (other.b-c.b)*t}
}

// shadow darkens towards a cool tone, which looks softer than towards black.
func (c rgb) shadow(t float64) rgb {
	return c.mix(rgb{c.r * 0.42, c.g * 0.36, c.b * 0.46}, t)
}

// lightestCloth keeps even white cloth apart from the flat photograph's background, as light does on real cloth.
const lightestCloth = 0.87

// under darkens a colour to a luma of at most the limit.
func (c rgb) under(limit float64) rgb { return c.times(min(1, limit/max(c.luma(), 1e-9))) }

func (c rgb) luma() float64 { return 0.299*c.r + 0.587*c.g + 0.114*c.b }

func toByte(v float64) uint8 {
	return uint8(clamp(v*255+0.5, 0, 255))
}

// channel is the inverse of toByte.
var channel = func() (table [256]float64) {
	for i := range table {
		table[i] = float64(i) / 255
	}
	return table
}()

func clamp(v, low, high float64) float64 {
	if v < low {
		return low
	}
	if v > high {
		return high
	}
	return v
}

func abs(v float64) float64 { return math.Abs(v) }

// hypot needs no guard against overflow here: coordinates are near 1.
func hypot(x, y float64) float64 { return math.Sqrt(x*x + y*y) }

// bell is a smooth bump of height 1 at 0 that ends at plus and minus 2; it stands in for a Gaussian, which costs more.
func bell(v float64) float64 {
	t := 1 - v*v/4
	if t <= 0 {
		return 0
	}
	return t * t * t * t
}

// smoothstep rises from 0 to 1 between the edges.
func smoothstep(low, high, v float64) float64 {
	t := clamp((v-low)/(high-low), 0, 1)
	return t * t * (3 - 2*t)
}

// skinTones follow the spirit of the ten steps of the Monk scale, from light to deep.
var skinTones = []rgb{
	hex(0xf6e1d3), hex(0xf2d3be), hex(0xeec6a6), hex(0xe3b38c), hex(0xd49c73),
	hex(0xbb8058), hex(0x9c6644), hex(0x7d4f35), hex(0x603b2a), hex(0x472c22),
}

var hairColours = []rgb{
	hex(0x221c1f), hex(0x2f2422), hex(0x46312a), hex(0x63412f), hex(0x83583a), hex(0xa8774a),
	hex(0xcfa469), hex(0xe0c48e), hex(0x9a4a2c), hex(0xb9b2ac), hex(0x6d2f3c),
}

// studios are the two tones of a plain backdrop: centre and rim.
var studios = [][2]rgb{
	{hex(0xf4f2ef), hex(0xdedad4)}, {hex(0xeff2f4), hex(0xd5dce2)}, {hex(0xf6efe8), hex(0xe4d6c8)},
	{hex(0xeef3ee), hex(0xd3ddd2)}, {hex(0xf5eded), hex(0xe2d2d3)}, {hex(0xf0eef5), hex(0xd8d3e2)},
	{hex(0xf3f3f3), hex(0xd9d9d9)}, {hex(0xf5f1e3), hex(0xe3dac0)},
}

var trouserColours = []rgb{
	hex(0x2f4163), hex(0x48607f), hex(0x7f97b2), hex(0x2b2c33), hex(0x3b3b3f), hex(0x6b6459),
	hex(0xa4937a), hex(0xc7b899), hex(0x55604c), hex(0x6e4a3f), hex(0x8b8d92), hex(0x3d2f45),
}

// fabrics are curated garment colours: a base that stands out from the 246 grey of the flat photograph, and companions.
var fabrics = []struct {
	base      rgb
	companion []rgb
}{
	{hex(0x1f3a5f), []rgb{hex(0xf2e9dc), hex(0xd96c4f), hex(0x8fb8de)}},
	{hex(0xc8553d), []rgb{hex(0xf7e3c6), hex(0x2d3047), hex(0xf2b880)}},
	{hex(0x588157), []rgb{hex(0xf0ead2), hex(0x344e41), hex(0xdda15e)}},
	{hex(0xe0a458), []rgb{hex(0x5c374c), hex(0xfff0d4), hex(0x2a4d69)}},
	{hex(0x8e4162), []rgb{hex(0xf4d9d0), hex(0x41292c), hex(0xe3a0b1)}},
	{hex(0xd8cfc0), []rgb{hex(0x2f3e46), hex(0xb5523b), hex(0x6b705c)}},
	{hex(0x2b2d42), []rgb{hex(0xedf2f4), hex(0xef233c), hex(0x8d99ae)}},
	{hex(0x3a7d8c), []rgb{hex(0xf6f0e0), hex(0x12343b), hex(0xf2a65a)}},
	{hex(0xe07a9b), []rgb{hex(0xfff0f3), hex(0x6d214f), hex(0xffd166)}},
	{hex(0x7a6bb0), []rgb{hex(0xf0ebfa), hex(0x2e2650), hex(0xf3b0c3)}},
	{hex(0xb6c9d6), []rgb{hex(0x24466b), hex(0xf5f5f0), hex(0xd1495b)}},
	{hex(0xc92c3c), []rgb{hex(0xfaf0e6), hex(0x22181c), hex(0xf4b942)}},
	{hex(0x6f8f72), []rgb{hex(0xfbf5e6), hex(0x3a4a3c), hex(0xe9c46a)}},
	{hex(0x5a4632), []rgb{hex(0xe9d8a6), hex(0xbb6b3c), hex(0xf2efe9)}},
	{hex(0xe8c7bd), []rgb{hex(0x8c4a4a), hex(0xfff8f3), hex(0x4a5a6a)}},
	{hex(0x2a9d8f), []rgb{hex(0xf7f2e2), hex(0x264653), hex(0xe76f51)}},
	{hex(0x4b4b52), []rgb{hex(0xe9e9ee), hex(0xe2b93b), hex(0x9aa0a8)}},
	{hex(0xf0c94a), []rgb{hex(0x3b3a3c), hex(0xfff6da), hex(0xc8553d)}},
	{hex(0xa7bfa0), []rgb{hex(0x3f5b46), hex(0xfdf9ec), hex(0xc97b63)}},
	{hex(0x3f5fb0), []rgb{hex(0xf5f3ec), hex(0xf2c14e), hex(0x1d2a52)}},
}
