package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale/scaletest"
)

// tracePicture shows what happened on a real cluster.
const tracePicture = "scaling-trace.svg"

// columns of a trace: seconds since its beginning, requests sent per second, wanted and ready pods, and the mean backlog of the ready ones in
// seconds.
var columns = []string{"seconds", "rate", "replicas", "ready", "backlog"}

func writeTrace(file, folder string) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the trace: %w", err)
	}
	run, err := readTrace(body)
	if err != nil {
		return fmt.Errorf("reading %s: %w", file, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, page))
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	if text, err = traces.fill(text, tell(run)); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, page), text, 0o644),
		os.WriteFile(filepath.Join(folder, tracePicture), drawTrace(run), 0o644),
	)
}

// tell shows the picture and says in a sentence what is in it.
func tell(run *scaletest.Run) string {
	var slowest, fastest, longest float64
	slowest = run.Moments[0].Load
	numbers := []string{fmt.Sprint(run.Moments[0].Wanted)}
	for _, m := range run.Moments {
		slowest, fastest, longest = min(slowest, m.Load), max(fastest, m.Load), max(longest, m.Wait)
		if next := fmt.Sprint(m.Wanted); next != numbers[len(numbers)-1] {
			numbers = append(numbers, next)
		}
	}
	return fmt.Sprintf("![A load that rises five-fold and falls, on a one-node cluster](%s)\n\nFrom %.2f to %.2f requests per second and back: replicas %s, and a backlog of at most %.1f s.\n",
		tracePicture, slowest, fastest, strings.Join(numbers, ", "), longest)
}

// readTrace reads a trace in order of time.
func readTrace(body []byte) (*scaletest.Run, error) {
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) < 3 || !slices.Equal(rows[0], columns) {
		return nil, fmt.Errorf("want the columns %v and at least two rows", columns)
	}
	run := &scaletest.Run{}
	for _, row := range rows[1:] {
		var v [5]float64
		for i, cell := range row {
			var err error
			if v[i], err = strconv.ParseFloat(cell, 64); err != nil || !(v[i] >= 0 && v[i] < 1e6) {
				return nil, fmt.Errorf("%q is not a figure of a trace", cell)
			}
		}
		moment := scaletest.Moment{At: time.Duration(v[0] * float64(time.Second)), Load: v[1], Wanted: int32(v[2]), Ready: int32(v[3]), Wait: v[4]}
		if moment.At < run.Length {
			return nil, errors.New("time goes back")
		}
		run.Moments, run.Length = append(run.Moments, moment), moment.At
	}
	if run.Length == 0 {
		return nil, errors.New("no time passes")
	}
	return run, nil
}

func drawTrace(run *scaletest.Run) []byte {
	load := func(m scaletest.Moment) float64 { return m.Load }
	wait := func(m scaletest.Moment) float64 { return m.Wait }
	wanted := func(m scaletest.Moment) float64 { return float64(m.Wanted) }
	ready := func(m scaletest.Moment) float64 { return float64(m.Ready) }
	rates := fitted(panel{title: "requests sent per second", top: 70, height: 90}, run, load)
	backlogs := fitted(panel{title: "backlog in s", top: 205, height: 90}, run, wait)
	pods := fitted(panel{title: "replicas", top: 340, height: 90}, run, wanted, ready)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f 480" font-family="system-ui, sans-serif" font-size="13" fill="#222" role="img" `+
		`aria-label="A load that rises five-fold and falls, on a real cluster: the replicas follow it out and in">`+"\n", width)
	fmt.Fprintf(&b, "<rect width=\"%.0f\" height=\"480\" fill=\"#fff\"/>\n", width)
	text(&b, left, 30, `font-size="16" font-weight="600"`, "A load that rises five-fold and falls, on a one-node cluster")
	for _, p := range []panel{rates, backlogs, pods} {
		frame(&b, p)
	}
	minutes(&b, pods.top+pods.height, run.Length, time.Minute)
	curve(&b, run, line{rates, load, area(grey), true, true})
	curve(&b, run, line{backlogs, wait, stroke(blue), false, false})
	curve(&b, run, line{pods, ready, area(blue), true, true})
	curve(&b, run, line{pods, wanted, stroke(blue), true, false})
	text(&b, width-right+8, pods.y(float64(run.Moments[len(run.Moments)-1].Wanted))-4, `fill="`+blue+`"`, "wanted; filled: ready")
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// fitted is a panel with room for the highest of some figures, and ticks at whole numbers.
func fitted(p panel, run *scaletest.Run, of ...func(scaletest.Moment) float64) panel {
	for _, m := range run.Moments {
		for _, f := range of {
			p.most = max(p.most, math.Ceil(f(m)))
		}
	}
	p.most = max(p.most, 1)
	step := max(1, math.Ceil(p.most/4))
	for tick := 0.0; tick <= p.most; tick += step {
		p.ticks = append(p.ticks, tick)
	}
	return p
}
