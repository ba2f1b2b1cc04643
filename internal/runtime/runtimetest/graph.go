package runtimetest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/braincreators/tryon-operator/internal/oip"
)

// Graph describes the small graph. The zero value of a field leaves the graph as the signature wants it; the others damage it on purpose.
type Graph struct {
	Height, Width int
	// Bias is added to every level of the image, so that two graphs answer differently.
	Bias float32
	// External puts a weight's data into another file.
	External bool
	// Domain is the operator domain of one node.
	Domain string
	// RenamedInput and RenamedOutput rename person and image.
	RenamedInput, RenamedOutput string
	// FloatInput declares person as FLOAT instead of UINT8.
	FloatInput bool
	// FixedBatch declares a batch of one.
	FixedBatch bool
	// Nested wraps this many subgraphs into each other.
	Nested int
}

// Bytes gives the ONNX file.
func (g Graph) Bytes() []byte {
	person, image := orElse(g.RenamedInput, oip.InputPerson), orElse(g.RenamedOutput, oip.OutputImage)
	var graph []byte
	for _, n := range []node{
		{"Cast", []string{person}, "p", castTo(1), g.Domain},
		{"Cast", []string{oip.InputGarment}, "g", castTo(1), ""},
		{"Cast", []string{oip.InputGarmentMask}, "m255", castTo(1), ""},
		{"Div", []string{"m255", "c255"}, "m", nil, ""},
		{"Sub", []string{"g", "p"}, "d", nil, ""},
		{"Mul", []string{"d", "m"}, "dm", nil, ""},
		{"Add", []string{"p", "dm"}, "pasted", nil, ""},
		{"Add", []string{"pasted", "bias"}, "biased", nil, ""},
		{"Clip", []string{"biased", "c0", "c255"}, "clipped", nil, ""},
		{"Round", []string{"clipped"}, "rounded", nil, ""},
		{"Cast", []string{"rounded"}, image, castTo(2), ""},
		{"Identity", []string{oip.InputGarmentMask}, oip.OutputWarpedMask, nil, ""},
		{"Identity", []string{oip.InputGarmentMask}, oip.OutputCompositeMask, nil, ""},
	} {
		graph = message(graph, 1, n.bytes())
	}
	graph = text(graph, 2, "paste")
	if g.Nested > 0 {
		graph = message(graph, 1, nested(g.Nested))
	}
	graph = message(graph, 5, scalar("c255", 255, g.External))
	graph = message(graph, 5, scalar("c0", 0, false))
	graph = message(graph, 5, scalar("bias", g.Bias, false))
	elem := uint64(2)
	if g.FloatInput {
		elem = 1
	}
	graph = message(graph, 11, g.value(person, elem, 3))
	graph = message(graph, 11, g.value(oip.InputGarment, 2, 3))
	graph = message(graph, 11, g.value(oip.InputGarmentMask, 2, 1))
	graph = message(graph, 12, g.value(image, 2, 3))
	graph = message(graph, 12, g.value(oip.OutputWarpedMask, 2, 1))
	graph = message(graph, 12, g.value(oip.OutputCompositeMask, 2, 1))

	model := number(nil, 1, 8)
	model = message(model, 7, graph)
	return message(model, 8, number(nil, 2, 17))
}

// WriteWeights writes model.onnx and signature.json into dir.
func (g Graph) WriteWeights(t testing.TB, dir string) oip.Signature {
	t.Helper()
	signature := oip.NewSignature(g.Height, g.Width)
	body, err := json.Marshal(signature)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"signature.json": body, "model.onnx": g.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return signature
}

type node struct {
	op     string
	inputs []string
	output string
	attr   []byte
	domain string
}

func (n node) bytes() []byte {
	var b []byte
	for _, in := range n.inputs {
		b = text(b, 1, in)
	}
	b = text(b, 2, n.output)
	b = text(b, 4, n.op)
	if n.attr != nil {
		b = message(b, 5, n.attr)
	}
	if n.domain != "" {
		b = text(b, 7, n.domain)
	}
	return b
}

func castTo(elem uint64) []byte {
	return number(number(text(nil, 1, "to"), 3, elem), 20, 2)
}

// nested makes an If node that holds a graph that holds an If node, and so on.
func nested(depth int) []byte {
	inner := text(nil, 2, "empty")
	for range depth {
		attr := number(message(text(nil, 1, "then_branch"), 6, inner), 20, 5)
		inner = message(nil, 1, message(text(nil, 4, "If"), 5, attr))
	}
	return message(text(nil, 4, "If"), 5, number(message(text(nil, 1, "then_branch"), 6, inner), 20, 5))
}

func scalar(name string, value float32, external bool) []byte {
	b := number(nil, 2, 1)
	b = text(b, 8, name)
	if external {
		entry := text(text(nil, 1, "location"), 2, "../../etc/passwd")
		return number(message(b, 13, entry), 14, 1)
	}
	var raw []byte
	raw = protowire.AppendFixed32(raw, math.Float32bits(value))
	return message(b, 9, raw)
}

func (g Graph) value(name string, elem uint64, channels int) []byte {
	batch := text(nil, 2, "n")
	if g.FixedBatch {
		batch = number(nil, 1, 1)
	}
	shape := message(nil, 1, batch)
	for _, dim := range []int{g.Height, g.Width, channels} {
		shape = message(shape, 1, number(nil, 1, uint64(dim)))
	}
	tensor := message(number(nil, 1, elem), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
