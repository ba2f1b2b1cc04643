package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"testing"

	"github.com/braincreators/tryon-operator/internal/imaging"
)

func pngBytes(t *testing.T, w, h int) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheMemoryOfPicturesIsGivenBackHoweverDecodingEnds(t *testing.T) {
	const memory = 2 << 20
	type decode = func([]byte, imaging.PhotoLimits) (*image.RGBA, imaging.PhotoInfo, error)
	tests := map[string]decode{
		"decoded": imaging.DecodePhoto,
		"refused": func([]byte, imaging.PhotoLimits) (*image.RGBA, imaging.PhotoInfo, error) {
			return nil, imaging.PhotoInfo{}, imaging.ErrDamaged
		},
		"a panic": func([]byte, imaging.PhotoLimits) (*image.RGBA, imaging.PhotoInfo, error) { panic("index out of range") },
	}
	file := pngBytes(t, 40, 40)
	for name, how := range tests {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(imaging.PhotoLimits{}, memory)
			d.decode = how
			func() {
				defer func() { _ = recover() }()
				if _, free, err := d.Decode(context.Background(), Files{Person: file, Garment: file}); err == nil {
					if d.memory.TryAcquire(memory) {
						t.Error("no memory is reserved for decoded pictures")
					}
					free()
				}
			}()
			if !d.memory.TryAcquire(memory) {
				t.Error("memory is still reserved")
			}
		})
	}
}

func TestPicturesWaitForMemoryNoLongerThanTheirRequest(t *testing.T) {
	d := NewDecoder(imaging.PhotoLimits{}, 250_000)
	file := pngBytes(t, 60, 60)
	_, free, err := d.Decode(t.Context(), Files{Person: file})
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := d.Decode(gone, Files{Person: file}); !errors.Is(err, ErrNoMemory) {
		t.Errorf("%v, want one that wraps %v", err, ErrNoMemory)
	}
	free()
	if _, _, err := d.Decode(t.Context(), Files{Person: file}); err != nil {
		t.Errorf("after it was given back: %v", err)
	}
	if _, _, err := d.Decode(t.Context(), Files{Person: pngBytes(t, 600, 600)}); !errors.Is(err, ErrTooMuchMemory) {
		t.Errorf("%v, want one that wraps %v", err, ErrTooMuchMemory)
	}
}
