package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
)

// ErrPixels says that pixels or a PNG file are not of the size and the channels that were asked for.
var ErrPixels = errors.New("not the pixels that were asked for")

// EncodePixels gives a PNG file of packed pixels row by row: one byte each, or three for RGB, told apart by their number. Errors wrap ErrPixels.
func EncodePixels(width, height int, pixels []byte, level png.CompressionLevel) ([]byte, error) {
	var picture image.Image
	n, bounds := width*height, image.Rect(0, 0, width, height)
	switch {
	case n > 0 && len(pixels) == n:
		picture = &image.Gray{Pix: pixels, Stride: width, Rect: bounds}
	case n > 0 && len(pixels) == 3*n:
		out := image.NewRGBA(bounds)
		for i := range n {
			copy(out.Pix[4*i:], pixels[3*i:3*i+3])
			out.Pix[4*i+3] = 255
		}
		picture = out
	default:
		return nil, fmt.Errorf("%w: %d bytes for %dx%d pixels", ErrPixels, len(pixels), width, height)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: level}).Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("encoding pixels: %w", err)
	}
	return out.Bytes(), nil
}

// CheckPixels reads the head of a PNG file and refuses one of another size, before anything is made room for. Errors wrap ErrPixels.
func CheckPixels(r io.Reader, width, height int) error {
	head, err := png.DecodeConfig(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPixels, err)
	}
	if head.Width != width || head.Height != height {
		return fmt.Errorf("%w: %dx%d pixels, want %dx%d", ErrPixels, head.Width, head.Height, width, height)
	}
	return nil
}

// DecodePixels gives the first one or three channels of a PNG file of that size, packed row by row. Errors wrap ErrPixels.
func DecodePixels(r io.ReadSeeker, width, height, channels int) ([]byte, error) {
	if err := CheckPixels(r, width, height); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewinding picture: %w", err)
	}
	picture, err := png.Decode(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPixels, err)
	}
	return pack(picture, channels), nil
}

// pack gives the first channels of a picture row by row. What EncodePixels has written has one of the first two forms, which need no conversion.
func pack(picture image.Image, channels int) []byte {
	bounds := picture.Bounds()
	out := make([]byte, 0, channels*bounds.Dx()*bounds.Dy())
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			var p [3]byte
			switch m := picture.(type) {
			case *image.Gray:
				level := m.GrayAt(x, y).Y
				p = [3]byte{level, level, level}
			case *image.RGBA:
				c := m.RGBAAt(x, y)
				p = [3]byte{c.R, c.G, c.B}
			default:
				r, g, b, _ := picture.At(x, y).RGBA()
				p = [3]byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}
			}
			out = append(out, p[:channels]...)
		}
	}
	return out
}
