package golden

import (
	"fmt"
	"io"
	"os"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
)

// Read gives the requests of the golden set in dir, with the recorded answers. Errors that wrap ErrBadSet are the set's fault.
func Read(dir string, s oip.Signature) ([]Recorded, error) {
	index, err := Check(dir, s)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening golden requests: %w", err)
	}
	defer func() { _ = root.Close() }()
	all := make([]Recorded, 0, len(index.Requests))
	for _, g := range index.Requests {
		r, err := g.Read(root, s)
		if err != nil {
			return nil, fmt.Errorf("golden request %.40q: %w", g.Name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// Read reads the pictures of one request.
func (r Request) Read(root *os.Root, s oip.Signature) (Recorded, error) {
	var planes [6][]byte
	for i, name := range r.files() {
		channels := 3
		if i == 2 || i > 3 {
			channels = 1
		}
		var err error
		if planes[i], err = readPlanes(root, name, s, channels); err != nil {
			return Recorded{}, err
		}
	}
	return Recorded{
		Name: r.Name, In: oip.TryOn{Person: planes[0], Garment: planes[1], GarmentMask: planes[2]},
		Out: oip.Result{Image: planes[3], WarpedMask: planes[4], CompositeMask: planes[5]},
	}, nil
}

// readPlanes reads a picture of exactly the model's size as packed pixels of 3 channels or 1.
func readPlanes(root *os.Root, name string, s oip.Signature, channels int) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %.80q: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxPicture))
	if err != nil {
		return nil, fmt.Errorf("reading %.80q: %w", name, err)
	}
	img, _, err := imaging.DecodePhoto(body, imaging.PhotoLimits{})
	if err != nil {
		return nil, fmt.Errorf("reading %.80q: %w", name, err)
	}
	if img.Rect.Dx() != s.Width || img.Rect.Dy() != s.Height {
		return nil, fmt.Errorf("%.80q has %dx%d pixels, the model %dx%d", name, img.Rect.Dx(), img.Rect.Dy(), s.Width, s.Height)
	}
	out := make([]byte, 0, s.Width*s.Height*channels)
	for i := 0; i < len(img.Pix); i += 4 {
		out = append(out, img.Pix[i:i+channels]...)
	}
	return out, nil
}
