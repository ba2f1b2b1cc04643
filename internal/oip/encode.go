package oip

import (
	"encoding/json"
	"strconv"
)

// EncodeRequest gives a request's body with binary tensors, and the value for the HeaderLength header.
func EncodeRequest(req Request) (body []byte, headerLength string, err error) {
	params := parameters{}
	for name, value := range req.Parameters {
		params[name] = value
	}
	if req.BinaryOutputs {
		params[paramBinaryOutputs] = true
	}
	wire := wireRequest{ID: req.ID, Parameters: params, Inputs: make([]wireTensor, 0, len(req.Inputs))}
	for _, name := range req.Outputs {
		wire.Outputs = append(wire.Outputs, wireOutput{Name: name})
	}
	total := 0
	for _, t := range req.Inputs {
		wire.Inputs = append(wire.Inputs, binaryTensor(t))
		total += len(t.Data)
	}
	return join(wire, req.Inputs, total)
}

// EncodeResponse gives an answer's body. headerLength is empty when the tensors are in the JSON.
func EncodeResponse(resp Response, binary bool) (body []byte, headerLength string, err error) {
	wire := wireResponse{ModelName: resp.ModelName, ModelVersion: resp.ModelVersion, ID: resp.ID, Outputs: make([]wireTensor, 0, len(resp.Outputs))}
	total := 0
	for _, t := range resp.Outputs {
		if binary {
			wire.Outputs = append(wire.Outputs, binaryTensor(t))
			total += len(t.Data)
			continue
		}
		data, err := encodeNumbers(t)
		if err != nil {
			return nil, "", err
		}
		wire.Outputs = append(wire.Outputs, wireTensor{Name: t.Name, Shape: t.Shape, Datatype: t.Datatype, Data: data})
	}
	if !binary {
		body, err = json.Marshal(wire)
		if err != nil {
			return nil, "", &Error{Code: CodeInternal, Detail: "encoding response", Cause: err}
		}
		return body, "", nil
	}
	return join(wire, resp.Outputs, total)
}

func binaryTensor(t Tensor) wireTensor {
	return wireTensor{Name: t.Name, Shape: t.Shape, Datatype: t.Datatype, Parameters: parameters{paramBinarySize: len(t.Data)}}
}

func join(wire any, tensors []Tensor, total int) ([]byte, string, error) {
	head, err := json.Marshal(wire)
	if err != nil {
		return nil, "", &Error{Code: CodeInternal, Detail: "encoding message", Cause: err}
	}
	body := append(make([]byte, 0, len(head)+total), head...)
	for _, t := range tensors {
		body = append(body, t.Data...)
	}
	return body, strconv.Itoa(len(head)), nil
}
