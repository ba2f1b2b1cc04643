package datatest_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/report"
)

// pngHeader is a PNG that claims a size and holds nothing.
func pngHeader(w, h uint32) []byte {
	chunk := func(kind string, body []byte) []byte {
		typed := append([]byte(kind), body...)
		out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		return binary.BigEndian.AppendUint32(append(out, typed...), crc32.ChecksumIEEE(typed))
	}
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return append(append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(ihdr, 8, 2, 0, 0, 0))...), chunk("IEND", nil)...)
}

func encoded(t *testing.T, asJPEG bool) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 48, 64))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	var out bytes.Buffer
	var err error
	if asJPEG {
		err = jpeg.Encode(&out, img, nil)
	} else {
		err = png.Encode(&out, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAHostilePictureIsAnOffenderOfItsCheckAndNothingElseBreaks is items 13 and 14 of the hostile inputs for files of a dataset.
func TestAHostilePictureIsAnOffenderOfItsCheckAndNothingElseBreaks(t *testing.T) {
	scan := []byte("\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00")
	tests := map[string]struct {
		body  []byte
		check string
		want  string
	}{
		"a PNG of 50,000 squared":     {pngHeader(50_000, 50_000), "decode-and-digest", "50000x50000"},
		"a PNG of 2^31 squared":       {pngHeader(1<<31-1, 1<<31-1), "decode-and-digest", ""},
		"a PNG of no pixels":          {pngHeader(0, 0), "decode-and-digest", ""},
		"a JPEG of 65,500 squared":    {[]byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xdc\xff\xdc\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"), "decode-and-digest", "65500x65500"},
		"a scan bomb":                 {append([]byte("\xff\xd8"), bytes.Repeat(scan, 10_000)...), "decode-and-digest", "scans"},
		"an empty file":               {nil, "decode-and-digest", "neither PNG nor JPEG"},
		"words":                       {[]byte("<html>404 not found</html>"), "decode-and-digest", "neither PNG nor JPEG"},
		"a GIF":                       {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00;"), "decode-and-digest", "neither PNG nor JPEG"},
		"a JPEG by the name of a PNG": {encoded(t, true), "decode-and-digest", "holds jpeg"},
	}
	s := draw(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := "train/image/000002_00.png"
			if err := os.WriteFile(filepath.Join(s.dir, path), tt.body, 0o644); err != nil {
				t.Fatal(err)
			}
			full := s.test(t)
			r := find(t, full, tt.check)
			if full.Verdict != report.Failed || r.Offenders != 1 || r.Named[0].Path != path || !strings.Contains(r.Named[0].Detail, tt.want) {
				t.Errorf("verdict %s, %d offenders %v, want %s with %q", full.Verdict, r.Offenders, r.Named, path, tt.want)
			}
			for _, other := range full.Checks {
				if other.Verdict == report.Errored {
					t.Errorf("%s could not be measured: %s", other.Name, other.Note)
				}
			}
		})
	}
}

func TestAPhotographCutOffAnywhereIsAnOffender(t *testing.T) {
	s := draw(t)
	path := filepath.Join(s.dir, "train/image/000002_00.png")
	whole := encoded(t, false)
	for _, keep := range []int{1, 8, 20, 33, 60, len(whole) / 4, len(whole) / 2, len(whole) - 13} {
		if err := os.WriteFile(path, whole[:keep], 0o644); err != nil {
			t.Fatal(err)
		}
		if r := find(t, s.test(t), "decode-and-digest"); r.Offenders != 1 {
			t.Errorf("cut to %d of %d bytes: %d offenders", keep, len(whole), r.Offenders)
		}
	}
}

// TestAHostilePoseIsAnOffenderOfThePoseCheck is the part of item 16 that is about documents.
func TestAHostilePoseIsAnOffenderOfThePoseCheck(t *testing.T) {
	numbers := func(n int, v string) string { return strings.TrimSuffix(strings.Repeat(v+",", n), ",") }
	person := func(key, values string) string { return `{"people":[{"` + key + `":[` + values + `]}]}` }
	tests := map[string]string{
		"nobody":                   `{"people":[]}`,
		"no people at all":         `{}`,
		"two persons":              `{"people":[{"pose_keypoints_2d":[` + numbers(75, "1") + `]},{"pose_keypoints_2d":[` + numbers(75, "1") + `]}]}`,
		"18 joints":                person("pose_keypoints_2d", numbers(54, "1")),
		"the key of old documents": person("pose_keypoints", numbers(75, "1")),
		"NaN":                      person("pose_keypoints_2d", numbers(74, "1")+",NaN"),
		"Infinity":                 person("pose_keypoints_2d", numbers(74, "1")+",Infinity"),
		"1e308":                    person("pose_keypoints_2d", numbers(72, "1")+",1e308,1e308,1"),
		"1e999":                    person("pose_keypoints_2d", numbers(74, "1")+",1e999"),
		"words for numbers":        person("pose_keypoints_2d", numbers(75, `"1"`)),
		"a joint far outside":      person("pose_keypoints_2d", numbers(72, "1")+",5000,20,0.9"),
		"a depth of 100,000":       strings.Repeat(`{"people":`, 100_000),
		"10 MB of blanks":          strings.Repeat(" ", 10<<20) + `{"people":[]}`,
		"an empty document":        ``,
		"no UTF-8":                 "\xff\xfe",
	}
	s := draw(t)
	path := filepath.Join(s.dir, "train/openpose_json/000003_00_keypoints.json")
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
				t.Fatal(err)
			}
			full := s.test(t)
			r := find(t, full, "pose-one-person")
			if full.Verdict != report.Failed || r.Offenders != 1 || len(failing(full)) != 1 {
				t.Errorf("verdict %s, %d offenders, failing %v", full.Verdict, r.Offenders, failing(full))
			}
		})
	}
}
