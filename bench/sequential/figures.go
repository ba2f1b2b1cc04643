package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/sequential"
)

// figures writes docs/statistics-*.svg.
func figures(dir string, rollouts int, seed uint64) error {
	watching, err := watchingFigure(seed)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "statistics-watching.svg"), []byte(watching), 0o644); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	wrong, err := wrongFigure(rollouts, seed)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "statistics-wrong.svg"), []byte(wrong), 0o644); err != nil {
		return fmt.Errorf("writing a figure: %w", err)
	}
	return nil
}

// look is what one rollout's judges saw after some pairs, in percentage points.
type look struct{ pairs, estimate, lower, upper float64 }

// trace is one rollout as drawn: the windows' measurements, the looks, and where the two judges decided.
type trace struct {
	windows    []look
	looks      []look
	rolledBack float64
	decided    float64
	verdict    sequential.Verdict
}

// follow judges one rollout to the end of its checks, and on until there is a verdict.
func follow(t traffic, seed, rollout uint64) (trace, error) {
	src, w := newSource(t, seed, rollout), &watched{margin: artefactMargin}
	var tr trace
	for len(tr.windows) < tracedWindows {
		size := min(int(window-w.windowPairs.N()), src.block())
		measured, err := w.block(src, size)
		if err != nil {
			return tr, err
		}
		pairs := float64(w.pairs.N())
		if !math.IsNaN(measured) {
			tr.windows = append(tr.windows, look{pairs: pairs, estimate: 100 * measured})
		}
		if tr.rolledBack == 0 && w.failedChecks > 0 {
			tr.rolledBack = pairs
		}
		if tr.decided == 0 && anyVerdict(w.verdict) {
			tr.decided, tr.verdict = pairs, w.verdict
		}
		j, err := sequential.Judge([]sequential.Gate{w.gate()}, alpha, 0)
		if err != nil {
			return tr, err
		}
		f := j.Findings[0]
		tr.looks = append(tr.looks, look{pairs, 100 * f.Estimate, 100 * f.Lower, 100 * f.Upper})
	}
	return tr, nil
}

const tracedWindows = 40

// watchingFigure draws two rollouts, each as both judges see it.
func watchingFigure(seed uint64) (string, error) {
	c := newCanvas(980, 640)
	for col, r := range []struct {
		title string
		traffic
	}{{"The candidate is as good as the stable version", shop}, {"2 points more artefacts at the candidate", twoPoints()}} {
		tr, err := follow(r.traffic, seed, 3)
		if err != nil {
			return "", err
		}
		left := 70 + 480*float64(col)
		c.text(left, 28, "title", r.title)
		c.thresholdPanel(plot{left: left, top: 60, width: 390, height: 210, maxX: tracedWindows * window, minY: -4, maxY: 8}, tr)
		c.intervalPanel(plot{left: left, top: 350, width: 390, height: 210, maxX: tracedWindows * window, minY: -4, maxY: 8}, tr)
	}
	return c.String(), nil
}

func (c *canvas) thresholdPanel(p plot, tr trace) {
	c.text(p.left, p.top-10, "sub", "Fixed threshold: artefact rate difference per 200 pairs, in points")
	c.axes(p, "pairs")
	c.line(p, "margin", []point{{0, 1}, {p.maxX, 1}})
	failed := 0
	for _, w := range tr.windows {
		class := "good"
		if w.estimate > 1 {
			class = "bad"
			failed++
		}
		c.dot(p, class, point{w.pairs, w.estimate})
	}
	c.text(p.left+8, p.top+18, "bad", fmt.Sprintf("%d of %d checks fail; the first after %.0f pairs", failed, len(tr.windows), tr.rolledBack))
}

func (c *canvas) intervalPanel(p plot, tr trace) {
	c.text(p.left, p.top-10, "sub", "Confidence sequence: the same traffic, all of it so far")
	var band, estimate []point
	for _, l := range tr.looks {
		band = append(band, point{l.pairs, l.upper})
		estimate = append(estimate, point{l.pairs, l.estimate})
	}
	for i := len(tr.looks) - 1; i >= 0; i-- {
		band = append(band, point{tr.looks[i].pairs, tr.looks[i].lower})
	}
	c.area(p, "band", band)
	c.line(p, "estimate", estimate)
	c.axes(p, "pairs")
	c.line(p, "margin", []point{{0, 1}, {p.maxX, 1}})
	if tr.decided > 0 {
		class := "good"
		if tr.verdict == sequential.Reject {
			class = "bad"
		}
		c.line(p, "verdict", []point{{tr.decided, p.minY}, {tr.decided, p.maxY}})
		c.text(p.left+p.width-190, p.top+18, class, fmt.Sprintf("%s after %.0f pairs", tr.verdict, tr.decided))
	}
}

// wrongFigure draws how many candidates that must not be rejected each judge has rejected so far.
func wrongFigure(rollouts int, seed uint64) (string, error) {
	const windows = 50
	c := newCanvas(980, 440)
	for col, r := range []struct {
		title string
		traffic
	}{{"Equal versions", shop}, {"Candidates exactly at the margin", with(func(t *traffic) { t.moreArtefacts = 0.01 })}} {
		shares, err := rejectedBy(r.traffic, windows, rollouts, seed)
		if err != nil {
			return "", err
		}
		p := plot{left: 60 + 480*float64(col), top: 60, width: 400, height: 240, maxX: windows * window, minY: 0, maxY: 100}
		c.text(p.left, 28, "title", r.title)
		c.text(p.left, 48, "sub", "rejected so far, in percent of the rollouts")
		c.axes(p, "pairs watched")
		c.line(p, "margin", []point{{0, 100 * alpha}, {p.maxX, 100 * alpha}})
		for k, share := range shares {
			points := []point{{0, 0}}
			for i, s := range share {
				points = append(points, point{float64((i + 1) * window), 100 * s})
			}
			class := fmt.Sprintf("judge%d", k)
			c.line(p, class, points)
			c.text(p.left+10, 355+20*float64(k), class, fmt.Sprintf("%s: %.1f %%", judges[k].name, points[windows].y))
		}
	}
	return c.String(), nil
}
