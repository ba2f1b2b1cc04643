package draw

import "math"

// Point is a position in body units: the frame is one unit high, y grows downwards, x is 0 on the frame's centre line.
type Point struct{ X, Y float64 }

// XY is the point at x and y.
func XY(x, y float64) Point { return Point{x, y} }

// Add is the sum of two vectors.
func (p Point) Add(q Point) Point { return Point{p.X + q.X, p.Y + q.Y} }

// Sub is the vector from q to p.
func (p Point) Sub(q Point) Point { return Point{p.X - q.X, p.Y - q.Y} }

// Scale is the vector f times as long.
func (p Point) Scale(f float64) Point { return Point{p.X * f, p.Y * f} }

// Dot is the scalar product.
func (p Point) Dot(q Point) float64 { return p.X*q.X + p.Y*q.Y }

// Length is the distance from the origin.
func (p Point) Length() float64 { return Hypot(p.X, p.Y) }

// To is the point a share t of the way to q.
func (p Point) To(q Point, t float64) Point { return p.Add(q.Sub(p).Scale(t)) }

// Mirrored is the point on the other side of the centre line.
func (p Point) Mirrored() Point { return Point{-p.X, p.Y} }

// Heading is the unit vector at an angle, in radians, from straight down; positive turns towards +x.
func Heading(radians float64) Point { return Point{math.Sin(radians), math.Cos(radians)} }

// Radians converts degrees.
func Radians(degrees float64) float64 { return degrees * math.Pi / 180 }
