package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Weights are a version's graph and its signature, both checked.
type Weights struct {
	Signature oip.Signature
	// ONNX is the file model.onnx.
	ONNX []byte
}

// ErrTooLarge says that a file of the weights is over its limit.
var ErrTooLarge = errors.New("file is over the limit")

// ReadWeights reads model.onnx (at most limit bytes) and signature.json below dir and checks the one against the other.
// Links that lead outside dir are not followed.
func ReadWeights(dir string, limit int64) (Weights, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Weights{}, fmt.Errorf("opening weights: %w", err)
	}
	defer func() { _ = root.Close() }()
	raw, err := readFile(root, "signature.json", 4096)
	if err != nil {
		return Weights{}, err
	}
	signature, err := oip.ReadSignature(bytes.NewReader(raw))
	if err != nil {
		return Weights{}, err
	}
	model, err := readFile(root, "model.onnx", limit)
	if err != nil {
		return Weights{}, err
	}
	graph, err := Inspect(model)
	if err != nil {
		return Weights{}, fmt.Errorf("reading model.onnx: %w", err)
	}
	if err := Check(graph, signature); err != nil {
		return Weights{}, fmt.Errorf("checking model.onnx: %w", err)
	}
	return Weights{Signature: signature, ONNX: model}, nil
}

func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("opening %s: not a regular file", name)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("reading %s: %w: %d bytes, %d are allowed", name, ErrTooLarge, info.Size(), limit)
	}
	body := make([]byte, info.Size())
	if _, err := io.ReadFull(f, body); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return body, nil
}

// Check tells whether a graph keeps a signature: exactly its inputs and outputs, UINT8, inputs with a dynamic batch and the fixed resolution.
// An output's shape may be left open by the exporter; what it says must fit, and every answer is checked again when it is made.
func Check(graph Graph, signature oip.Signature) error {
	if err := checkValues("input", graph.Inputs, signature.Inputs()); err != nil {
		return err
	}
	return checkValues("output", graph.Outputs, signature.Outputs())
}

func checkValues(what string, have []Value, want []oip.TensorMetadata) error {
	byName := map[string]Value{}
	for _, v := range have {
		if _, twice := byName[v.Name]; twice {
			return badGraph("%s %q is there twice", what, clip([]byte(v.Name)))
		}
		byName[v.Name] = v
	}
	for _, w := range want {
		v, ok := byName[w.Name]
		if !ok {
			return badGraph("%s %q is missing", what, w.Name)
		}
		if v.Elem != elemUint8 {
			return badGraph("%s %q has ONNX element type %d, want UINT8 (%d)", what, w.Name, v.Elem, elemUint8)
		}
		if !fits(v.Shape, w.Shape, what == "output") {
			return badGraph("%s %q has shape %v, want %v", what, w.Name, v.Shape, w.Shape)
		}
	}
	if len(have) != len(want) {
		return badGraph("it has %d %ss, the signature has %d", len(have), what, len(want))
	}
	return nil
}

// fits compares dimension by dimension: the batch must be dynamic; open dimensions are for outputs only.
func fits(have, want []int64, open bool) bool {
	if have == nil && open {
		return true
	}
	if len(have) != len(want) {
		return false
	}
	for i := range want {
		if have[i] != want[i] && (!open || have[i] != -1) {
			return false
		}
	}
	return true
}
