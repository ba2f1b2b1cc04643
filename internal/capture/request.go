package capture

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"time"

	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/strict"
)

// Schema of capture.json.
const Schema = "tryon.capture/v1"

const (
	// maxFile bounds a file in the folder; maxPicture and maxNotes a picture and the document in it, unpacked.
	maxFile    = 96 << 20
	maxPicture = 32 << 20
	maxNotes   = 16 << 10
	// maxEntries is what a request has: a document, four pictures and the candidate's.
	maxEntries = 6
)

// ErrBadFile says that a file of the folder is no captured request.
var ErrBadFile = errors.New("not a captured request")

// Request is a try-on that was answered.
type Request struct {
	// TakenAt is when it was answered.
	TakenAt time.Time
	// Version is the name of the TryOnModelVersion that answered, Signature its model's resolution.
	Version   string
	Signature oip.Signature
	// In is what the model was asked, In.Parameters without what is not a seed.
	In oip.TryOn
	// Image is the model's picture, packed RGB of the signature's size.
	Image []byte
	// Compared is what another version made of it; nil when none was asked.
	Compared *Compared
}

// Compared is the other side of a pair.
type Compared struct {
	// Epoch names the judgement, Version the candidate.
	Epoch   string
	Version string
	// Image is the candidate's picture; nil when it did not answer.
	Image []byte
	// Garment and Outside are how far the pictures are apart inside the garments and elsewhere, 0..1.
	Garment, Outside float64
	// Replayed tells that a replay asked both versions; otherwise a shadow did, and has counted the pair.
	Replayed bool
}

// notes is capture.json.
type notes struct {
	Schema  string    `json:"schema"`
	TakenAt time.Time `json:"takenAt"`
	Version string    `json:"version"`
	Height  int       `json:"height"`
	Width   int       `json:"width"`
	// Seed is absent when the shopper gave none.
	Seed     *int64         `json:"seed,omitempty"`
	Compared *comparedNotes `json:"compared,omitempty"`
}

type comparedNotes struct {
	Epoch    string  `json:"epoch"`
	Version  string  `json:"version"`
	Answered bool    `json:"answered"`
	Garment  float64 `json:"garment"`
	Outside  float64 `json:"outside"`
	Replayed bool    `json:"replayed"`
}

const (
	notesName     = "capture.json"
	candidateName = "candidate.png"
)

// picture is one picture of a request and its name in the archive.
type picture struct {
	name     string
	channels int
	pixels   *[]byte
}

// pictures of a request; the candidate's is there when a pair has one.
func (r *Request) pictures() []picture {
	all := []picture{
		{"person.png", 3, &r.In.Person}, {"garment.png", 3, &r.In.Garment}, {"garment-mask.png", 1, &r.In.GarmentMask}, {"image.png", 3, &r.Image},
	}
	if r.Compared != nil && r.Compared.Image != nil {
		all = append(all, picture{candidateName, 3, &r.Compared.Image})
	}
	return all
}

// encode gives the file. Pictures are lossless: what is put again must be what was asked.
func (r *Request) encode() ([]byte, error) {
	n := notes{Schema: Schema, TakenAt: r.TakenAt.UTC(), Version: r.Version, Height: r.Signature.Height, Width: r.Signature.Width}
	if seed, ok := r.In.Parameters["seed"].(int64); ok {
		n.Seed = &seed
	}
	if c := r.Compared; c != nil {
		n.Compared = &comparedNotes{Epoch: c.Epoch, Version: c.Version, Answered: c.Image != nil, Garment: c.Garment, Outside: c.Outside, Replayed: c.Replayed}
	}
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("encoding captured request: %w", err)
	}
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	err = store(archive, notesName, n.TakenAt, body)
	for _, p := range r.pictures() {
		if err != nil {
			break
		}
		if len(*p.pixels) != p.channels*n.Height*n.Width {
			return nil, fmt.Errorf("%w: %s has %d bytes", ErrBadFile, p.name, len(*p.pixels))
		}
		if body, err = imaging.EncodePixels(n.Width, n.Height, *p.pixels, png.BestSpeed); err == nil {
			err = store(archive, p.name, n.TakenAt, body)
		}
	}
	if err = errors.Join(err, archive.Close()); err != nil {
		return nil, fmt.Errorf("encoding captured request: %w", err)
	}
	return out.Bytes(), nil
}

// store adds an entry as it is: a PNG does not get smaller. Without a time it would be unpacked as one of 1979.
func store(archive *zip.Writer, name string, at time.Time, body []byte) error {
	w, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: at})
	if err == nil {
		_, err = w.Write(body)
	}
	return err
}

// decode reads a file. Errors wrap ErrBadFile.
func decode(body []byte) (Request, error) {
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrBadFile, err)
	}
	if len(archive.File) > maxEntries {
		return Request{}, fmt.Errorf("%w: %d entries, want at most %d", ErrBadFile, len(archive.File), maxEntries)
	}
	r, err := readNotes(archive)
	if err != nil {
		return Request{}, err
	}
	for _, p := range r.pictures() {
		raw, err := entry(archive, p.name, maxPicture)
		if err != nil {
			return Request{}, err
		}
		if *p.pixels, err = imaging.DecodePixels(bytes.NewReader(raw), r.Signature.Width, r.Signature.Height, p.channels); err != nil {
			return Request{}, fmt.Errorf("%w: %s: %w", ErrBadFile, p.name, err)
		}
	}
	return r, nil
}

// readNotes gives the request without its pictures; a candidate's that is promised is empty and not nil.
func readNotes(archive *zip.Reader) (Request, error) {
	body, err := entry(archive, notesName, maxNotes)
	if err != nil {
		return Request{}, err
	}
	var n notes
	if err := strict.Decode(body, maxNotes, &n); err != nil {
		return Request{}, fmt.Errorf("%w: %s: %w", ErrBadFile, notesName, err)
	}
	if n.Schema != Schema {
		return Request{}, fmt.Errorf("%w: schema is %.40q, want %q", ErrBadFile, n.Schema, Schema)
	}
	r := Request{TakenAt: n.TakenAt, Version: n.Version, Signature: oip.NewSignature(n.Height, n.Width)}
	if err := r.Signature.Check(); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrBadFile, err)
	}
	if n.Seed != nil {
		r.In.Parameters = map[string]any{"seed": *n.Seed}
	}
	if c := n.Compared; c != nil {
		if !(c.Garment >= 0 && c.Garment <= 1 && c.Outside >= 0 && c.Outside <= 1) {
			return Request{}, fmt.Errorf("%w: the pictures are %g and %g apart, want 0..1", ErrBadFile, c.Garment, c.Outside)
		}
		r.Compared = &Compared{Epoch: c.Epoch, Version: c.Version, Garment: c.Garment, Outside: c.Outside, Replayed: c.Replayed}
		if c.Answered {
			r.Compared.Image = []byte{}
		}
	}
	return r, nil
}

func entry(archive *zip.Reader, name string, limit int64) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadFile, err)
	}
	defer func() { _ = f.Close() }()
	// The size in the archive's directory is a claim.
	body, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBadFile, name, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrBadFile, name, limit)
	}
	return body, nil
}
