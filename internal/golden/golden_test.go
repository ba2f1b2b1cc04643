package golden_test

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
)

func level(n int, v byte) []byte { return bytes.Repeat([]byte{v}, n) }

func recorded(s oip.Signature) []golden.Recorded {
	n := s.Height * s.Width
	return []golden.Recorded{{
		Name: "a__b",
		In:   oip.TryOn{Person: level(3*n, 10), Garment: level(3*n, 20), GarmentMask: level(n, 255)},
		Out:  oip.Result{Image: level(3*n, 30), WarpedMask: level(n, 0), CompositeMask: level(n, 128)},
	}}
}

func TestAWrittenSetIsAccepted(t *testing.T) {
	s, dir := oip.NewSignature(16, 12), t.TempDir()
	if err := golden.Write(dir, s, recorded(s)); err != nil {
		t.Fatal(err)
	}
	index, err := golden.Check(dir, s)
	if err != nil || len(index.Requests) != 1 || index.Tolerance != golden.Tolerance || index.Requests[0].Name != "a__b" {
		t.Fatalf("Check = %+v, %v", index, err)
	}
	f, err := os.Open(filepath.Join(dir, index.Requests[0].Image))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, a := picture.At(3, 4).RGBA(); r>>8 != 30 || g>>8 != 30 || b>>8 != 30 || a>>8 != 255 {
		t.Errorf("pixel = %d %d %d %d", r>>8, g>>8, b>>8, a>>8)
	}
}

func TestBadSetsAreRefused(t *testing.T) {
	s := oip.NewSignature(16, 12)
	cases := map[string]func(dir string) error{
		"no index":        func(dir string) error { return os.Remove(filepath.Join(dir, "index.json")) },
		"missing picture": func(dir string) error { return os.Remove(filepath.Join(dir, "00-image.png")) },
		"cut picture":     func(dir string) error { return os.Truncate(filepath.Join(dir, "00-image.png"), 20) },
		"no requests": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"schema":"tryon.golden/v1","tolerance":2,"requests":[]}`), 0o644)
		},
		"tolerance of everything": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"schema":"tryon.golden/v1","tolerance":255,"requests":[{}]}`), 0o644)
		},
		"two indexes in one file": func(dir string) error {
			return appendTo(filepath.Join(dir, "index.json"), []byte(`{}`))
		},
		"an index without end": func(dir string) error {
			return appendTo(filepath.Join(dir, "index.json"), bytes.Repeat([]byte(" "), 1<<20))
		},
		"path outside": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), []byte(`{"schema":"tryon.golden/v1","tolerance":2,"requests":[{"person":"../../etc/passwd"}]}`), 0o644)
		},
	}
	for name, spoil := range cases {
		dir := t.TempDir()
		if err := golden.Write(dir, s, recorded(s)); err != nil {
			t.Fatal(err)
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := golden.Check(dir, s); !errors.Is(err, golden.ErrBadSet) {
			t.Errorf("%s: %v, want ErrBadSet", name, err)
		}
	}
	dir := t.TempDir()
	if err := golden.Write(dir, s, recorded(s)); err != nil {
		t.Fatal(err)
	}
	if _, err := golden.Check(dir, oip.NewSignature(16, 16)); !errors.Is(err, golden.ErrBadSet) {
		t.Errorf("another size: %v, want ErrBadSet", err)
	}
	if err := golden.Write(dir, oip.NewSignature(8, 8), recorded(s)); !errors.Is(err, golden.ErrBadSet) {
		t.Errorf("writing pixels of another size: %v, want ErrBadSet", err)
	}
}

func appendTo(file string, more []byte) error {
	body, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(body, more...), 0o644)
}
