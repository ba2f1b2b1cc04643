package main

import (
	"fmt"
	"math"
	"strings"
)

type point struct{ x, y float64 }

// plot is a rectangle of the picture with axes from 0 to maxX and from minY to maxY.
type plot struct{ left, top, width, height, maxX, minY, maxY float64 }

func (p plot) x(x float64) float64 { return p.left + p.width*x/p.maxX }

func (p plot) y(y float64) float64 {
	y = min(max(y, p.minY), p.maxY)
	return p.top + p.height*(p.maxY-y)/(p.maxY-p.minY)
}

// canvas writes an SVG picture.
type canvas struct{ strings.Builder }

const style = `text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}.sub{fill:#444}.small{font-size:11px;fill:#555}
path{fill:none;stroke-width:1.8}.axis{stroke:#888;stroke-width:1}.margin{stroke:#222;stroke-width:1.2;stroke-dasharray:5 4}
.band{fill:#9cc3e6;fill-opacity:.55;stroke:none}.estimate{stroke:#1f5f99}.verdict{stroke:#222;stroke-width:1.2}
circle.good{fill:#3a7d44}circle.bad{fill:#c0392b}text.good{fill:#2c6635;font-weight:600}text.bad{fill:#a93226;font-weight:600}
path.judge0{stroke:#c0392b}text.judge0{fill:#a93226}path.judge1{stroke:#d08a1d}text.judge1{fill:#8a5a0c}path.judge2{stroke:#7d3c98}text.judge2{fill:#6c3483}
path.judge3{stroke:#1f5f99;stroke-width:2.6}text.judge3{fill:#1f5f99;font-weight:600}`

func newCanvas(width, height int) *canvas {
	c := &canvas{}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d"><style>%s</style><rect width="100%%" height="100%%" fill="#fff"/>`+"\n",
		width, height, width, height, style)
	return c
}

func (c *canvas) String() string { return c.Builder.String() + "</svg>\n" }

func (c *canvas) text(x, y float64, class, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s">%s</text>`+"\n", x, y, class, text)
}

func (c *canvas) dot(p plot, class string, at point) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3.4" class="%s"/>`+"\n", p.x(at.x), p.y(at.y), class)
}

func (c *canvas) line(p plot, class string, points []point) { c.path(p, class, points, "") }

func (c *canvas) area(p plot, class string, points []point) { c.path(p, class, points, "Z") }

func (c *canvas) path(p plot, class string, points []point, end string) {
	fmt.Fprintf(c, `<path class="%s" d="M`, class)
	for i, at := range points {
		if i > 0 {
			c.WriteString("L")
		}
		fmt.Fprintf(c, "%.1f %.1f", p.x(at.x), p.y(at.y))
	}
	fmt.Fprintf(c, `%s"/>`+"\n", end)
}

// axes draws four ticks to the right and up.
func (c *canvas) axes(p plot, label string) {
	c.line(p, "axis", []point{{0, p.maxY}, {0, p.minY}, {p.maxX, p.minY}})
	for i := range 5 {
		x, y := p.maxX*float64(i)/4, p.minY+(p.maxY-p.minY)*float64(i)/4
		c.text(p.x(x)-12, p.top+p.height+16, "small", fmt.Sprintf("%.0f", x))
		c.text(p.left-30, p.y(y)+4, "small", fmt.Sprintf("%g", math.Round(10*y)/10))
	}
	c.text(p.left+p.width-60, p.top+p.height+32, "small", label)
}
