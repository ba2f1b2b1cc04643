package oip

import (
	"encoding/binary"
	"math"
	"strconv"
)

// numberReader walks JSON that is known to be valid and fills a tensor's bytes. It accepts a flat array or one nested like the shape.
type numberReader struct {
	text []byte
	at   int
	t    Tensor
	out  []byte
	want int
}

// decodeNumbers reads the data member of a tensor; want is its size in bytes, which is bounded already.
func decodeNumbers(text []byte, t Tensor, want int64) ([]byte, error) {
	if t.Datatype == FP16 {
		return nil, Refuse(CodeDatatype, "tensor %q: FP16 has no JSON form, send it as binary data", t.Name)
	}
	// An element takes at least a digit and a comma, so a shape that is too big for its text costs no memory.
	elements := want / t.Datatype.Size()
	if elements > int64(len(text)) {
		return nil, Refuse(CodeShape, "tensor %q of shape %v has too little data", t.Name, t.Shape)
	}
	r := &numberReader{text: text, t: t, out: make([]byte, 0, want), want: int(want)}
	r.space()
	if r.peek() != '[' {
		return nil, Refuse(CodeMalformed, "tensor %q: data must be an array", t.Name)
	}
	var err error
	if r.nested() {
		err = r.level(t.Shape)
	} else {
		err = r.level([]int64{elements})
	}
	if err != nil {
		return nil, err
	}
	return r.out, nil
}

// nested tells whether the array's first member is an array.
func (r *numberReader) nested() bool {
	for i := r.at + 1; i < len(r.text); i++ {
		if !isSpace(r.text[i]) {
			return r.text[i] == '['
		}
	}
	return false
}

func (r *numberReader) level(shape []int64) error {
	if len(shape) == 0 {
		return r.number()
	}
	if r.peek() != '[' {
		return r.misshapen()
	}
	r.at++
	r.space()
	for i := int64(0); i < shape[0]; i++ {
		if i > 0 {
			if r.peek() != ',' {
				return r.misshapen()
			}
			r.at++
			r.space()
		}
		if err := r.level(shape[1:]); err != nil {
			return err
		}
		r.space()
	}
	if r.peek() != ']' {
		return r.misshapen()
	}
	r.at++
	r.space()
	return nil
}

func (r *numberReader) misshapen() error {
	return Refuse(CodeShape, "tensor %q: data does not match the shape %v", r.t.Name, r.t.Shape)
}

func (r *numberReader) number() error {
	start := r.at
	for r.at < len(r.text) && !isSpace(r.text[r.at]) && r.text[r.at] != ',' && r.text[r.at] != ']' {
		if c := r.text[r.at]; c == '[' || c == '"' || c == '{' {
			return r.misshapen()
		}
		r.at++
	}
	word := r.text[start:r.at]
	if !r.store(string(word)) {
		if len(word) == 0 {
			return r.misshapen()
		}
		return Refuse(CodeDatatype, "tensor %q: %q is not a %s", r.t.Name, clip(string(word)), r.t.Datatype)
	}
	return nil
}

func (r *numberReader) store(word string) bool {
	bits := int(r.t.Datatype.Size()) * 8
	var raw uint64
	switch r.t.Datatype {
	case Bool:
		if word != "true" && word != "false" {
			return false
		}
		if word == "true" {
			raw = 1
		}
	case Uint8, Uint16, Uint32, Uint64:
		v, err := strconv.ParseUint(word, 10, bits)
		if err != nil {
			return false
		}
		raw = v
	case Int8, Int16, Int32, Int64:
		v, err := strconv.ParseInt(word, 10, bits)
		if err != nil {
			return false
		}
		raw = uint64(v)
	default:
		v, err := strconv.ParseFloat(word, bits)
		if err != nil {
			return false
		}
		raw = math.Float64bits(v)
		if bits == 32 {
			raw = uint64(math.Float32bits(float32(v)))
		}
	}
	var word8 [8]byte
	binary.LittleEndian.PutUint64(word8[:], raw)
	r.out = append(r.out, word8[:bits/8]...)
	return true
}

func (r *numberReader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *numberReader) space() {
	for r.at < len(r.text) && isSpace(r.text[r.at]) {
		r.at++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// encodeNumbers writes a tensor's bytes as a flat JSON array.
func encodeNumbers(t Tensor) ([]byte, error) {
	size := t.Datatype.Size()
	if size == 0 || t.Datatype == FP16 || int64(len(t.Data))%max(size, 1) != 0 {
		return nil, Refuse(CodeDatatype, "tensor %q of %s has no JSON form, ask for binary data", t.Name, t.Datatype)
	}
	out := append(make([]byte, 0, len(t.Data)*4+2), '[')
	for i := int64(0); i < int64(len(t.Data)); i += size {
		if i > 0 {
			out = append(out, ',')
		}
		var word8 [8]byte
		copy(word8[:], t.Data[i:i+size])
		raw := binary.LittleEndian.Uint64(word8[:])
		var ok bool
		if out, ok = appendNumber(out, t.Datatype, raw); !ok {
			return nil, Refuse(CodeInternal, "tensor %q holds a number that JSON cannot say", t.Name)
		}
	}
	return append(out, ']'), nil
}

func appendNumber(out []byte, d Datatype, raw uint64) ([]byte, bool) {
	switch d {
	case Bool:
		return strconv.AppendBool(out, raw != 0), true
	case Int8:
		return strconv.AppendInt(out, int64(int8(raw)), 10), true
	case Int16:
		return strconv.AppendInt(out, int64(int16(raw)), 10), true
	case Int32:
		return strconv.AppendInt(out, int64(int32(raw)), 10), true
	case Int64:
		return strconv.AppendInt(out, int64(raw), 10), true
	case FP32:
		v := float64(math.Float32frombits(uint32(raw)))
		return strconv.AppendFloat(out, v, 'g', -1, 32), !math.IsNaN(v) && !math.IsInf(v, 0)
	case FP64:
		v := math.Float64frombits(raw)
		return strconv.AppendFloat(out, v, 'g', -1, 64), !math.IsNaN(v) && !math.IsInf(v, 0)
	default:
		return strconv.AppendUint(out, raw, 10), true
	}
}
