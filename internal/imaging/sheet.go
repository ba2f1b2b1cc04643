package imaging

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Cell is one picture of a contact sheet with a line below it; a nil picture leaves its place empty.
type Cell struct {
	Image   *image.RGBA
	Caption string
}

// Sheet is a contact sheet: a title, column heads, and rows of pictures of one size.
type Sheet struct {
	Title string
	Heads []string
	Rows  [][]Cell
	// CellW and CellH are what a picture may take on the sheet, in pixels; pictures are fitted inside.
	CellW, CellH int
	Footer       string
}

// Bounds of a sheet.
const (
	maxSheetSide   = 20_000
	maxSheetPixels = 60_000_000
)

var (
	sheetPaper = color.RGBA{250, 249, 247, 255}
	sheetInk   = color.RGBA{38, 36, 42, 255}
	sheetFaint = color.RGBA{122, 118, 126, 255}
	sheetFrame = color.RGBA{236, 234, 230, 255}
)

const (
	sheetGap     = 14
	sheetCaption = 24
	sheetTitle   = 58
	sheetHead    = 30
)

// Draw lays the sheet out. It is an error when it would be empty or over 60 million pixels.
func (s Sheet) Draw() (*image.RGBA, error) {
	w, h, err := s.size()
	if err != nil {
		return nil, err
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Rect, image.NewUniform(sheetPaper), image.Point{}, draw.Src)
	pen, err := newPen(out)
	if err != nil {
		return nil, err
	}
	y := sheetGap
	if s.Title != "" {
		pen.write(pen.title, sheetInk, s.Title, image.Rect(sheetGap, y, w-sheetGap, y+sheetTitle-sheetGap))
		y += sheetTitle - sheetGap
	}
	if len(s.Heads) > 0 {
		for i, head := range s.Heads {
			pen.write(pen.head, sheetInk, head, s.column(i, y, sheetHead))
		}
		y += sheetHead
	}
	for _, row := range s.Rows {
		s.drawRow(out, pen, row, y)
		y += s.CellH + sheetCaption
	}
	if s.Footer != "" {
		pen.write(pen.text, sheetFaint, s.Footer, image.Rect(sheetGap, y, w-sheetGap, y+sheetHead))
	}
	return out, nil
}

// size is the whole sheet's width and height in pixels.
func (s Sheet) size() (w, h int, err error) {
	columns := len(s.Heads)
	for _, row := range s.Rows {
		columns = max(columns, len(row))
	}
	if columns == 0 || s.CellW < 1 || s.CellH < 1 || s.CellW > maxSheetSide || s.CellH > maxSheetSide {
		return 0, 0, fmt.Errorf("drawing contact sheet: no cells of %dx%d", s.CellW, s.CellH)
	}
	w, h = sheetGap+columns*(s.CellW+sheetGap), s.height()
	if w > maxSheetSide || h > maxSheetSide || w*h > maxSheetPixels {
		return 0, 0, fmt.Errorf("drawing contact sheet: %dx%d pixels are over the limit", w, h)
	}
	return w, h, nil
}

func (s Sheet) height() int {
	h := sheetGap + len(s.Rows)*(s.CellH+sheetCaption)
	if s.Title != "" {
		h += sheetTitle - sheetGap
	}
	if len(s.Heads) > 0 {
		h += sheetHead
	}
	if s.Footer != "" {
		h += sheetHead
	}
	return h
}

func (s Sheet) column(i, y, height int) image.Rectangle {
	x := sheetGap + i*(s.CellW+sheetGap)
	return image.Rect(x, y, x+s.CellW, y+height)
}

func (s Sheet) drawRow(out *image.RGBA, pen *pen, row []Cell, y int) {
	for i, cell := range row {
		at := s.column(i, y, s.CellH)
		draw.Draw(out, at, image.NewUniform(sheetFrame), image.Point{}, draw.Src)
		if cell.Image != nil {
			fit := FitInside(cell.Image.Rect.Dx(), cell.Image.Rect.Dy(), s.CellW, s.CellH)
			draw.Draw(out, fit.Add(at.Min), ResizeRGBA(cell.Image, fit.Dx(), fit.Dy()), image.Point{}, draw.Over)
		}
		pen.write(pen.text, sheetFaint, cell.Caption, image.Rect(at.Min.X, at.Max.Y, at.Max.X, at.Max.Y+sheetCaption))
	}
}

// pen writes text on a picture.
type pen struct {
	onto              draw.Image
	title, head, text font.Face
}

func newPen(onto draw.Image) (*pen, error) {
	p := &pen{onto: onto}
	for _, f := range []struct {
		face *font.Face
		data []byte
		size float64
	}{{&p.title, gomedium.TTF, 22}, {&p.head, gomedium.TTF, 14}, {&p.text, goregular.TTF, 12}} {
		parsed, err := opentype.Parse(f.data)
		if err != nil {
			return nil, fmt.Errorf("parsing font: %w", err)
		}
		if *f.face, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: f.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, fmt.Errorf("preparing font: %w", err)
		}
	}
	return p, nil
}

// write puts one line into a box, cut with an ellipsis where it would not fit.
func (p *pen) write(face font.Face, ink color.Color, text string, box image.Rectangle) {
	runes := []rune(text)
	for n := len(runes); n > 0 && font.MeasureString(face, text).Ceil() > box.Dx(); n-- {
		text = string(runes[:n-1]) + "…"
	}
	metrics := face.Metrics()
	baseline := box.Min.Y + (box.Dy()+metrics.Ascent.Ceil()-metrics.Descent.Ceil())/2
	d := font.Drawer{Dst: p.onto, Src: image.NewUniform(ink), Face: face, Dot: fixed.P(box.Min.X, baseline)}
	d.DrawString(text)
}

// EncodePNG gives a picture's PNG bytes.
func EncodePNG(src image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, src); err != nil {
		return nil, fmt.Errorf("encoding PNG: %w", err)
	}
	return out.Bytes(), nil
}

// Thumbnail gives a JPEG of a picture fitted into w by h; transparent parts turn white. The picture is not changed.
func Thumbnail(src *image.RGBA, w, h int) ([]byte, error) {
	fit := FitInside(src.Rect.Dx(), src.Rect.Dy(), w, h)
	small := ResizeRGBA(src, fit.Dx(), fit.Dy())
	if small == src {
		small = image.NewRGBA(src.Rect)
		copy(small.Pix, src.Pix)
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, Flatten(small, color.RGBA{255, 255, 255, 255}), &jpeg.Options{Quality: 82}); err != nil {
		return nil, fmt.Errorf("encoding thumbnail: %w", err)
	}
	return out.Bytes(), nil
}
