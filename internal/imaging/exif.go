package imaging

import (
	"bytes"
	"encoding/binary"
	"image"
)

// jpegInfo is what a JPEG's markers say.
type jpegInfo struct {
	// orientation is EXIF's, 1 when there is none; scans are counted up to one more than asked for.
	orientation, scans int
	frame              jpegFrame
}

// walkJPEG reads a JPEG's markers, up to one scan more than most.
func walkJPEG(data []byte, most int) jpegInfo {
	info := jpegInfo{orientation: 1}
	for at := 2; info.scans <= most; {
		marker, body, next := nextSegment(data, at)
		switch {
		case next < 0:
			return info
		case marker == 0xda:
			info.scans++
		case marker >= 0xc0 && marker <= 0xc2 && info.frame.components == nil:
			info.frame = readFrame(marker, body)
		case marker == 0xe1 && info.orientation == 1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			info.orientation = tiffOrientation(body[6:])
		}
		at = next
	}
	return info
}

// nextSegment finds the next marker with a length, from at on, skipping entropy-coded bytes and markers that stand alone.
// next is where the one after it begins, -1 at the end of the picture or of the data.
func nextSegment(data []byte, at int) (marker byte, body []byte, next int) {
	for at+4 <= len(data) {
		skip := bytes.IndexByte(data[at:], 0xff)
		if skip < 0 || at+skip+4 > len(data) {
			break
		}
		at += skip
		switch marker = data[at+1]; {
		case marker == 0xff:
			at++
			continue
		case marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8):
			at += 2
			continue
		case marker == 0xd9:
			return marker, nil, -1
		}
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if end < at+4 || end > len(data) {
			break
		}
		return marker, data[at+4 : end], end
	}
	return 0, nil, -1
}

// tiffOrientation reads tag 0x0112 of the first IFD; other IFDs are never followed, so no loop is possible.
func tiffOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(tiff[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	start := int64(order.Uint32(tiff[4:]))
	if start+2 > int64(len(tiff)) {
		return 1
	}
	entries := int64(order.Uint16(tiff[start:]))
	for i := range entries {
		at := start + 2 + i*12
		if at+12 > int64(len(tiff)) {
			return 1
		}
		if order.Uint16(tiff[at:]) != 0x0112 {
			continue
		}
		if v := int(order.Uint16(tiff[at+8:])); order.Uint16(tiff[at+2:]) == 3 && v >= 1 && v <= 8 {
			return v
		}
		return 1
	}
	return 1
}

// Upright turns a picture as EXIF's orientation 1..8 asks; 1 gives the picture itself.
func Upright(src *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	dw, dh := w, h
	if orientation >= 5 {
		dw, dh = h, w
	}
	dst := image.NewRGBA(image.Rect(0, 0, dw, dh))
	for y := range h {
		for x := range w {
			dx, dy := turned(x, y, w, h, orientation)
			copy(dst.Pix[dy*dst.Stride+dx*4:][:4], src.Pix[y*src.Stride+x*4:][:4])
		}
	}
	return dst
}

// turned says where the stored pixel x,y of a w by h picture belongs.
func turned(x, y, w, h, orientation int) (dx, dy int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	default: // 8
		return y, w - 1 - x
	}
}
