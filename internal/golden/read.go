package golden

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"image/png"
	"io"
	"os"

	"github.com/braincreators/tryon-operator/internal/imaging"
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
	f, err := s.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	defer func() { _ = f.Close() }()
	out, err := imaging.DecodePixels(io.NewSectionReader(f, 0, maxPicture), s.Signature.Width, s.Signature.Height, channels)
	if err != nil {
		return nil, fmt.Errorf("%w: %.80q: %w", ErrBadSet, name, err)
	}
	return out, nil
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
