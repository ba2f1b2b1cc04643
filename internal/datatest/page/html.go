package page

import (
	"bytes"
	"context"
	_ "embed" // the page's template
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"io"
	"path"
	"strconv"

	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/report"
)

//go:embed page.html
var pageSource string

var layout = template.Must(template.New("page").Parse(pageSource))

// Bounds of the pictures in a page.
const (
	shownPerCheck = 8
	shownRows     = 6
	thumbW        = 132
	thumbH        = 176
)

// pageData is what the template sees.
type pageData struct {
	*datatest.Full
	Title, Headline, Subline, Tone string
	Summary                        report.DataTestsSummary
	Size                           string
	Checks                         []pageCheck
	Rows                           []pageRow
	Suite                          int
}

type pageCheck struct {
	datatest.Result
	Tone, Word, BudgetText, Finding string
	More                            int64
	Shown                           []pageOffender
}

type pageOffender struct {
	datatest.Offender
	Picture, Beside string
}

type pageRow struct {
	Stem     string
	Pictures []pagePicture
}

type pagePicture struct {
	Caption string
	Data    string
}

// page gives the report as one self-contained page with thumbnails of offenders and of some rows. Files that do not decode
// are shown without a picture.
func page(ctx context.Context, f *datatest.Full, source dataset.Source, m *dataset.Manifest) ([]byte, error) {
	d := pageData{Full: f, Title: "Data tests", Summary: f.Summary(), Size: bytesText(f.Bytes), Suite: len(f.Checks)}
	d.Headline, d.Subline, d.Tone = headline(f.Verdict, d.Summary)
	w := &window{ctx: ctx, source: source, manifest: m}
	for _, r := range f.Checks {
		d.Checks = append(d.Checks, w.check(r))
	}
	d.Rows = w.rows()
	var out bytes.Buffer
	if err := layout.Execute(&out, d); err != nil {
		return nil, fmt.Errorf("writing page: %w", err)
	}
	return out.Bytes(), nil
}

func headline(verdict report.Verdict, s report.DataTestsSummary) (headline, subline, tone string) {
	switch verdict {
	case report.Failed:
		return "Blocked", fmt.Sprintf("%s: %d found, %d allowed. First: %s", s.First.Check, s.First.Count, s.First.Budget, s.First.Offender), "bad"
	case report.Errored:
		return "Could not be measured", fmt.Sprintf("%d checks could not look at what they need", s.Errored), "odd"
	}
	if s.Warned > 0 {
		return "Passed with warnings", fmt.Sprintf("%d of %d checks warn. First: %s", s.Warned, s.Checks, s.First.Check), "warn"
	}
	return "Passed", fmt.Sprintf("all %d checks hold; this dataset may be trained on", s.Checks), "good"
}

// window reads pictures for the page, each at most once.
type window struct {
	ctx      context.Context
	source   dataset.Source
	manifest *dataset.Manifest
	seen     map[string]string
}

func (w *window) check(r datatest.Result) pageCheck {
	c := pageCheck{Result: r, Tone: "good", Word: "passed", Finding: r.Finding(), BudgetText: percent(r.Budget)}
	switch {
	case r.Severity == datatest.Off:
		c.Tone, c.Word = "off", "off"
	case r.Verdict == report.Errored:
		c.Tone, c.Word = "odd", "not measured"
	case r.Verdict == report.Failed && r.Severity == datatest.Block:
		c.Tone, c.Word = "bad", "blocks"
	case r.Verdict == report.Failed:
		c.Tone, c.Word = "warn", "warns"
	case r.Severity == datatest.Report:
		c.Tone, c.Word = "note", "report"
	}
	for i, o := range r.Named {
		if i == shownPerCheck {
			break
		}
		c.Shown = append(c.Shown, pageOffender{o, w.picture(o.Path), w.picture(o.See)})
	}
	c.More = r.Offenders - int64(len(c.Shown))
	return c
}

// strip is what is shown of a row.
var strip = []struct {
	role    dataset.Role
	caption string
}{
	{dataset.RolePerson, "person"},
	{dataset.RoleGarment, "garment"},
	{dataset.RoleMask, "mask"},
	{dataset.RoleParse, "parse map"},
	{dataset.RoleAgnostic, "agnostic"},
}

// rows shows the first rows of the dataset as they are filed.
func (w *window) rows() []pageRow {
	var out []pageRow
	index := dataset.MakeIndex(w.manifest)
	for _, split := range dataset.Splits {
		for i, f := range index.Files(split, dataset.RolePerson) {
			if i == shownRows/len(dataset.Splits) {
				break
			}
			stem := dataset.RolePerson.Stem(f.Path)
			row := pageRow{Stem: split + " " + stem}
			for _, shown := range strip {
				if file, ok := index.ByStem(split, shown.role, stem); ok {
					row.Pictures = append(row.Pictures, pagePicture{shown.caption, w.picture(file.Path)})
				}
			}
			out = append(out, row)
		}
	}
	return out
}

// picture gives a file's thumbnail as JPEG in base64, empty for what is no picture.
func (w *window) picture(name string) string {
	if w.seen == nil {
		w.seen = map[string]string{}
	}
	if encoded, ok := w.seen[name]; ok {
		return encoded
	}
	encoded := w.draw(name)
	w.seen[name] = encoded
	return encoded
}

func (w *window) draw(name string) string {
	file, ok := w.manifest.File(name)
	if ext := path.Ext(name); !ok || (ext != ".png" && ext != ".jpg" && ext != ".jpeg") {
		return ""
	}
	// Also a file that is not the pinned one is worth a look, so its digest is not asked for here.
	body, err := readLoosely(w.ctx, w.source, file)
	if err != nil {
		return ""
	}
	raw, info, err := datatest.Decode(body)
	if err != nil {
		return ""
	}
	rgb := imaging.ToRGBA(raw)
	if labels := datatest.Labels(raw); labels != nil && path.Base(path.Dir(name)) == string(dataset.RoleParse) {
		rgb = colourLabels(labels, info.Width)
	}
	small, err := imaging.Thumbnail(rgb, 2*thumbW, 2*thumbH)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(small)
}

// colourLabels gives class ids distinct colours, since a map may carry any palette or none.
func colourLabels(labels []uint8, width int) *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, width, len(labels)/width))
	for i, l := range labels {
		c := color.RGBA{250, 249, 247, 255}
		if l > 0 {
			h := uint32(l) * 2654435761
			c = color.RGBA{uint8(70 + h>>24%150), uint8(70 + h>>16%150), uint8(80 + h>>8%150), 255}
		}
		out.SetRGBA(i%width, i/width, c)
	}
	return out
}

func percent(share float64) string {
	if share == 0 {
		return "none"
	}
	return strconv.FormatFloat(share*100, 'g', 3, 64) + "%"
}

func bytesText(n int64) string {
	const kib = 1024
	switch {
	case n >= kib*kib*kib:
		return fmt.Sprintf("%.1f GiB", float64(n)/(kib*kib*kib))
	case n >= kib*kib:
		return fmt.Sprintf("%.1f MiB", float64(n)/(kib*kib))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/kib)
}

// readLoosely reads a file within its limit without asking whether it is the pinned one.
func readLoosely(ctx context.Context, source dataset.Source, f dataset.File) ([]byte, error) {
	r, err := source.Open(ctx, f.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	body, err := io.ReadAll(io.LimitReader(r, dataset.MaxPictureBytes))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", f.Path, err)
	}
	return body, nil
}
