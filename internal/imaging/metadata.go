package imaging

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// PNGOrientation is the EXIF orientation of a PNG's eXIf chunk, 1 when there is none. Decoders ignore it, many viewers do not.
func PNGOrientation(data []byte) int {
	orientation := 1
	pngChunks(data, func(kind string, body []byte) bool {
		if kind == "eXIf" {
			orientation = tiffOrientation(body)
			return false
		}
		return true
	})
	return orientation
}

// pngChunks visits a PNG's chunks up to the first that is cut off, or until visit returns false.
func pngChunks(data []byte, visit func(kind string, body []byte) bool) {
	const signature, overhead = 8, 12
	for at := signature; at+overhead <= len(data); {
		length := int64(binary.BigEndian.Uint32(data[at:]))
		end := int64(at) + overhead + length
		if end > int64(len(data)) {
			return
		}
		if !visit(string(data[at+4:at+8]), data[at+8:end-4]) {
			return
		}
		at = int(end)
	}
}

// ForeignProfile tells whether a picture carries an ICC profile that does not call itself sRGB, and the profile's name where
// the file gives one in clear.
func ForeignProfile(data []byte) (name string, foreign bool) {
	if bytes.HasPrefix(data, []byte("\xff\xd8")) {
		return foreignJPEG(data)
	}
	pngChunks(data, func(kind string, body []byte) bool {
		if kind != "iCCP" {
			return kind != "IDAT"
		}
		label, _, _ := bytes.Cut(body[:min(len(body), 80)], []byte{0})
		name = string(label)
		foreign = !strings.Contains(strings.ToLower(name), "srgb")
		return false
	})
	return name, foreign
}

// foreignJPEG looks into the first ICC segment, which holds the description near its start.
func foreignJPEG(data []byte) (string, bool) {
	marker := []byte("ICC_PROFILE\x00")
	for at := 2; at+4 <= len(data) && data[at] == 0xff && data[at+1] != 0xda; {
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if end > len(data) || end < at+4 {
			return "", false
		}
		segment := data[at+4 : end]
		if data[at+1] == 0xe2 && bytes.HasPrefix(segment, marker) {
			// Names are ASCII in version 2 profiles and UTF-16 in version 4.
			plain := bytes.ReplaceAll(segment, []byte{0}, nil)
			return "embedded in JPEG", !bytes.Contains(bytes.ToLower(plain), []byte("srgb"))
		}
		at = end
	}
	return "", false
}
