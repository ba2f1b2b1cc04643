package synth

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"

	"github.com/braincreators/tryon-operator/internal/synth/drape"
	"github.com/braincreators/tryon-operator/internal/synth/draw"
	"github.com/braincreators/tryon-operator/internal/synth/garment"
	"github.com/braincreators/tryon-operator/internal/synth/person"
)

// Splits of a dataset.
const (
	splitTrain = "train"
	splitTest  = "test"
)

// stem names a row. The test split has numbers of its own, so that no name says that a person is in both.
func stem(split string, index int) string {
	if split == splitTest {
		index += 500_000
	}
	return fmt.Sprintf("%06d_00", index)
}

// artist renders rows with one set of buffers.
type artist struct {
	options *Options
	root    string
	canvas  *draw.Canvas
	encoder png.Encoder
	buffer  bytes.Buffer
}

func newArtist(o *Options, root string) *artist {
	return &artist{
		options: o, root: root, canvas: draw.NewCanvas(o.Width, o.Height),
		encoder: png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &onePNGBuffer{}},
	}
}

// onePNGBuffer lets one artist's encoder keep its scratch memory.
type onePNGBuffer struct{ kept *png.EncoderBuffer }

func (p *onePNGBuffer) Get() *png.EncoderBuffer  { return p.kept }
func (p *onePNGBuffer) Put(b *png.EncoderBuffer) { p.kept = b }

// job is one row, with the other garment that a test row is also shown in; other is negative for none.
type job struct {
	split string
	index int
	other int
}

// render writes every file of a row.
func (a *artist) render(j job) error {
	seed := a.options.Seed
	name := stem(j.split, j.index)
	model, worn := person.Make(seed, j.split, j.index), garment.Make(seed, j.split, j.index)
	drape.Worn(a.canvas, model, worn)
	photo, labels := a.canvas.Picture(), a.canvas.Labels()
	pose, err := poseJSON(a.canvas, model.Keypoints())
	if err != nil {
		return err
	}
	if err := a.put(filepath.Join(j.split, "openpose_json", name+"_keypoints.json"), pose); err != nil {
		return err
	}
	drape.Flat(a.canvas, worn, float64(a.options.Width)/float64(a.options.Height))
	pictures := []struct {
		folder string
		image  image.Image
		exact  bool
	}{
		{"image", photo, false},
		{"image-parse-v3", parseMap(labels, a.options.Width), true},
		{"agnostic-v3.2", agnostic(photo, labels), false},
		{"cloth", a.canvas.Picture(), false},
		{"cloth-mask", garmentMask(a.canvas.Labels(), a.options.Width), true},
	}
	for _, p := range pictures {
		if err := a.picture(filepath.Join(j.split, p.folder, name), p.image, p.exact); err != nil {
			return err
		}
	}
	if j.other >= 0 {
		return a.truth(j, model)
	}
	return nil
}

// truth shows the same person in the other garment.
func (a *artist) truth(j job, model *person.Person) error {
	drape.Worn(a.canvas, model, garment.Make(a.options.Seed, j.split, j.other))
	name := stem(j.split, j.index) + "__" + stem(j.split, j.other)
	if err := a.picture(filepath.Join(j.split, "truth", name), a.canvas.Picture(), true); err != nil {
		return err
	}
	return a.picture(filepath.Join(j.split, "truth-parse", name), parseMap(a.canvas.Labels(), a.options.Width), true)
}

// picture writes an image without extension given; exact ones are always PNG.
func (a *artist) picture(path string, img image.Image, exact bool) error {
	a.buffer.Reset()
	if a.options.Photo == PhotoJPEG && !exact {
		if err := jpeg.Encode(&a.buffer, img, &jpeg.Options{Quality: 95}); err != nil {
			return fmt.Errorf("encoding %s: %w", path, err)
		}
		return a.put(path+".jpg", a.buffer.Bytes())
	}
	if err := a.encoder.Encode(&a.buffer, img); err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return a.put(path+".png", a.buffer.Bytes())
}

func (a *artist) put(path string, body []byte) error {
	if err := os.WriteFile(filepath.Join(a.root, path), body, 0o644); err != nil {
		return fmt.Errorf("writing dataset file: %w", err)
	}
	return nil
}
