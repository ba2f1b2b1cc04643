package runtime

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrBadGraph says that a model file is refused: it is not ONNX, reaches outside itself, or does not keep the signature.
var ErrBadGraph = errors.New("refused model file")

func badGraph(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadGraph, fmt.Sprintf(format, args...))
}

// Bounds on a graph. PF-AFN in small has about 2,000 nodes; the paper's graph has about 20,000 after export.
const (
	maxNodes      = 200_000
	maxGraphDepth = 8
	maxRank       = 8
)

// elemUint8 is UINT8 in ONNX's TensorProto.DataType.
const elemUint8 = 2

// Value is a graph's input or output. A dimension of -1 is dynamic; Shape is nil when the graph does not say.
type Value struct {
	Name  string
	Elem  int64
	Shape []int64
}

// Graph is what the signature check needs to know of an ONNX file.
type Graph struct {
	Inputs, Outputs []Value
	Nodes           int
}

// Domains of operators that ONNX Runtime itself has. Others would need a custom operator library, which is code.
var knownDomains = map[string]bool{"": true, "ai.onnx": true, "ai.onnx.ml": true, "com.microsoft": true, "com.microsoft.nchwc": true}

// Inspect walks an ONNX file without running any of it: it refuses external data, foreign operator domains and graphs that are
// nested or large without end. Every error wraps ErrBadGraph. It reads the bytes in place and allocates next to nothing.
func Inspect(model []byte) (Graph, error) {
	w := &walker{}
	graphs := 0
	err := fields(model, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 7: // graph
			graphs++
			return w.graph(body, 0)
		case 8: // opset_import
			return w.opset(body)
		case 20: // training_info
			return badGraph("it carries training information")
		case 25: // functions
			return w.function(body)
		}
		return nil
	})
	if err != nil {
		return Graph{}, err
	}
	if graphs != 1 {
		return Graph{}, badGraph("it has %d graphs, want 1", graphs)
	}
	return w.out, nil
}

type walker struct{ out Graph }

// fields calls visit for each field of a message: body for length-delimited ones, value for varints.
func fields(message []byte, visit func(num protowire.Number, body []byte, value uint64) error) error {
	for len(message) > 0 {
		num, typ, n := protowire.ConsumeTag(message)
		if n < 0 {
			return badGraph("it is not a protocol buffer: %v", protowire.ParseError(n))
		}
		message = message[n:]
		var body []byte
		var value uint64
		switch typ {
		case protowire.BytesType:
			body, n = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		default:
			n = protowire.ConsumeFieldValue(num, typ, message)
		}
		if n < 0 {
			return badGraph("it is cut short or damaged: %v", protowire.ParseError(n))
		}
		message = message[n:]
		if err := visit(num, body, value); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) graph(message []byte, depth int) error {
	if depth > maxGraphDepth {
		return badGraph("graphs are nested more than %d deep", maxGraphDepth)
	}
	initialized := map[string]bool{}
	var inputs []Value
	err := fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 1: // node
			return w.node(body, depth)
		case 5: // initializer
			name, err := tensor(body)
			initialized[name] = true
			return err
		case 15: // sparse_initializer
			return sparse(body)
		case 11: // input
			return collect(body, &inputs)
		case 12: // output
			if depth == 0 {
				return collect(body, &w.out.Outputs)
			}
		}
		return nil
	})
	if err != nil || depth > 0 {
		return err
	}
	for _, in := range inputs {
		// Old files list the weights among the inputs.
		if !initialized[in.Name] {
			w.out.Inputs = append(w.out.Inputs, in)
		}
	}
	return nil
}

func (w *walker) node(message []byte, depth int) error {
	if w.out.Nodes++; w.out.Nodes > maxNodes {
		return badGraph("it has more than %d nodes", maxNodes)
	}
	return fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 5: // attribute
			return w.attribute(body, depth)
		case 7: // domain
			if !knownDomains[string(body)] {
				return badGraph("operator domain %q is not one of ONNX Runtime's own", clip(body))
			}
		}
		return nil
	})
}

func (w *walker) attribute(message []byte, depth int) error {
	return fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 5, 10: // t, tensors
			_, err := tensor(body)
			return err
		case 6, 11: // g, graphs
			return w.graph(body, depth+1)
		case 22, 23: // sparse_tensor, sparse_tensors
			return sparse(body)
		}
		return nil
	})
}

func (w *walker) function(message []byte) error {
	return fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 7: // node
			return w.node(body, 0)
		case 11: // attribute_proto
			return w.attribute(body, 0)
		}
		return nil
	})
}

func (w *walker) opset(message []byte) error {
	return fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		if num == 1 && !knownDomains[string(body)] {
			return badGraph("operator domain %q is not one of ONNX Runtime's own", clip(body))
		}
		return nil
	})
}

func sparse(message []byte) error {
	return fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		if num != 1 && num != 2 {
			return nil
		}
		_, err := tensor(body)
		return err
	})
}

// tensor refuses data that lies in another file, and gives the tensor's name.
func tensor(message []byte) (string, error) {
	name := ""
	err := fields(message, func(num protowire.Number, body []byte, value uint64) error {
		switch num {
		case 8: // name
			name = string(body)
		case 13: // external_data
			return badGraph("a tensor's data lies in another file")
		case 14: // data_location
			if value != 0 {
				return badGraph("a tensor's data lies in another file")
			}
		}
		return nil
	})
	return name, err
}

func collect(message []byte, into *[]Value) error {
	v, err := valueInfo(message)
	if err != nil {
		return err
	}
	if len(*into) >= 4096 {
		return badGraph("it has more than 4096 inputs or outputs")
	}
	*into = append(*into, v)
	return nil
}

func valueInfo(message []byte) (Value, error) {
	var v Value
	err := fields(message, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 1: // name
			v.Name = string(body)
		case 2: // type
			return fields(body, func(num protowire.Number, body []byte, _ uint64) error {
				if num != 1 {
					return badGraph("value %q is not a tensor", clip([]byte(v.Name)))
				}
				return v.tensorType(body)
			})
		}
		return nil
	})
	return v, err
}

func (v *Value) tensorType(message []byte) error {
	return fields(message, func(num protowire.Number, body []byte, value uint64) error {
		switch num {
		case 1: // elem_type
			v.Elem = int64(value)
		case 2: // shape
			v.Shape = []int64{}
			return fields(body, func(_ protowire.Number, body []byte, _ uint64) error {
				if len(v.Shape) == maxRank {
					return badGraph("value %q has a rank over %d", clip([]byte(v.Name)), maxRank)
				}
				return v.dimension(body)
			})
		}
		return nil
	})
}

func (v *Value) dimension(message []byte) error {
	dim := int64(-1)
	err := fields(message, func(num protowire.Number, _ []byte, value uint64) error {
		if num == 1 { // dim_value; dim_param leaves -1
			dim = int64(value)
			if dim < 0 {
				return badGraph("value %q has a negative dimension", clip([]byte(v.Name)))
			}
		}
		return nil
	})
	v.Shape = append(v.Shape, dim)
	return err
}

func clip(b []byte) string {
	if len(b) > 64 {
		return string(b[:64]) + "…"
	}
	return string(b)
}
