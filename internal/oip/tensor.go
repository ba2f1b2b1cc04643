package oip

import "regexp"

// Datatype is a tensor element type of the protocol.
type Datatype string

// The datatypes of fixed size. BYTES is not among them: no try-on tensor has elements of varying length.
const (
	Bool   Datatype = "BOOL"
	Uint8  Datatype = "UINT8"
	Uint16 Datatype = "UINT16"
	Uint32 Datatype = "UINT32"
	Uint64 Datatype = "UINT64"
	Int8   Datatype = "INT8"
	Int16  Datatype = "INT16"
	Int32  Datatype = "INT32"
	Int64  Datatype = "INT64"
	FP16   Datatype = "FP16"
	FP32   Datatype = "FP32"
	FP64   Datatype = "FP64"
)

// Size gives the bytes of one element, 0 for a datatype that is not supported.
func (d Datatype) Size() int64 {
	switch d {
	case Bool, Uint8, Int8:
		return 1
	case Uint16, Int16, FP16:
		return 2
	case Uint32, Int32, FP32:
		return 4
	case Uint64, Int64, FP64:
		return 8
	default:
		return 0
	}
}

// Tensor is a named array: row-major, little endian.
type Tensor struct {
	Name     string
	Datatype Datatype
	Shape    []int64
	// Data holds exactly the product of Shape times Datatype.Size() bytes. After decoding it may share the message's memory.
	Data []byte
}

// Request is one inference request.
type Request struct {
	ID     string
	Inputs []Tensor
	// Outputs names the wanted outputs; empty means all.
	Outputs []string
	// Parameters of the request, without those of the binary extension.
	Parameters map[string]any
	// BinaryOutputs asks for the outputs as raw bytes behind the JSON.
	BinaryOutputs bool
}

// Response is one inference answer.
type Response struct {
	ModelName    string
	ModelVersion string
	ID           string
	Outputs      []Tensor
}

// Limits bound a message. The zero value of a field means its default.
type Limits struct {
	// BodyBytes bounds a whole body; default 64 MiB.
	BodyBytes int64
	// HeaderBytes bounds the JSON part in front of binary tensors; default 64 KiB.
	HeaderBytes int64
	// Tensors bounds inputs and outputs each; default 16.
	Tensors int
	// Rank bounds the dimensions of a tensor; default 8.
	Rank int
	// Parameters bounds every parameters object; default 32.
	Parameters int
}

// WithDefaults fills the fields that are zero.
func (l Limits) WithDefaults() Limits {
	pick := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	pickInt := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	pick(&l.BodyBytes, 64<<20)
	pick(&l.HeaderBytes, 64<<10)
	pickInt(&l.Tensors, 16)
	pickInt(&l.Rank, 8)
	pickInt(&l.Parameters, 32)
	return l
}

// Bytes gives the size of a tensor with this shape, at most limit. Negative dimensions, overflow and unknown datatypes are refused.
func Bytes(d Datatype, shape []int64, limit int64) (int64, error) {
	size := d.Size()
	if size == 0 {
		return 0, Refuse(CodeDatatype, "datatype %q is not supported", clip(string(d)))
	}
	total := size
	for _, dim := range shape {
		if dim < 0 {
			return 0, Refuse(CodeShape, "shape %v has a negative dimension", shape)
		}
		// Compared by division, so that no product can overflow.
		if dim > 0 && total > limit/dim {
			return 0, Refuse(CodeTooLarge, "a %s tensor of shape %v is over the limit of %d bytes", d, shape, limit)
		}
		total *= dim
	}
	return total, nil
}

var tensorName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./:-]{0,127}$`)

func checkTensorName(name string) error {
	if !tensorName.MatchString(name) {
		return Refuse(CodeTensor, "%q is not a tensor name", clip(name))
	}
	return nil
}

// clip keeps what a stranger wrote short in our messages.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// Input gives the input of that name.
func (r Request) Input(name string) (Tensor, bool) { return find(r.Inputs, name) }

// Output gives the output of that name.
func (r Response) Output(name string) (Tensor, bool) { return find(r.Outputs, name) }

func find(tensors []Tensor, name string) (Tensor, bool) {
	for _, t := range tensors {
		if t.Name == name {
			return t, true
		}
	}
	return Tensor{}, false
}
