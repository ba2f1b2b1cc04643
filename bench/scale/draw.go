package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

// The picture: panels below each other with the same time axis, and room for names at the left and for labels at the right.
const (
	width, left, right = 980.0, 70.0, 175.0

	blue, orange, grey = "#4668c5", "#b87a1b", "#667"
)

// panel is one diagram of the picture.
type panel struct {
	title       string
	top, height float64
	most        float64
	ticks       []float64
}

var (
	arriving = panel{"work that arrives, in pods", 70, 90, 6, []float64{0, 2, 4, 6}}
	waiting  = panel{"waiting time in s", 205, 120, 32, []float64{0, 10, 20, 30}}
	replicas = panel{"replicas", 370, 150, 10, []float64{0, 2, 4, 6, 8, 10}}
)

// line is one curve of a panel.
type line struct {
	at    panel
	of    func(scaletest.Moment) float64
	style string
	// steps says that the value stays until the next one, filled that the area below is meant.
	steps, filled bool
}

func draw() []byte {
	ours := scaletest.Play(stories[0].world(1), onBacklog())
	theirs := scaletest.Play(stories[0].world(1), onUtilisation())
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f 580" font-family="system-ui, sans-serif" font-size="13" fill="#222" role="img" `+
		`aria-label="A load that rises five-fold and falls: scaling on the backlog orders seven replicas within seconds, scaling on utilisation climbs in steps while requests wait">`+"\n", width)
	fmt.Fprintf(&b, "<rect width=\"%.0f\" height=\"580\" fill=\"#fff\"/>\n", width)
	text(&b, left, 30, `font-size="16" font-weight="600"`, "A load that rises five-fold and falls")
	for _, p := range []panel{arriving, waiting, replicas} {
		frame(&b, p)
	}
	minutes(&b, replicas.top+replicas.height, stories[0].length, 5*time.Minute)
	curve(&b, ours, line{arriving, func(m scaletest.Moment) float64 { return m.Load }, area(grey), true, true})
	level(&b, waiting, scale.Default().TargetBacklog.Seconds(), "target")
	wait := func(m scaletest.Moment) float64 { return m.Wait }
	curve(&b, theirs, line{waiting, wait, stroke(orange), false, false})
	curve(&b, ours, line{waiting, wait, stroke(blue), false, false})
	curve(&b, ours, line{replicas, func(m scaletest.Moment) float64 { return float64(m.Ready) }, area(blue), true, true})
	wanted := func(m scaletest.Moment) float64 { return float64(m.Wanted) }
	curve(&b, ours, line{replicas, wanted, stroke(blue), true, false})
	curve(&b, theirs, line{replicas, wanted, stroke(orange) + ` stroke-dasharray="6 3"`, true, false})
	legend(&b)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func stroke(colour string) string { return `fill="none" stroke="` + colour + `" stroke-width="1.8"` }

func area(colour string) string { return `fill="` + colour + `" fill-opacity="0.18" stroke="none"` }

func (p panel) y(value float64) float64 { return p.top + p.height*(1-math.Min(value, p.most)/p.most) }

func x(at, length time.Duration) float64 {
	return left + (width-left-right)*at.Seconds()/length.Seconds()
}

func text(b *bytes.Buffer, x, y float64, style, s string) {
	fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, style, html.EscapeString(s))
}

func frame(b *bytes.Buffer, p panel) {
	text(b, left, p.top-10, `font-weight="600"`, p.title)
	for _, tick := range p.ticks {
		fmt.Fprintf(b, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/>\n", left, p.y(tick), width-right)
		text(b, left-8, p.y(tick)+4, `text-anchor="end" fill="`+grey+`"`, fmt.Sprint(tick))
	}
}

func minutes(b *bytes.Buffer, bottom float64, length, every time.Duration) {
	for at := time.Duration(0); at <= length; at += every {
		fmt.Fprintf(b, "<path d=\"M%.1f %.1fv5\" stroke=\"%s\"/>\n", x(at, length), bottom, grey)
		text(b, x(at, length), bottom+20, `text-anchor="middle" fill="`+grey+`"`, fmt.Sprintf("%.0f min", at.Minutes()))
	}
}

func level(b *bytes.Buffer, p panel, value float64, name string) {
	fmt.Fprintf(b, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" stroke-dasharray=\"2 3\"/>\n", left, p.y(value), width-right, grey)
	text(b, width-right+8, p.y(value)+4, `fill="`+grey+`"`, name)
}

// curve draws the moments of a run: as steps, or from value to value; an area is closed on the axis.
func curve(b *bytes.Buffer, run *scaletest.Run, l line) {
	before := l.of(run.Moments[0])
	fmt.Fprintf(b, "<path %s d=\"M%.1f %.1f", l.style, left, l.at.y(before))
	for _, m := range run.Moments[1:] {
		value := l.of(m)
		switch {
		case !l.steps:
			fmt.Fprintf(b, "L%.1f %.1f", x(m.At, run.Length), l.at.y(value))
		case value != before:
			fmt.Fprintf(b, "H%.1fV%.1f", x(m.At, run.Length), l.at.y(value))
		}
		before = value
	}
	fmt.Fprintf(b, "H%.1f", x(run.Length, run.Length))
	if l.filled {
		fmt.Fprintf(b, "V%.1fH%.1fZ", l.at.y(0), left)
	}
	b.WriteString("\"/>\n")
}

func legend(b *bytes.Buffer) {
	at := width - right + 8
	key := func(y float64, style, name string) {
		fmt.Fprintf(b, "<path d=\"M%.1f %.1fh22\" %s/>\n", at, y-4, style)
		text(b, at+28, y, "", name)
	}
	key(waiting.top+40, stroke(blue), "on backlog")
	key(waiting.top+62, stroke(orange), "on utilisation")
	key(replicas.top+30, stroke(blue), "wanted, backlog")
	key(replicas.top+52, `stroke="`+blue+`" stroke-opacity="0.25" stroke-width="10"`, "ready, backlog")
	key(replicas.top+74, stroke(orange)+` stroke-dasharray="6 3"`, "wanted, utilisation")
}
