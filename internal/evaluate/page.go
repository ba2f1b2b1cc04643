package evaluate

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"math"

	"github.com/braincreators/tryon-operator/internal/imaging"
)

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// chart is one metric's bars.
type chart struct {
	Title, Hint string
	Bars        []bar
}

// bar is one system's mean with its interval, in pixels of the chart.
type bar struct {
	Label, Value, Range   string
	Y, Width, Low, High   float64
	LabelY, MiddleY, TipY float64
	Served                bool
}

// shot is one shown case; its pictures are JPEG in base64.
type shot struct {
	Name                              string
	Person, Garment, Result, Truth    string
	SSIM, GarmentSSIM, PSNR, L1       string
	Better                            bool
	CopyGarmentSSIM, PasteGarmentSSIM string
}

type pageRow struct {
	Name                                  string
	SSIM, Garment, PSNR, L1, Copy, Pasted string
	Worse                                 bool
}

type page struct {
	Heading, Verdict, Lead string
	// Tone of the verdict: good, bad or open; it is a class of the page's style.
	Tone   string
	Charts []chart
	Shots  []shot
	Rows   []pageRow
	Facts  [][2]string
}

// labels are the systems' and metrics' names for people.
var (
	systemLabels = map[string]string{SystemServed: "served weights", BaselineCopy: "copy the person", BaselinePaste: "paste the garment"}
	metricTitles = map[string][2]string{
		MetricSSIM:        {"SSIM, whole picture", "higher is better; mostly the background"},
		MetricGarmentSSIM: {"SSIM inside the garments", "higher is better; old and new garment"},
		MetricPSNR:        {"PSNR in dB", "higher is better"},
		MetricL1:          {"L1", "lower is better; 0 to 1"},
	}
	metricDigits = map[string]int{MetricSSIM: 3, MetricGarmentSSIM: 3, MetricPSNR: 1, MetricL1: 3}
)

func number(metric string, v float64) string { return fmt.Sprintf("%.*f", metricDigits[metric], v) }

// makePage writes the self-contained HTML report.
func makePage(d *Document, shown []shownCase) ([]byte, error) {
	p := page{Heading: d.heading(), Facts: d.facts()}
	p.Verdict, p.Lead, p.Tone = d.verdict()
	for _, m := range metrics {
		p.Charts = append(p.Charts, d.chart(m.name))
	}
	for _, c := range shown {
		s, err := makeShot(c)
		if err != nil {
			return nil, err
		}
		p.Shots = append(p.Shots, s)
	}
	for _, i := range d.order() {
		p.Rows = append(p.Rows, makeRow(d.Rows[i]))
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("writing page: %w", err)
	}
	return out.Bytes(), nil
}

// verdict compares with the baselines where it counts: inside the garments, by the interval's lower end.
func (d *Document) verdict() (verdict, lead, tone string) {
	served := d.Scores[SystemServed][MetricGarmentSSIM]
	best, name := math.Inf(-1), ""
	for _, system := range []string{BaselineCopy, BaselinePaste} {
		if mean := d.Scores[system][MetricGarmentSSIM].Mean; mean > best {
			best, name = mean, systemLabels[system]
		}
	}
	basis := "the photo itself, the person in the own garment"
	if d.Protocol == ProtocolUnpairedTruth {
		basis = "exact truth: the same person in the other garment"
	}
	lead = fmt.Sprintf("%d cases, compared with %s. Inside the garments the served weights reach an SSIM of %.3f (95 %% interval %.3f to %.3f); the better baseline, “%s”, reaches %.3f.",
		len(d.Rows), basis, served.Mean, served.Low, served.High, name, best)
	switch {
	case served.Low > best:
		return fmt.Sprintf("Better than both baselines by %.3f", served.Mean-best), lead, "good"
	case served.High < best:
		return fmt.Sprintf("Worse than a baseline by %.3f", best-served.Mean), lead, "bad"
	}
	return "Not told apart from the better baseline", lead, "open"
}

