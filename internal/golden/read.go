package golden

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Set is an open golden set whose pictures are read one request at a time.
type Set struct {
	Index     Index
	Signature oip.Signature
	root      *os.Root
}

// Open reads the index in dir and learns the pictures' size from the first person. Errors that wrap ErrBadSet are the set's fault.
func Open(dir string) (*Set, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening golden set: %w", err)
	}
	s := &Set{root: root}
	if err := s.open(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return s, nil
}

func (s *Set) open() (err error) {
	if s.Index, err = readIndex(s.root); err != nil {
		return err
	}
	f, err := s.root.Open(s.Index.Requests[0].Person)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	defer func() { _ = f.Close() }()
	head, err := png.DecodeConfig(io.LimitReader(f, maxPicture))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	s.Signature = oip.NewSignature(head.Height, head.Width)
	if err := s.Signature.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	return nil
}

// Close ends reading.
func (s *Set) Close() error { return s.root.Close() }

// Read decodes request i with its answer.
func (s *Set) Read(i int) (Recorded, error) {
	r := s.Index.Requests[i]
	out := Recorded{Name: r.Name}
	for k, into := range []*[]byte{
		&out.In.Person, &out.In.Garment, &out.In.GarmentMask, &out.Out.Image, &out.Out.WarpedMask, &out.Out.CompositeMask,
	} {
		channels := 3
		if k == 2 || k > 3 {
			channels = 1
		}
		var err error
		if *into, err = s.pixels(r.files()[k], channels); err != nil {
			return Recorded{}, fmt.Errorf("golden request %.40q: %w", r.Name, err)
		}
	}
	return out, nil
}

// pixels decodes one picture into bytes row by row.
func (s *Set) pixels(name string, channels int) ([]byte, error) {
	if err := checkPicture(s.root, name, s.Signature); err != nil {
		return nil, err
	}
	f, err := s.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	defer func() { _ = f.Close() }()
	picture, err := png.Decode(io.LimitReader(f, maxPicture))
	if err != nil {
		return nil, fmt.Errorf("%w: %.80q: %w", ErrBadSet, name, err)
	}
	return pack(picture, channels), nil
}

// pack gives the first channels of a picture row by row. What Write has written has one of the first two forms, which need no conversion.
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

// Input names what was asked: the digest of the size and of the pixels of person, garment and mask. Two sets that hold the same input
// hold two answers to one request.
func (s *Set) Input(in oip.TryOn) string {
	sum := sha256.New()
	size := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, uint32(s.Signature.Height)), uint32(s.Signature.Width))
	for _, part := range [][]byte{size, in.Person, in.Garment, in.GarmentMask} {
		_, _ = sum.Write(part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
