package synth

import "math"

// point is a position in body units: the frame is one unit high, y grows downwards, x is 0 on the frame's centre line.
type point struct{ x, y float64 }

func (p point) add(q point) point           { return point{p.x + q.x, p.y + q.y} }
func (p point) sub(q point) point           { return point{p.x - q.x, p.y - q.y} }
func (p point) scale(f float64) point       { return point{p.x * f, p.y * f} }
func (p point) dot(q point) float64         { return p.x*q.x + p.y*q.y }
func (p point) length() float64             { return hypot(p.x, p.y) }
func (p point) to(q point, t float64) point { return p.add(q.sub(p).scale(t)) }
func (p point) mirrored() point             { return point{-p.x, p.y} }

// heading is the unit vector at an angle from straight down; positive turns towards +x.
func heading(radians float64) point { return point{math.Sin(radians), math.Cos(radians)} }

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

const curveSteps = 7

// curve returns an open Catmull-Rom polyline through the points.
func curve(points ...point) []point {
	n := len(points)
	if n < 3 {
		return points
	}
	out := make([]point, 0, (n-1)*curveSteps+1)
	for i := range n - 1 {
		before, after := points[max(i-1, 0)], points[min(i+2, n-1)]
		for s := range curveSteps {
			out = append(out, between(before, points[i], points[i+1], after, float64(s)/curveSteps))
		}
	}
	return append(out, points[n-1])
}

// loop returns a closed Catmull-Rom polygon through the points.
func loop(points ...point) []point {
	n := len(points)
	out := make([]point, 0, n*curveSteps)
	for i := range n {
		a, b, c, d := points[(i+n-1)%n], points[i], points[(i+1)%n], points[(i+2)%n]
		for s := range curveSteps {
			out = append(out, between(a, b, c, d, float64(s)/curveSteps))
		}
	}
	return out
}

// between is the uniform Catmull-Rom spline from b (t = 0) to c (t = 1).
func between(a, b, c, d point, t float64) point {
	f := func(a, b, c, d float64) float64 {
		return 0.5 * (2*b + (c-a)*t + (2*a-5*b+4*c-d)*t*t + (3*b-3*c+d-a)*t*t*t)
	}
	return point{f(a.x, b.x, c.x, d.x), f(a.y, b.y, c.y, d.y)}
}

// ellipse returns a polygon; tilt is in radians.
func ellipse(centre point, rx, ry, tilt float64) []point {
	const corners = 40
	sin, cos := math.Sincos(tilt)
	out := make([]point, corners)
	for i := range out {
		s, c := math.Sincos(2 * math.Pi * float64(i) / corners)
		out[i] = point{centre.x + c*rx*cos - s*ry*sin, centre.y + c*rx*sin + s*ry*cos}
	}
	return out
}

// symmetric closes an outline given as its right half from top to bottom, leaning about the centre line.
func symmetric(right []point) []point {
	out := append([]point(nil), right...)
	for i := len(right) - 1; i >= 0; i-- {
		out = append(out, right[i].mirrored())
	}
	return out
}

// moved applies f to every point in place and returns the slice.
func moved(points []point, f func(point) point) []point {
	for i, p := range points {
		points[i] = f(p)
	}
	return points
}

// ribbon is the outline of a stroke of a given half width along a polyline, tapering to its ends.
func ribbon(line []point, half float64) []point {
	n := len(line)
	out := make([]point, 2*n)
	for i, p := range line {
		tangent := line[min(i+1, n-1)].sub(line[max(i-1, 0)])
		tangent = tangent.scale(1 / max(tangent.length(), 1e-9))
		w := half * math.Sqrt(max(0.12, math.Sin(math.Pi*float64(i)/float64(n-1))))
		normal := point{-tangent.y * w, tangent.x * w}
		out[i], out[2*n-1-i] = p.add(normal), p.sub(normal)
	}
	return out
}

// profile is a smooth function of y given by a few values, tabulated because brushes ask for it at every sample.
type profile struct {
	from, step float64
	values     []float64
}

// makeProfile interpolates (y, value) points, sorted by y, and holds the ends.
func makeProfile(points ...point) profile {
	const cells = 200
	first, last := points[0].x, points[len(points)-1].x
	p := profile{from: first, step: (last - first) / cells, values: make([]float64, cells+1)}
	line := curve(points...)
	j := 0
	for i := range p.values {
		at := first + float64(i)*p.step
		for j < len(line)-2 && line[j+1].x < at {
			j++
		}
		span := line[j+1].x - line[j].x
		p.values[i] = line[j].y
		if span > 0 {
			p.values[i] += (line[j+1].y - line[j].y) * clamp((at-line[j].x)/span, 0, 1)
		}
	}
	return p
}

// at returns the value, linear between the cells of the table.
func (p profile) at(y float64) float64 {
	f := clamp((y-p.from)/p.step, 0, float64(len(p.values)-1))
	i := min(int(f), len(p.values)-2)
	t := f - float64(i)
	return p.values[i]*(1-t) + p.values[i+1]*t
}
