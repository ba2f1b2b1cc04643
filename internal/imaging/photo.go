package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
)

// Errors of reading a picture from a stranger. Every error of this file wraps one of them.
var (
	// ErrNotPicture says that the bytes are neither PNG nor JPEG.
	ErrNotPicture = errors.New("neither PNG nor JPEG")
	// ErrDamaged says that the file starts as a picture and does not go on as one.
	ErrDamaged = errors.New("damaged picture")
	// ErrTooManyPixels says that the picture is over its limits.
	ErrTooManyPixels = errors.New("picture is over its limits")
)

// PhotoLimits bound a picture. The zero value of a field means its default.
type PhotoLimits struct {
	// Pixels bounds width times height; default 24 million.
	Pixels int64
	// Side bounds width and height each; default 12,000.
	Side int
	// Scans bounds the scans of a progressive JPEG, each of which costs a pass over all pixels; default 32.
	Scans int
}

func (l PhotoLimits) withDefaults() PhotoLimits {
	if l.Pixels <= 0 {
		l.Pixels = 24_000_000
	}
	if l.Side <= 0 {
		l.Side = 12_000
	}
	if l.Scans <= 0 {
		l.Scans = 32
	}
	return l
}

// PhotoInfo is what a picture's header says.
type PhotoInfo struct {
	// Format is "png" or "jpeg".
	Format string
	// Width and Height in pixels, as stored: before Orientation is applied.
	Width, Height int
	// Orientation is EXIF's, 1..8.
	Orientation int
	// decoder is what decoding alone takes, in bytes: what it keeps on its way, and the picture that it gives.
	decoder int64
}

// Memory is what decoding and turning take at most, in bytes: the decoder's own part, the RGBA copy and the turned copy. It does not count on
// the garbage collector to come in between.
func (i PhotoInfo) Memory() int64 {
	copies := int64(1)
	if i.Orientation > 1 {
		copies = 2
	}
	return i.decoder + copies*rgbaBytes*i.pixels() + decoderState
}

func (i PhotoInfo) pixels() int64 { return int64(i.Width) * int64(i.Height) }

const (
	rgbaBytes = 4
	// decoderState is what a decoder holds whatever the picture: tables, windows, some rows.
	decoderState = 128 << 10
)

// PhotoHeader reads a picture's header within its limits; no memory for pixels is taken.
func PhotoHeader(data []byte, limits PhotoLimits) (PhotoInfo, error) {
	limits = limits.withDefaults()
	info := PhotoInfo{Orientation: 1}
	var config image.Config
	var walked jpegInfo
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		info.Format = "png"
		config, err = png.DecodeConfig(bytes.NewReader(data))
	case bytes.HasPrefix(data, []byte("\xff\xd8")):
		info.Format = "jpeg"
		walked = walkJPEG(data, limits.Scans)
		info.Orientation = walked.orientation
		if walked.scans > limits.Scans {
			return info, fmt.Errorf("%w: a JPEG of more than %d scans", ErrTooManyPixels, limits.Scans)
		}
		config, err = jpeg.DecodeConfig(bytes.NewReader(data))
	default:
		return info, notPicture(data)
	}
	if err != nil {
		return info, fmt.Errorf("%w: reading header: %w", ErrDamaged, err)
	}
	info.Width, info.Height = config.Width, config.Height
	if info.Width < 1 || info.Height < 1 {
		return info, fmt.Errorf("%w: it is %d pixels wide and %d high", ErrDamaged, info.Width, info.Height)
	}
	if info.Width > limits.Side || info.Height > limits.Side || info.pixels() > limits.Pixels {
		return info, fmt.Errorf("%w: %dx%d pixels, at most %d pixels and %d a side are allowed",
			ErrTooManyPixels, info.Width, info.Height, limits.Pixels, limits.Side)
	}
	info.decoder = pngMemory(data, info)
	if info.Format == "jpeg" {
		info.decoder = jpegMemory(walked.frame, info)
	}
	return info, nil
}

// notPicture names what phones and browsers send instead, so that its sender knows what to convert.
func notPicture(data []byte) error {
	for _, other := range []struct {
		at           int
		begin, named string
	}{
		{8, "WEBP", "WebP"}, {0, "GIF8", "GIF"}, {4, "ftypavi", "AVIF"}, {4, "ftyphe", "HEIC"}, {4, "ftypmif1", "HEIF"},
		{0, "II*\x00", "TIFF"}, {0, "MM\x00*", "TIFF"}, {0, "BM", "BMP"},
	} {
		if len(data) > other.at && bytes.HasPrefix(data[other.at:], []byte(other.begin)) {
			return fmt.Errorf("%w: this is a %s picture", ErrNotPicture, other.named)
		}
	}
	return ErrNotPicture
}

// DecodePhoto decodes a picture within its limits and turns it upright. Colours are premultiplied by alpha, as image.RGBA has it; bounds start at 0,0.
func DecodePhoto(data []byte, limits PhotoLimits) (*image.RGBA, PhotoInfo, error) {
	info, err := PhotoHeader(data, limits)
	if err != nil {
		return nil, info, err
	}
	decode := png.Decode
	if info.Format == "jpeg" {
		decode = jpeg.Decode
	}
	decoded, err := decode(bytes.NewReader(data))
	if err != nil {
		return nil, info, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return Upright(ToRGBA(decoded), info.Orientation), info, nil
}

// ToRGBA copies any picture into RGBA with bounds that start at 0,0.
func ToRGBA(src image.Image) *image.RGBA {
	b := src.Bounds()
	if rgba, ok := src.(*image.RGBA); ok && b.Min == (image.Point{}) && rgba.Stride == 4*b.Dx() {
		return rgba
	}
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(dst, dst.Bounds(), src, b.Min, draw.Src)
	return dst
}

// Opaque tells whether no pixel of a picture is see-through.
func Opaque(src *image.RGBA) bool { return src.Opaque() }

// Flatten lays a picture over a plain colour; the picture itself is changed.
func Flatten(src *image.RGBA, under color.RGBA) *image.RGBA {
	if src.Opaque() {
		return src
	}
	base := [3]int{int(under.R), int(under.G), int(under.B)}
	for i := 0; i < len(src.Pix); i += 4 {
		left := 255 - int(src.Pix[i+3])
		for c, v := range base {
			src.Pix[i+c] = byte(min(255, int(src.Pix[i+c])+(v*left+127)/255))
		}
		src.Pix[i+3] = 255
	}
	return src
}
