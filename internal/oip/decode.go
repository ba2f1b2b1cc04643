package oip

// DecodeRequest reads a request from a whole body. headerLength is the value of the HeaderLength header, empty for plain JSON.
// Every error is an *Error.
func DecodeRequest(body []byte, headerLength string, limits Limits) (Request, error) {
	limits = limits.WithDefaults()
	head, rest, err := split(body, headerLength, limits)
	if err != nil {
		return Request{}, err
	}
	var wire wireRequest
	if err := strict(head, &wire); err != nil {
		return Request{}, err
	}
	if len(wire.Inputs) == 0 {
		return Request{}, Refuse(CodeTensor, "the request has no inputs")
	}
	if len(wire.ID) > 256 {
		return Request{}, Refuse(CodeTooLarge, "the request's id is over 256 bytes")
	}
	req := Request{ID: wire.ID}
	if req.Inputs, err = decodeTensors(wire.Inputs, rest, limits); err != nil {
		return Request{}, err
	}
	if err := req.decodeOutputs(wire, limits); err != nil {
		return Request{}, err
	}
	return req, nil
}

func (r *Request) decodeOutputs(wire wireRequest, limits Limits) error {
	if len(wire.Parameters) > limits.Parameters {
		return Refuse(CodeParameters, "the request has %d parameters, the limit is %d", len(wire.Parameters), limits.Parameters)
	}
	if len(wire.Outputs) > limits.Tensors {
		return Refuse(CodeTooLarge, "the request names %d outputs, the limit is %d", len(wire.Outputs), limits.Tensors)
	}
	_, all, err := wire.Parameters.flag(paramBinaryOutputs)
	if err != nil {
		return err
	}
	r.BinaryOutputs = all
	delete(wire.Parameters, paramBinaryOutputs)
	if len(wire.Parameters) > 0 {
		r.Parameters = wire.Parameters
	}
	seen := map[string]bool{}
	for i, out := range wire.Outputs {
		if err := checkTensorName(out.Name); err != nil {
			return err
		}
		if seen[out.Name] {
			return Refuse(CodeDuplicate, "output %q is named twice", out.Name)
		}
		seen[out.Name] = true
		set, binary, err := out.Parameters.flag(paramBinaryOutput)
		if err != nil {
			return err
		}
		if !set {
			binary = all
		}
		if i > 0 && binary != r.BinaryOutputs {
			return Refuse(CodeParameters, "outputs must be all binary or all JSON")
		}
		r.BinaryOutputs = binary
		r.Outputs = append(r.Outputs, out.Name)
	}
	return nil
}

// DecodeResponse reads a model server's answer from a whole body, and passes over fields and parameters that it does not know. Every error is an *Error.
func DecodeResponse(body []byte, headerLength string, limits Limits) (Response, error) {
	limits = limits.WithDefaults()
	head, rest, err := split(body, headerLength, limits)
	if err != nil {
		return Response{}, err
	}
	var wire answer
	if err := lenient(head, &wire); err != nil {
		return Response{}, err
	}
	resp := Response{ModelName: wire.ModelName, ModelVersion: wire.ModelVersion, ID: wire.ID}
	resp.Outputs, err = decodeTensors(wire.tensors(), rest, limits)
	return resp, err
}

func decodeTensors(wires []wireTensor, rest []byte, limits Limits) ([]Tensor, error) {
	if len(wires) > limits.Tensors {
		return nil, Refuse(CodeTooLarge, "%d tensors are over the limit of %d", len(wires), limits.Tensors)
	}
	tensors := make([]Tensor, 0, len(wires))
	seen := map[string]bool{}
	for _, wire := range wires {
		if err := checkTensorName(wire.Name); err != nil {
			return nil, err
		}
		if seen[wire.Name] {
			return nil, Refuse(CodeDuplicate, "tensor %q is there twice", wire.Name)
		}
		seen[wire.Name] = true
		tensor, left, err := decodeTensor(wire, rest, limits)
		if err != nil {
			return nil, err
		}
		rest = left
		tensors = append(tensors, tensor)
	}
	if len(rest) > 0 {
		return nil, Refuse(CodeMalformed, "%d bytes follow the last binary tensor", len(rest))
	}
	return tensors, nil
}

func decodeTensor(wire wireTensor, rest []byte, limits Limits) (Tensor, []byte, error) {
	t := Tensor{Name: wire.Name, Datatype: wire.Datatype, Shape: wire.Shape}
	if len(wire.Shape) > limits.Rank {
		return t, nil, Refuse(CodeShape, "tensor %q has rank %d, the limit is %d", t.Name, len(wire.Shape), limits.Rank)
	}
	if len(wire.Parameters) > limits.Parameters {
		return t, nil, Refuse(CodeParameters, "tensor %q has %d parameters, the limit is %d", t.Name, len(wire.Parameters), limits.Parameters)
	}
	want, err := Bytes(t.Datatype, t.Shape, limits.BodyBytes)
	if err != nil {
		return t, nil, err
	}
	declared, err := wire.Parameters.binarySize()
	if err != nil {
		return t, nil, err
	}
	switch {
	case declared >= 0 && len(wire.Data) > 0:
		return t, nil, Refuse(CodeMalformed, "tensor %q has both JSON and binary data", t.Name)
	case declared < 0 && len(wire.Data) == 0:
		return t, nil, Refuse(CodeMalformed, "tensor %q has neither JSON nor binary data", t.Name)
	case declared < 0:
		t.Data, err = decodeNumbers(wire.Data, t, want)
		return t, rest, err
	case declared != want:
		return t, nil, Refuse(CodeShape, "tensor %q of shape %v needs %d bytes, %s is %d", t.Name, t.Shape, want, paramBinarySize, declared)
	case want > int64(len(rest)):
		return t, nil, Refuse(CodeShape, "tensor %q needs %d bytes, the body has %d left", t.Name, want, len(rest))
	}
	t.Data = rest[:want:want]
	return t, rest[want:], nil
}