// Geometry of a chart in SVG units.
const (
	chartWidth = 300.0
	barPitch   = 44.0
	barHeight  = 16.0
)

func (d *Document) chart(metric string) chart {
	c := chart{Title: metricTitles[metric][0], Hint: metricTitles[metric][1]}
	top := 1.0
	if metric == MetricPSNR || metric == MetricL1 {
		top = 0
		for _, system := range systems {
			top = max(top, d.Scores[system][metric].High*1.1)
		}
	}
	x := func(v float64) float64 { return max(0, min(chartWidth, v/max(top, 1e-9)*chartWidth)) }
	for i, system := range systems {
		e := d.Scores[system][metric]
		y := float64(i)*barPitch + 20
		c.Bars = append(c.Bars, bar{
			Label: systemLabels[system], Value: number(metric, e.Mean), Range: number(metric, e.Low) + " … " + number(metric, e.High),
			Y: y, Width: x(e.Mean), Low: x(e.Low), High: x(e.High), LabelY: y - 6, MiddleY: y + barHeight/2, TipY: y + barHeight, Served: system == SystemServed,
		})
	}
	return c
}

func makeShot(c shownCase) (shot, error) {
	served := c.row.Scores[SystemServed]
	s := shot{
		Name: c.row.Name, SSIM: number(MetricSSIM, served[MetricSSIM]), GarmentSSIM: number(MetricGarmentSSIM, served[MetricGarmentSSIM]),
		PSNR: number(MetricPSNR, served[MetricPSNR]), L1: number(MetricL1, served[MetricL1]),
		CopyGarmentSSIM:  number(MetricGarmentSSIM, c.row.Scores[BaselineCopy][MetricGarmentSSIM]),
		PasteGarmentSSIM: number(MetricGarmentSSIM, c.row.Scores[BaselinePaste][MetricGarmentSSIM]),
	}
	s.Better = !worse(c.row)
	for _, picture := range []struct {
		src  *image.RGBA
		into *string
	}{{c.person, &s.Person}, {c.garment, &s.Garment}, {c.result, &s.Result}, {c.truth, &s.Truth}} {
		small, err := imaging.Thumbnail(picture.src, thumbSide, thumbSide)
		if err != nil {
			return shot{}, err
		}
		*picture.into = base64.StdEncoding.EncodeToString(small)
	}
	return s, nil
}

// worse tells whether a baseline did better inside the garments.
func worse(r Row) bool {
	served := r.Scores[SystemServed][MetricGarmentSSIM]
	return served < max(r.Scores[BaselineCopy][MetricGarmentSSIM], r.Scores[BaselinePaste][MetricGarmentSSIM])
}

func makeRow(r Row) pageRow {
	served := r.Scores[SystemServed]
	return pageRow{
		Name: r.Name, SSIM: number(MetricSSIM, served[MetricSSIM]), Garment: number(MetricGarmentSSIM, served[MetricGarmentSSIM]),
		PSNR: number(MetricPSNR, served[MetricPSNR]), L1: number(MetricL1, served[MetricL1]),
		Copy:   number(MetricGarmentSSIM, r.Scores[BaselineCopy][MetricGarmentSSIM]),
		Pasted: number(MetricGarmentSSIM, r.Scores[BaselinePaste][MetricGarmentSSIM]), Worse: worse(r),
	}
}

// facts say what exactly was measured.
func (d *Document) facts() [][2]string {
	facts := [][2]string{
		{"weights", d.Weights}, {"dataset", d.Dataset}, {"evaluator", d.Evaluator}, {"golden requests", d.Golden}, {"protocol", d.Protocol},
		{"cases", d.Method.Pairs}, {"answers", d.Method.Output},
	}
	for _, m := range metrics {
		facts = append(facts, [2]string{m.name, m.implementation})
	}
	return facts
}
