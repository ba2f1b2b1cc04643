package oip

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// HeaderLength is the header that says how many bytes of the body are JSON when binary tensors follow.
const HeaderLength = "Inference-Header-Content-Length"

const (
	paramBinarySize    = "binary_data_size"
	paramBinaryOutput  = "binary_data"
	paramBinaryOutputs = "binary_data_output"
)

type wireTensor struct {
	Name       string          `json:"name"`
	Shape      []int64         `json:"shape"`
	Datatype   Datatype        `json:"datatype"`
	Parameters parameters      `json:"parameters,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
}

type wireOutput struct {
	Name       string     `json:"name"`
	Parameters parameters `json:"parameters,omitempty"`
}

type wireRequest struct {
	ID         string       `json:"id,omitempty"`
	Parameters parameters   `json:"parameters,omitempty"`
	Inputs     []wireTensor `json:"inputs"`
	Outputs    []wireOutput `json:"outputs,omitempty"`
}

type wireResponse struct {
	ModelName    string       `json:"model_name"`
	ModelVersion string       `json:"model_version,omitempty"`
	ID           string       `json:"id,omitempty"`
	Parameters   parameters   `json:"parameters,omitempty"`
	Outputs      []wireTensor `json:"outputs"`
}

// answer is a response as a client reads it. The protocol leaves parameters to the server, and servers add fields of their own: of all that only
// the size of binary data means something here.
type answer struct {
	ModelName    string         `json:"model_name"`
	ModelVersion string         `json:"model_version"`
	ID           string         `json:"id"`
	Outputs      []answerTensor `json:"outputs"`
}

type answerTensor struct {
	Name       string   `json:"name"`
	Shape      []int64  `json:"shape"`
	Datatype   Datatype `json:"datatype"`
	Parameters struct {
		BinarySize *json.Number `json:"binary_data_size"`
	} `json:"parameters"`
	Data json.RawMessage `json:"data"`
}

// tensors give the outputs as the strict reader has them.
func (a answer) tensors() []wireTensor {
	all := make([]wireTensor, 0, len(a.Outputs))
	for _, out := range a.Outputs {
		tensor := wireTensor{Name: out.Name, Shape: out.Shape, Datatype: out.Datatype}
		if size := out.Parameters.BinarySize; size != nil {
			tensor.Parameters = parameters{paramBinarySize: *size}
		}
		if !bytes.Equal(out.Data, []byte("null")) {
			tensor.Data = out.Data
		}
		all = append(all, tensor)
	}
	return all
}

// parameters are strings, booleans and numbers by name.
type parameters map[string]any

// hardParameters stops a parameters object while it is read; the configured limit, which is lower, is checked afterwards.
const hardParameters = 1024

// UnmarshalJSON reads the object member by member and stops at the first that is too many, doubled, or not a scalar.
func (p *parameters) UnmarshalJSON(body []byte) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	first, err := dec.Token()
	if err != nil {
		return fmt.Errorf("reading parameters: %w", err)
	}
	if first == nil {
		return nil
	}
	if first != json.Delim('{') {
		return Refuse(CodeParameters, "parameters must be an object")
	}
	out := parameters{}
	for dec.More() {
		if len(out) == hardParameters {
			return Refuse(CodeParameters, "parameters have more than %d members", hardParameters)
		}
		name, value, err := member(dec)
		if err != nil {
			return err
		}
		if _, twice := out[name]; twice {
			return Refuse(CodeParameters, "parameter %q is there twice", clip(name))
		}
		out[name] = value
	}
	*p = out
	return nil
}

func member(dec *json.Decoder) (string, any, error) {
	key, err := dec.Token()
	if err != nil {
		return "", nil, fmt.Errorf("reading parameter name: %w", err)
	}
	value, err := dec.Token()
	if err != nil {
		return "", nil, fmt.Errorf("reading parameter: %w", err)
	}
	name, _ := key.(string)
	if _, nested := value.(json.Delim); nested || value == nil {
		return "", nil, Refuse(CodeParameters, "parameter %q must be a string, a number or a boolean", clip(name))
	}
	return name, value, nil
}

func (p parameters) flag(name string) (set, value bool, err error) {
	v, ok := p[name]
	if !ok {
		return false, false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, false, Refuse(CodeParameters, "parameter %s must be true or false", name)
	}
	return true, b, nil
}

// binarySize gives the declared bytes of a binary tensor, -1 when its data is in the JSON.
func (p parameters) binarySize() (int64, error) {
	v, ok := p[paramBinarySize]
	if !ok {
		return -1, nil
	}
	n, ok := v.(json.Number)
	if !ok {
		return 0, Refuse(CodeParameters, "parameter %s must be a number", paramBinarySize)
	}
	size, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || size < 0 {
		return 0, Refuse(CodeParameters, "parameter %s is %s, want a whole number of bytes", paramBinarySize, clip(n.String()))
	}
	return size, nil
}

// split separates the JSON from the binary part of a body.
func split(body []byte, headerLength string, limits Limits) (head, rest []byte, err error) {
	if int64(len(body)) > limits.BodyBytes {
		return nil, nil, Refuse(CodeTooLarge, "the body is over the limit of %d bytes", limits.BodyBytes)
	}
	if headerLength == "" {
		return body, nil, nil
	}
	n, err := strconv.ParseUint(headerLength, 10, 63)
	switch {
	case err != nil:
		return nil, nil, Refuse(CodeMalformed, "header %s is %q, want a number of bytes", HeaderLength, clip(headerLength))
	case int64(n) > limits.HeaderBytes:
		return nil, nil, Refuse(CodeTooLarge, "the JSON header of %d bytes is over the limit of %d", n, limits.HeaderBytes)
	case int64(n) > int64(len(body)):
		return nil, nil, Refuse(CodeMalformed, "header %s is %d, the body has %d bytes", HeaderLength, n, len(body))
	}
	return body[:n], body[n:], nil
}

// strict decodes one JSON document: unknown fields and trailing bytes are refused.
func strict(body []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	return document(dec, into)
}

// lenient decodes one JSON document and passes over what is not known; only trailing bytes are refused.
func lenient(body []byte, into any) error {
	return document(json.NewDecoder(bytes.NewReader(body)), into)
}

func document(dec *json.Decoder, into any) error {
	if err := dec.Decode(into); err != nil {
		var refused *Error
		if errors.As(err, &refused) {
			return refused
		}
		return Refuse(CodeMalformed, "reading JSON: %s", clip(err.Error()))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Refuse(CodeMalformed, "bytes follow the JSON document")
	}
	return nil
}
