package draw

import "math"

// Roundness is the brightness over a cylinder lit from the upper left.
func Roundness(across float64) float64 {
	a := Clamp(across, -1, 1)
	return 1.03 - 0.30*a*a*a*a - 0.10*a*a - 0.05*a
}

// Bell is a smooth bump of height 1 at 0 that ends at plus and minus 2; it stands in for a Gaussian, which costs more.
func Bell(v float64) float64 {
	t := 1 - v*v/4
	if t <= 0 {
		return 0
	}
	return t * t * t * t
}

// Smoothstep rises from 0 to 1 between the edges.
func Smoothstep(low, high, v float64) float64 {
	t := Clamp((v-low)/(high-low), 0, 1)
	return t * t * (3 - 2*t)
}

// Clamp is v, or the nearer end of the range that v is outside of.
func Clamp(v, low, high float64) float64 {
	if v < low {
		return low
	}
	if v > high {
		return high
	}
	return v
}

// Hypot is the length of (x, y). It needs no guard against overflow here: coordinates are near 1.
func Hypot(x, y float64) float64 { return math.Sqrt(x*x + y*y) }
