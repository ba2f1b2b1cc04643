package oip

import (
	"fmt"
	"io"
)

// The serving signature tryon/v1: names of the model and of its tensors.
const (
	// ModelName is the model's name over the protocol.
	ModelName = "tryon"
	// SignatureSchema is the schema of signature.json.
	SignatureSchema = "tryon.signature/v1"
	// SignatureName is the only serving signature there is.
	SignatureName = "tryon/v1"

	// InputPerson is the photo of the person, UINT8 [n,h,w,3].
	InputPerson = "person"
	// InputGarment is the garment's picture, UINT8 [n,h,w,3].
	InputGarment = "garment"
	// InputGarmentMask is 255 where the garment is, UINT8 [n,h,w,1].
	InputGarmentMask = "garment_mask"
	// OutputImage is the person in the garment, UINT8 [n,h,w,3].
	OutputImage = "image"
	// OutputWarpedMask is the warped garment's mask, UINT8 [n,h,w,1].
	OutputWarpedMask = "warped_mask"
	// OutputCompositeMask is how much of the warped garment was taken, UINT8 [n,h,w,1].
	OutputCompositeMask = "composite_mask"
)

// maxSide bounds the network's resolution; larger ones would not fit the body limits anyway.
const maxSide = 4096

// Signature is signature.json: the fixed resolution of a tryon/v1 graph.
type Signature struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	// Height and Width in pixels.
	Height int `json:"height"`
	Width  int `json:"width"`
}

// NewSignature makes a tryon/v1 signature of that resolution.
func NewSignature(height, width int) Signature {
	return Signature{Schema: SignatureSchema, Name: SignatureName, Height: height, Width: width}
}

// ReadSignature decodes signature.json strictly and checks it.
func ReadSignature(r io.Reader) (Signature, error) {
	body, err := io.ReadAll(io.LimitReader(r, 4097))
	if err != nil {
		return Signature{}, fmt.Errorf("reading signature: %w", err)
	}
	var s Signature
	if len(body) > 4096 {
		return s, Refuse(CodeTooLarge, "the signature is over 4096 bytes")
	}
	if err := strict(body, &s); err != nil {
		return Signature{}, fmt.Errorf("reading signature: %w", err)
	}
	return s, s.Check()
}

// Check tells whether the signature is a tryon/v1 of a sensible resolution.
func (s Signature) Check() error {
	switch {
	case s.Schema != SignatureSchema:
		return Refuse(CodeMalformed, "signature schema is %q, want %q", clip(s.Schema), SignatureSchema)
	case s.Name != SignatureName:
		return Refuse(CodeMalformed, "signature name is %q, want %q", clip(s.Name), SignatureName)
	case s.Height < 8 || s.Width < 8 || s.Height > maxSide || s.Width > maxSide:
		return Refuse(CodeShape, "signature resolution %dx%d is outside 8..%d", s.Height, s.Width, maxSide)
	}
	return nil
}

// Inputs gives the inputs; -1 is the batch dimension.
func (s Signature) Inputs() []TensorMetadata {
	return []TensorMetadata{s.pixels(InputPerson, 3), s.pixels(InputGarment, 3), s.pixels(InputGarmentMask, 1)}
}

// Outputs gives the outputs; -1 is the batch dimension.
func (s Signature) Outputs() []TensorMetadata {
	return []TensorMetadata{s.pixels(OutputImage, 3), s.pixels(OutputWarpedMask, 1), s.pixels(OutputCompositeMask, 1)}
}

func (s Signature) pixels(name string, channels int64) TensorMetadata {
	return TensorMetadata{Name: name, Datatype: Uint8, Shape: []int64{-1, int64(s.Height), int64(s.Width), channels}}
}

// Conform checks tensors against their description and gives the common batch size, 1..maxBatch.
// Every described tensor must be there once and no other. Tensors whose bytes do not match their shape are refused too.
func Conform(want []TensorMetadata, tensors []Tensor, maxBatch int) (int, error) {
	batch := int64(0)
	for _, w := range want {
		t, ok := find(tensors, w.Name)
		if !ok {
			return 0, Refuse(CodeTensor, "tensor %q is missing", w.Name)
		}
		if err := w.accepts(t); err != nil {
			return 0, err
		}
		if batch == 0 {
			batch = t.Shape[0]
		}
		if t.Shape[0] != batch {
			return 0, Refuse(CodeShape, "tensor %q has %d rows, the others have %d", w.Name, t.Shape[0], batch)
		}
	}
	if len(tensors) != len(want) {
		return 0, Refuse(CodeTensor, "%d tensors are there, the signature has %d", len(tensors), len(want))
	}
	if batch < 1 || batch > int64(maxBatch) {
		return 0, Refuse(CodeShape, "a batch of %d rows is outside 1..%d", batch, maxBatch)
	}
	return int(batch), nil
}

func (m TensorMetadata) accepts(t Tensor) error {
	if t.Datatype != m.Datatype {
		return Refuse(CodeDatatype, "tensor %q is %s, want %s", t.Name, clip(string(t.Datatype)), m.Datatype)
	}
	if len(t.Shape) != len(m.Shape) {
		return Refuse(CodeShape, "tensor %q has shape %v, want %v", t.Name, t.Shape, m.Shape)
	}
	for i, dim := range m.Shape {
		if dim >= 0 && t.Shape[i] != dim {
			return Refuse(CodeShape, "tensor %q has shape %v, want %v", t.Name, t.Shape, m.Shape)
		}
	}
	size, err := Bytes(t.Datatype, t.Shape, int64(len(t.Data)))
	if err != nil || size != int64(len(t.Data)) {
		return Refuse(CodeShape, "tensor %q of shape %v has %d bytes", t.Name, t.Shape, len(t.Data))
	}
	return nil
}
