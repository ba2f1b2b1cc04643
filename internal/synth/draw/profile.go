package draw

// Profile is a smooth function of y, both in body units, given by a few values, tabulated because brushes ask for it at every sample.
type Profile struct {
	from, step float64
	values     []float64
}

// MakeProfile interpolates (y, value) points, sorted by y, and holds the ends.
func MakeProfile(points ...Point) Profile {
	const cells = 200
	first, last := points[0].X, points[len(points)-1].X
	p := Profile{from: first, step: (last - first) / cells, values: make([]float64, cells+1)}
	line := Curve(points...)
	j := 0
	for i := range p.values {
		at := first + float64(i)*p.step
		for j < len(line)-2 && line[j+1].X < at {
			j++
		}
		span := line[j+1].X - line[j].X
		p.values[i] = line[j].Y
		if span > 0 {
			p.values[i] += (line[j+1].Y - line[j].Y) * Clamp((at-line[j].X)/span, 0, 1)
		}
	}
	return p
}

// At returns the value, linear between the cells of the table.
func (p Profile) At(y float64) float64 {
	f := Clamp((y-p.from)/p.step, 0, float64(len(p.values)-1))
	i := min(int(f), len(p.values)-2)
	t := f - float64(i)
	return p.values[i]*(1-t) + p.values[i+1]*t
}
