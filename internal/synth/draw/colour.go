package draw

// RGB is a colour with channels from 0 to 1, in sRGB as it will be stored.
type RGB struct{ R, G, B float64 }

// Hex is the colour that the web writes as #rrggbb.
func Hex(v uint32) RGB {
	return RGB{float64(v>>16&0xff) / 255, float64(v>>8&0xff) / 255, float64(v&0xff) / 255}
}

// Times scales the brightness; above 1 it approaches white without clipping a single channel.
func (c RGB) Times(f float64) RGB {
	if f <= 1 {
		return RGB{c.R * f, c.G * f, c.B * f}
	}
	return c.Mix(RGB{1, 1, 1}, min(1, f-1))
}

// Mix returns the colour a share t of the way to other.
func (c RGB) Mix(other RGB, t float64) RGB {
	return RGB{c.R + (other.R-c.R)*t, c.G + (other.G-c.G)*t, c.B + (other.B-c.B)*t}
}

// Shadow darkens towards a cool tone, which looks softer than towards black.
func (c RGB) Shadow(t float64) RGB {
	return c.Mix(RGB{c.R * 0.42, c.G * 0.36, c.B * 0.46}, t)
}

// AtMost darkens a colour to at most this luma.
func (c RGB) AtMost(luma float64) RGB { return c.Times(min(1, luma/max(c.Luma(), 1e-9))) }

// Luma is the brightness as JPEG weighs it, 0 to 1.
func (c RGB) Luma() float64 { return 0.299*c.R + 0.587*c.G + 0.114*c.B }

// toByte rounds a channel; out-of-range ones are rare, so both ends are behind one comparison of integers.
func toByte(v float64) uint8 {
	i := int(v*255 + 0.5)
	if uint(i) > 255 {
		return uint8(min(max(i, 0), 255))
	}
	return uint8(i)
}

// channel is the inverse of toByte.
var channel = func() (table [256]float64) {
	for i := range table {
		table[i] = float64(i) / 255
	}
	return table
}()
