package imaging

import (
	"image"
	"image/color"

	xdraw "golang.org/x/image/draw"
)

// FitInside gives the largest rectangle of the proportions srcW:srcH that is centred in w by h.
func FitInside(srcW, srcH, w, h int) image.Rectangle {
	fw, fh := w, (srcH*w+srcW/2)/srcW
	if fh > h {
		fw, fh = (srcW*h+srcH/2)/srcH, h
	}
	fw, fh = max(fw, 1), max(fh, 1)
	x, y := (w-fw)/2, (h-fh)/2
	return image.Rect(x, y, x+fw, y+fh)
}

// LetterboxRGBA scales a picture into w by h pixels without stretching it; what it does not cover gets the colour pad. content is where it lies.
func LetterboxRGBA(src *image.RGBA, w, h int, pad color.RGBA) (boxed *image.RGBA, content image.Rectangle) {
	boxed = image.NewRGBA(image.Rect(0, 0, w, h))
	content = FitInside(src.Rect.Dx(), src.Rect.Dy(), w, h)
	xdraw.Draw(boxed, boxed.Rect, image.NewUniform(pad), image.Point{}, xdraw.Src)
	xdraw.Draw(boxed, content, ResizeRGBA(src, content.Dx(), content.Dy()), image.Point{}, xdraw.Src)
	return boxed, content
}

// ResizeRGBA scales a picture to w by h: a box filter for whole factors first, which is fast and free of aliases, then Catmull-Rom.
func ResizeRGBA(src *image.RGBA, w, h int) *image.RGBA {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	if sw == w && sh == h {
		return src
	}
	// A factor of at least 2 is left for the better filter.
	if k := min(sw/(2*w), sh/(2*h)); k >= 2 {
		src = shrink(src, k)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	Scale(dst, w, h, src)
	return dst
}

// shrink averages blocks of k by k pixels; what is left over at the right and lower edge joins the last block.
func shrink(src *image.RGBA, k int) *image.RGBA {
	sw, sh := src.Rect.Dx(), src.Rect.Dy()
	w, h := sw/k, sh/k
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		y1 := (y + 1) * k
		if y == h-1 {
			y1 = sh
		}
		for x := range w {
			x1 := (x + 1) * k
			if x == w-1 {
				x1 = sw
			}
			average(dst.Pix[y*dst.Stride+4*x:][:4], src, image.Rect(x*k, y*k, x1, y1))
		}
	}
	return dst
}

func average(into []byte, src *image.RGBA, r image.Rectangle) {
	var sum [4]int
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := src.Pix[y*src.Stride+4*r.Min.X : y*src.Stride+4*r.Max.X]
		for i := 0; i+3 < len(row); i += 4 {
			sum[0] += int(row[i])
			sum[1] += int(row[i+1])
			sum[2] += int(row[i+2])
			sum[3] += int(row[i+3])
		}
	}
	n := r.Dx() * r.Dy()
	for c, s := range sum {
		into[c] = byte((s + n/2) / n)
	}
}
