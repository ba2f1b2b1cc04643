package imaging

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"runtime"
	"testing"
)

// plainJPEG describes a grey JPEG in which every block is one zero bit a table: a small file of any size in pixels.
type plainJPEG struct {
	progressive bool
	// sampling factors of the components, as the header has them: 0x22 is two across and two down.
	sampling []byte
	// adobe is the transform of the Adobe segment; negative for a JFIF segment instead.
	adobe       int
	orientation uint16
}

func (p plainJPEG) encode(width, height int) []byte {
	out := []byte{0xff, 0xd8}
	segment := func(marker byte, body ...byte) {
		out = append(binary.BigEndian.AppendUint16(append(out, 0xff, marker), uint16(len(body)+2)), body...)
	}
	if p.adobe < 0 {
		segment(0xe0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")...)
	} else {
		segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), byte(p.adobe))...)
	}
	if p.orientation > 0 {
		segment(0xe1, append([]byte("Exif\x00\x00"), tiff(binary.BigEndian, "MM", p.orientation)...)...)
	}
	segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...)...)
	frame := binary.BigEndian.AppendUint16([]byte{8}, uint16(height))
	frame = append(binary.BigEndian.AppendUint16(frame, uint16(width)), byte(len(p.sampling)))
	scan := []byte{byte(len(p.sampling))}
	for i, factors := range p.sampling {
		frame = append(frame, byte(i+1), factors, 0)
		scan = append(scan, byte(i+1), 0)
	}
	marker, bits := byte(0xc0), int64(2)
	scan = append(scan, 0, 63, 0)
	if p.progressive {
		// Only the mean of each block is sent: one bit each.
		marker, bits = 0xc2, 1
		scan[len(scan)-2] = 0
	}
	segment(marker, frame...)
	for _, class := range []byte{0x00, 0x10} {
		table := append([]byte{class, 1}, make([]byte, 15)...)
		segment(0xc4, append(table, 0)...)
	}
	segment(0xda, scan...)
	blocks := readFrame(marker, frame).samples(width, height) / 64
	out = append(out, make([]byte, (blocks*bits+7)/8)...)
	return append(out, 0xff, 0xd9)
}

// takes gives what decoding allocates in all, as if nothing were collected meanwhile.
func takes(t *testing.T, data []byte) (int64, PhotoInfo) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, info, err := DecodePhoto(data, PhotoLimits{})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	return int64(after.TotalAlloc - before.TotalAlloc), info
}

// checkMemory holds that what is reserved for a picture is enough, and not far more than enough.
func checkMemory(t *testing.T, data []byte, most float64) {
	t.Helper()
	taken, info := takes(t, data)
	reserved := info.Memory()
	t.Logf("%.1f bytes a pixel taken, %.1f reserved", float64(taken)/float64(info.pixels()), float64(reserved)/float64(info.pixels()))
	if reserved < taken || float64(reserved) > most*float64(taken) {
		t.Errorf("%d bytes are reserved for %d, want as many and at most %.1f times as many", reserved, taken, most)
	}
}

func TestTheMemoryOfAJPEGIsWhatItsDecoderTakes(t *testing.T) {
	const jfif = -1
	for name, p := range map[string]plainJPEG{
		"grey":        {sampling: []byte{0x11}, adobe: jfif},
		"4:4:4":       {sampling: []byte{0x11, 0x11, 0x11}, adobe: jfif},
		"4:4:0":       {sampling: []byte{0x12, 0x11, 0x11}, adobe: jfif},
		"4:2:0":       {sampling: []byte{0x22, 0x11, 0x11}, adobe: jfif},
		"4:1:0":       {sampling: []byte{0x42, 0x11, 0x11}, adobe: jfif},
		"RGB":         {sampling: []byte{0x11, 0x11, 0x11}, adobe: 0},
		"CMYK":        {sampling: []byte{0x11, 0x11, 0x11, 0x11}, adobe: 0},
		"halved CMYK": {sampling: []byte{0x22, 0x11, 0x11, 0x22}, adobe: 0},
		"YCCK":        {sampling: []byte{0x11, 0x11, 0x11, 0x11}, adobe: 2},
	} {
		for _, p.progressive = range []bool{false, true} {
			for _, p.orientation = range []uint16{0, 6} {
				kind := map[bool]string{false: "baseline", true: "progressive in one scan"}[p.progressive]
				t.Run(name+", "+kind+map[bool]string{true: ", turned"}[p.orientation > 0], func(t *testing.T) {
					checkMemory(t, p.encode(900, 700), 1.5)
				})
			}
		}
	}
}

func TestTheMemoryOfAThinJPEGCountsItsWholeUnits(t *testing.T) {
	p := plainJPEG{sampling: []byte{0x42, 0x11, 0x11}, adobe: -1, progressive: true}
	checkMemory(t, p.encode(1, 12_000), 1.5)
	checkMemory(t, p.encode(12_000, 1), 2)
}

func TestTheMemoryOfAPNGIsWhatItsDecoderTakes(t *testing.T) {
	bounds := image.Rect(0, 0, 900, 800)
	deep, soft := image.NewNRGBA64(bounds), image.NewNRGBA(bounds)
	for i := range 900 {
		deep.SetNRGBA64(i, i%800, color.NRGBA64{1, 2, 3, 4})
		soft.SetNRGBA(i, i%800, color.NRGBA{1, 2, 3, 4})
	}
	for name, img := range map[string]image.Image{"deep": deep, "soft": soft, "grey": image.NewGray(bounds), "deep grey": image.NewGray16(bounds), "solid": image.NewRGBA(bounds)} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := png.Encode(&out, img); err != nil {
				t.Fatal(err)
			}
			checkMemory(t, out.Bytes(), 2.1)
		})
	}
}

func TestTheMemoryOfAnInterlacedPNGCountsItsPasses(t *testing.T) {
	const width, height = 900, 800
	// Where each pass of Adam7 begins, and its steps: PNG specification, 8.2.
	passes := [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	for name, pixel := range map[string]struct{ depth, bytes int }{"soft": {8, 4}, "deep": {16, 8}} {
		t.Run(name, func(t *testing.T) {
			var body bytes.Buffer
			packed := zlib.NewWriter(&body)
			for _, p := range passes {
				columns, rows := (width-p[0]+p[2]-1)/p[2], (height-p[1]+p[3]-1)/p[3]
				if _, err := packed.Write(make([]byte, rows*(1+columns*pixel.bytes))); err != nil {
					t.Fatal(err)
				}
			}
			if err := packed.Close(); err != nil {
				t.Fatal(err)
			}
			head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
			file := chunk([]byte("\x89PNG\r\n\x1a\n"), "IHDR", append(head, byte(pixel.depth), 6, 0, 0, 1))
			checkMemory(t, chunk(chunk(file, "IDAT", body.Bytes()), "IEND", nil), 1.5)
		})
	}
}

func chunk(file []byte, kind string, body []byte) []byte {
	file = append(append(binary.BigEndian.AppendUint32(file, uint32(len(body))), kind...), body...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(append([]byte(kind), body...)))
}
