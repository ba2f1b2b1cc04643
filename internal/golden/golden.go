package golden

import (
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/strict"
)

// Schema of index.json.
const Schema = "tryon.golden/v1"

// Tolerance is the largest difference of a level between runtimes that answer alike: rounding differs between CPUs.
const Tolerance = 2

const (
	indexName    = "index.json"
	maxIndex     = 1 << 20
	maxRequests  = 64
	maxPicture   = 32 << 20
	maxTolerance = 8
)

// ErrBadSet says that a folder is not a set of golden requests for a signature.
var ErrBadSet = errors.New("bad golden set")

// Index is index.json of a golden set.
type Index struct {
	Schema string `json:"schema"`
	// Tolerance is the largest difference of a level that counts as equal.
	Tolerance int       `json:"tolerance"`
	Requests  []Request `json:"requests"`
}

// Request names the pictures of one golden request, all PNG of the model's size.
type Request struct {
	Name          string `json:"name"`
	Person        string `json:"person"`
	Garment       string `json:"garment"`
	GarmentMask   string `json:"garmentMask"`
	Image         string `json:"image"`
	WarpedMask    string `json:"warpedMask"`
	CompositeMask string `json:"compositeMask"`
}

func (r Request) files() []string {
	return []string{r.Person, r.Garment, r.GarmentMask, r.Image, r.WarpedMask, r.CompositeMask}
}

// Recorded is one request with its answer, pixels row by row.
type Recorded struct {
	Name string
	In   oip.TryOn
	Out  oip.Result
}

// Write makes a golden set in dir, which exists.
func Write(dir string, s oip.Signature, recorded []Recorded) error {
	index := Index{Schema: Schema, Tolerance: Tolerance, Requests: []Request{}}
	for i, r := range recorded {
		base := fmt.Sprintf("%02d-", i)
		request := Request{
			Name: r.Name, Person: base + "person.png", Garment: base + "garment.png", GarmentMask: base + "garment-mask.png",
			Image: base + "image.png", WarpedMask: base + "warped-mask.png", CompositeMask: base + "composite-mask.png",
		}
		pixels := [][]byte{r.In.Person, r.In.Garment, r.In.GarmentMask, r.Out.Image, r.Out.WarpedMask, r.Out.CompositeMask}
		for k, name := range request.files() {
			if err := writePicture(filepath.Join(dir, name), s, pixels[k]); err != nil {
				return err
			}
		}
		index.Requests = append(index.Requests, request)
	}
	body, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("encoding golden index: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, indexName), append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing golden index: %w", err)
	}
	return nil
}

func writePicture(path string, s oip.Signature, pixels []byte) error {
	body, err := imaging.EncodePixels(s.Width, s.Height, pixels, png.DefaultCompression)
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", ErrBadSet, filepath.Base(path), err)
	}
	if err := os.WriteFile(path, body, 0o644); err != nil {
		return fmt.Errorf("writing golden picture: %w", err)
	}
	return nil
}

// Check reads the index in dir and looks at every picture's head. Errors that wrap ErrBadSet are the set's fault.
func Check(dir string, s oip.Signature) (Index, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Index{}, fmt.Errorf("opening golden set: %w", err)
	}
	defer func() { _ = root.Close() }()
	index, err := readIndex(root)
	if err != nil {
		return Index{}, err
	}
	for _, r := range index.Requests {
		for _, name := range r.files() {
			if err := checkPicture(root, name, s); err != nil {
				return Index{}, fmt.Errorf("golden request %.40q: %w", r.Name, err)
			}
		}
	}
	return index, nil
}

func readIndex(root *os.Root) (Index, error) {
	var index Index
	f, err := root.Open(indexName)
	if err != nil {
		return index, fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err != nil {
		return index, fmt.Errorf("reading golden index: %w", err)
	}
	if err := strict.Decode(body, maxIndex, &index); err != nil {
		return index, fmt.Errorf("%w: reading index: %w", ErrBadSet, err)
	}
	switch {
	case index.Schema != Schema:
		return index, fmt.Errorf("%w: schema is %.40q, want %q", ErrBadSet, index.Schema, Schema)
	case len(index.Requests) == 0 || len(index.Requests) > maxRequests:
		return index, fmt.Errorf("%w: %d requests, want 1..%d", ErrBadSet, len(index.Requests), maxRequests)
	case index.Tolerance < 0 || index.Tolerance > maxTolerance:
		return index, fmt.Errorf("%w: tolerance is %d, want 0..%d", ErrBadSet, index.Tolerance, maxTolerance)
	}
	return index, nil
}

func checkPicture(root *os.Root, name string, s oip.Signature) error {
	f, err := root.Open(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadSet, err)
	}
	defer func() { _ = f.Close() }()
	if err := imaging.CheckPixels(io.LimitReader(f, maxPicture), s.Width, s.Height); err != nil {
		return fmt.Errorf("%w: %.80q: %w", ErrBadSet, name, err)
	}
	return nil
}
