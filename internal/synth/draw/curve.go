package draw

import "math"

const curveSteps = 7

// Curve returns an open Catmull-Rom polyline through the points.
func Curve(points ...Point) []Point {
	n := len(points)
	if n < 3 {
		return points
	}
	out := make([]Point, 0, (n-1)*curveSteps+1)
	for i := range n - 1 {
		before, after := points[max(i-1, 0)], points[min(i+2, n-1)]
		for s := range curveSteps {
			out = append(out, between(before, points[i], points[i+1], after, float64(s)/curveSteps))
		}
	}
	return append(out, points[n-1])
}

// Loop returns a closed Catmull-Rom polygon through the points.
func Loop(points ...Point) []Point {
	n := len(points)
	out := make([]Point, 0, n*curveSteps)
	for i := range n {
		a, b, c, d := points[(i+n-1)%n], points[i], points[(i+1)%n], points[(i+2)%n]
		for s := range curveSteps {
			out = append(out, between(a, b, c, d, float64(s)/curveSteps))
		}
	}
	return out
}

// between is the uniform Catmull-Rom spline from b (t = 0) to c (t = 1).
func between(a, b, c, d Point, t float64) Point {
	f := func(a, b, c, d float64) float64 {
		return 0.5 * (2*b + (c-a)*t + (2*a-5*b+4*c-d)*t*t + (3*b-3*c+d-a)*t*t*t)
	}
	return Point{f(a.X, b.X, c.X, d.X), f(a.Y, b.Y, c.Y, d.Y)}
}

// Ellipse returns a polygon; tilt is in radians.
func Ellipse(centre Point, rx, ry, tilt float64) []Point {
	const corners = 40
	sin, cos := math.Sincos(tilt)
	out := make([]Point, corners)
	for i := range out {
		s, c := math.Sincos(2 * math.Pi * float64(i) / corners)
		out[i] = Point{centre.X + c*rx*cos - s*ry*sin, centre.Y + c*rx*sin + s*ry*cos}
	}
	return out
}

// Symmetric closes an outline given as its right half from top to bottom, leaning about the centre line.
func Symmetric(right []Point) []Point {
	out := append([]Point(nil), right...)
	for i := len(right) - 1; i >= 0; i-- {
		out = append(out, right[i].Mirrored())
	}
	return out
}

// Ribbon is the outline of a stroke of a given half width along a polyline, tapering to its ends.
func Ribbon(line []Point, half float64) []Point {
	n := len(line)
	out := make([]Point, 2*n)
	for i, p := range line {
		tangent := line[min(i+1, n-1)].Sub(line[max(i-1, 0)])
		tangent = tangent.Scale(1 / max(tangent.Length(), 1e-9))
		w := half * math.Sqrt(max(0.12, math.Sin(math.Pi*float64(i)/float64(n-1))))
		normal := Point{-tangent.Y * w, tangent.X * w}
		out[i], out[2*n-1-i] = p.Add(normal), p.Sub(normal)
	}
	return out
}

// Moved applies f to every point in place and returns the slice.
func Moved(points []Point, f func(Point) Point) []Point {
	for i, p := range points {
		points[i] = f(p)
	}
	return points
}

// Reversed returns the points from the last to the first.
func Reversed(points []Point) []Point {
	out := make([]Point, len(points))
	for i, p := range points {
		out[len(points)-1-i] = p
	}
	return out
}
