package oip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inverter is a model of one input of any shape; it answers 255 minus each level.
type inverter struct{}

func (inverter) Metadata() ModelMetadata {
	x := []TensorMetadata{{Name: "x", Datatype: Uint8, Shape: []int64{-1}}}
	return ModelMetadata{Name: "invert", Versions: []string{"1"}, Platform: "go", Inputs: x, Outputs: x}
}

func (inverter) Ready() error { return nil }

func (inverter) Infer(_ context.Context, req Request) (Response, error) {
	in := req.Inputs[0]
	out := make([]byte, len(in.Data))
	for i, v := range in.Data {
		out[i] = 255 - v
	}
	return Response{ModelName: "invert", Outputs: []Tensor{{Name: "x", Datatype: in.Datatype, Shape: in.Shape, Data: out}}}, nil
}

func serve(t testing.TB, limits Limits) string {
	t.Helper()
	s := httptest.NewServer(&Server{Info: ServerMetadata{Name: "test"}, Instance: "i-1", Model: inverter{}, Limits: limits})
	t.Cleanup(s.Close)
	return s.URL
}

func TestHostileRequestsGetTheirTypedError(t *testing.T) {
	one := func(tensor string) string { return `{"inputs":[` + tensor + `]}` }
	many := make([]string, 0, 1_000_000)
	for i := range cap(many) {
		many = append(many, fmt.Sprintf(`"p%d":1`, i))
	}
	crowd := "{" + strings.Join(many, ",") + "}"
	tests := map[string]struct {
		body, header string
		want         Code
	}{
		"nothing":                       {``, "", CodeMalformed},
		"no JSON":                       {`hello`, "", CodeMalformed},
		"no inputs":                     {`{"inputs":[]}`, "", CodeTensor},
		"an unknown field":              {`{"instances":[1]}`, "", CodeMalformed},
		"a parameter that is null":      {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"a":null},"data":[1]}`), "", CodeParameters},
		"two documents":                 {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}`) + `{}`, "", CodeMalformed},
		"a shape whose product is huge": {one(`{"name":"x","datatype":"UINT8","shape":[4294967296,4294967296,2],"data":[1]}`), "", CodeTooLarge},
		"a shape that wraps to 1":       {one(`{"name":"x","datatype":"UINT8","shape":[9223372036854775807,9223372036854775807],"data":[1]}`), "", CodeTooLarge},
		"a shape over int64":            {one(`{"name":"x","datatype":"UINT8","shape":[99999999999999999999],"data":[1]}`), "", CodeMalformed},
		"a negative dimension":          {one(`{"name":"x","datatype":"UINT8","shape":[-1,-1],"data":[1]}`), "", CodeShape},
		"a fractional dimension":        {one(`{"name":"x","datatype":"UINT8","shape":[1.5],"data":[1]}`), "", CodeMalformed},
		"a rank of a thousand":          {one(`{"name":"x","datatype":"UINT8","shape":[1` + strings.Repeat(",1", 999) + `],"data":[1]}`), "", CodeShape},
		"too little data":               {one(`{"name":"x","datatype":"UINT8","shape":[3],"data":[1,2]}`), "", CodeShape},
		"too much data":                 {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":[1,2]}`), "", CodeShape},
		"nesting of another shape":      {one(`{"name":"x","datatype":"UINT8","shape":[2,2],"data":[[1,2,3],[4]]}`), "", CodeShape},
		"nesting deeper than its rank":  {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":[[[1]]]}`), "", CodeShape},
		"a number over its datatype":    {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":[256]}`), "", CodeDatatype},
		"a word among numbers":          {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":["1"]}`), "", CodeShape},
		"a float over its datatype":     {one(`{"name":"x","datatype":"FP32","shape":[1],"data":[1e300]}`), "", CodeDatatype},
		"an unknown datatype":           {one(`{"name":"x","datatype":"UINT9","shape":[1],"data":[1]}`), "", CodeDatatype},
		"BYTES":                         {one(`{"name":"x","datatype":"BYTES","shape":[1],"data":["a"]}`), "", CodeDatatype},
		"FP16 in JSON":                  {one(`{"name":"x","datatype":"FP16","shape":[1],"data":[1]}`), "", CodeDatatype},
		"no data":                       {one(`{"name":"x","datatype":"UINT8","shape":[1]}`), "", CodeMalformed},
		"both kinds of data":            {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1},"data":[1]}`), "", CodeMalformed},
		"a name that climbs":            {one(`{"name":"../x","datatype":"UINT8","shape":[1],"data":[1]}`), "", CodeTensor},
		"the same tensor twice":         {`{"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"data":[1]},{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}]}`, "", CodeDuplicate},
		"a million parameters":          {`{"parameters":` + crowd + `,"inputs":[]}`, "", CodeParameters},
		"a parameter twice":             {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"a":1,"a":2},"data":[1]}`), "", CodeParameters},
		"a nested parameter":            {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"a":{}},"data":[1]}`), "", CodeParameters},
		"a size that is no number":      {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":"1"}}`), "", CodeParameters},
		"a negative size":               {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":-1}}`), "", CodeParameters},
		"a size that is not the shape":  {one(`{"name":"x","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":1}}`), "", CodeShape},
		"a size without its bytes":      {one(`{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1}}`), "", CodeShape},
		"a header length that is none":  {`{}`, "abc", CodeMalformed},
		"a negative header length":      {`{}`, "-1", CodeMalformed},
		"a header longer than the body": {`{}`, "3", CodeMalformed},
		"a header over its limit":       {`{}`, "99999999", CodeTooLarge},
		"bytes after the last tensor":   {one(`{"name":"x","datatype":"UINT8","shape":[1],"data":[1]}`) + "zz", "67", CodeMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeRequest([]byte(tt.body), tt.header, Limits{})
			var e *Error
			if !errors.As(err, &e) || e.Code != tt.want {
				t.Errorf("error %v, want code %s", err, tt.want)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("the message repeats %d bytes of the stranger's", len(err.Error()))
			}
		})
	}
}

func TestAHugeShapeCostsNoMemory(t *testing.T) {
	body := []byte(`{"inputs":[{"name":"x","datatype":"FP64","shape":[8000000],"data":[1]}]}`)
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeRequest(body, "", Limits{}); CodeOf(err) != CodeShape {
				b.Fatal(err)
			}
		}
	})
	if got := result.AllocedBytesPerOp(); got > 64<<10 {
		t.Errorf("%d bytes are allocated for a shape of 64 MB", got)
	}
}

func TestPathsAreReadAsTheyAre(t *testing.T) {
	tests := map[string]struct {
		route   Route
		model   string
		version string
		code    Code
	}{
		"/v2":                           {RouteServer, "", "", ""},
		"/v2/health/live":               {RouteLive, "", "", ""},
		"/v2/health/ready":              {RouteReady, "", "", ""},
		"/v2/models/tryon":              {RouteModel, "tryon", "", ""},
		"/v2/models/tryon/ready":        {RouteModelReady, "tryon", "", ""},
		"/v2/models/tryon/infer":        {RouteInfer, "tryon", "", ""},
		"/v2/models/tryon/versions/1":   {RouteModel, "tryon", "1", ""},
		"/v2/models/t/versions/1/infer": {RouteInfer, "t", "1", ""},
		"/v2/models/":                   {"", "", "", CodeModelName},
		"/v2/models":                    {"", "", "", CodeNotFound},
		"/v2/models/../x":               {"", "", "", CodeModelName},
		"/v2/models/a..b":               {"", "", "", CodeModelName},
		"/v2/models/%2e%2e/infer":       {"", "", "", CodeModelName},
		"/v2/models/a%2fb/infer":        {"", "", "", CodeModelName},
		"/v2/models/a%00/infer":         {"", "", "", CodeModelName},
		"/v2/models/tryon/../../secret": {"", "", "", CodeModelName},
		"/v2/models/tryon/explain":      {"", "", "", CodeNotFound},
		"/v2/models/tryon/versions":     {"", "", "", CodeNotFound},
		"/v3":                           {"", "", "", CodeNotFound},
		"/v2/health":                    {"", "", "", CodeNotFound},
		"/v2/models/" + string(bytes.Repeat([]byte("a"), 200)): {"", "", "", CodeModelName},
	}
	for path, tt := range tests {
		route, model, version, err := ParsePath(path)
		code := Code("")
		if err != nil {
			code = CodeOf(err)
		}
		if route != tt.route || model != tt.model || version != tt.version || code != tt.code {
			t.Errorf("%s: %s %s %s %s, want %+v", path, route, model, version, code, tt)
		}
	}
}

func TestOverTheWireEveryFormAnswers(t *testing.T) {
	url := serve(t, Limits{BodyBytes: 1 << 16})
	tests := map[string]struct {
		method, path, body, header string
		wantStatus                 int
		want                       string
	}{
		"flat JSON":         {"POST", "/v2/models/invert/infer", `{"inputs":[{"name":"x","datatype":"UINT8","shape":[2,1],"data":[1,2]}]}`, "", 200, `"data":[254,253]`},
		"nested JSON":       {"POST", "/v2/models/invert/versions/1/infer", `{"inputs":[{"name":"x","datatype":"UINT8","shape":[2,1],"data":[[1], [2]]}]}`, "", 200, `"data":[254,253]`},
		"binary in":         {"POST", "/v2/models/invert/infer", `{"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1}}]}` + "\x01", "92", 200, `"data":[254]`},
		"metadata":          {"GET", "/v2/models/invert", "", "", 200, `"platform":"go"`},
		"server":            {"GET", "/v2", "", "", 200, `"name":"test"`},
		"live":              {"GET", "/v2/health/live", "", "", 200, `true`},
		"another version":   {"GET", "/v2/models/invert/versions/2", "", "", 404, `"code":"NotFound"`},
		"another method":    {"GET", "/v2/models/invert/infer", "", "", 405, `"code":"MethodNotAllowed"`},
		"half a method":     {"GE", "/v2", "", "", 405, `"code":"MethodNotAllowed"`},
		"a body over limit": {"POST", "/v2/models/invert/infer", strings.Repeat(" ", 1<<16+1), "", 413, `"code":"TooLarge"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), tt.method, url+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.header != "" {
				req.Header.Set(HeaderLength, tt.header)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			out, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != tt.wantStatus || !strings.Contains(string(out), tt.want) || resp.Header.Get(InstanceHeader) != "i-1" {
				t.Errorf("%s %s, want %d with %s", resp.Status, out, tt.wantStatus, tt.want)
			}
		})
	}
}

func TestTheClientReadsWhatTheServerWrites(t *testing.T) {
	c, err := NewClient(serve(t, Limits{}), Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in := Request{ID: "7", Inputs: []Tensor{{Name: "x", Datatype: Uint8, Shape: []int64{3}, Data: []byte{0, 1, 255}}}}
	got, err := c.Infer(t.Context(), "invert", in)
	want := Response{ModelName: "invert", ID: "7", Outputs: []Tensor{{Name: "x", Datatype: Uint8, Shape: []int64{3}, Data: []byte{255, 254, 0}}}}
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %s", err, cmp.Diff(want, got))
	}
	if _, err := c.Infer(t.Context(), "other", in); CodeOf(err) != CodeNotFound {
		t.Errorf("another model: %v, want %s", err, CodeNotFound)
	}
}

func TestEveryNumberSurvivesJSON(t *testing.T) {
	for d, text := range map[Datatype]string{
		Bool: "[true,false]", Uint8: "[0,255]", Int8: "[-128,127]", Uint16: "[0,65535]", Int16: "[-32768,32767]", Uint32: "[0,4294967295]",
		Int32: "[-2147483648,2147483647]", Uint64: "[0,18446744073709551615]", Int64: "[-9223372036854775808,9223372036854775807]",
		FP32: "[0.5,-1.25]", FP64: "[1e+300,-0.1]",
	} {
		tensor := Tensor{Name: "x", Datatype: d, Shape: []int64{2}}
		data, err := decodeNumbers([]byte(text), tensor, 2*d.Size())
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		tensor.Data = data
		if got, err := encodeNumbers(tensor); err != nil || string(got) != text {
			t.Errorf("%s: %s, %v; want %s", d, got, err, text)
		}
	}
	nan := Tensor{Name: "x", Datatype: FP32, Data: []byte{0, 0, 0xc0, 0x7f}}
	if _, err := encodeNumbers(nan); err == nil || !math.IsNaN(float64(math.Float32frombits(0x7fc00000))) {
		t.Errorf("NaN went into JSON: %v", err)
	}
}

func TestSignaturesThatMakeNoSenseAreRefused(t *testing.T) {
	good := `{"schema":"tryon.signature/v1","name":"tryon/v1","height":96,"width":72}`
	if s, err := ReadSignature(strings.NewReader(good)); err != nil || s != NewSignature(96, 72) {
		t.Errorf("%+v, %v", s, err)
	}
	for name, text := range map[string]string{
		"another schema": strings.Replace(good, "signature/v1", "signature/v2", 1), "another name": strings.Replace(good, "tryon/v1\"", "tryon/v2\"", 1),
		"no height": strings.Replace(good, "96", "0", 1), "a huge width": strings.Replace(good, "72", "1000000", 1),
		"an unknown field": strings.Replace(good, "}", `,"x":1}`, 1), "nothing": "", "too much": good + strings.Repeat(" ", 5000),
	} {
		if _, err := ReadSignature(strings.NewReader(text)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestClientAddressesAreChecked(t *testing.T) {
	for _, base := range []string{"", "x", "ftp://h", "http://", "http://u:p@h", "http://h?q"} {
		if _, err := NewClient(base, Limits{}, nil); err == nil {
			t.Errorf("%q is accepted", base)
		}
	}
}

func TestAnAnswerMayHoldWhatItsReaderDoesNotKnow(t *testing.T) {
	tensor := func(rest string) string {
		return `{"model_name":"m","outputs":[{"name":"x","datatype":"UINT8","shape":[2],` + rest + `}]}`
	}
	for name, body := range map[string]string{
		"a parameter that is null":      tensor(`"parameters":{"content_type":null},"data":[1,2]`),
		"a nested parameter":            tensor(`"parameters":{"classification":{"labels":["a"]}},"data":[1,2]`),
		"null in place of parameters":   tensor(`"parameters":null,"data":[1,2]`),
		"a field of the tensor":         tensor(`"layout":"NHWC","data":[1,2]`),
		"a field of the answer":         `{"took_ms":3,"parameters":{"sequence_id":null}` + tensor(`"data":[1,2]`)[len(`{"model_name":"m"`):],
		"null where the version may be": `{"model_version":null,"id":null` + tensor(`"data":[1,2]`)[len(`{"model_name":"m"`):],
		"no binary data, said by null":  tensor(`"parameters":{"binary_data_size":null},"data":[1,2]`),
		"no JSON data, said by null":    tensor(`"parameters":{"binary_data_size":2},"data":null`) + "\x01\x02",
	} {
		t.Run(name, func(t *testing.T) {
			header := ""
			if strings.HasSuffix(body, "\x02") {
				header = fmt.Sprint(len(body) - 2)
			}
			got, err := DecodeResponse([]byte(body), header, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if x, _ := got.Output("x"); !bytes.Equal(x.Data, []byte{1, 2}) {
				t.Errorf("%v is read of %s", x.Data, body)
			}
		})
	}
}

func TestAnAnswerThatCannotBeReadIsAnError(t *testing.T) {
	tensor := func(rest string) string {
		return `{"outputs":[{"name":"x","datatype":"UINT8","shape":[2],` + rest + `}]}`
	}
	for name, tt := range map[string]struct {
		body string
		want Code
	}{
		"two documents":            {tensor(`"data":[1,2]`) + "{}", CodeMalformed},
		"no data":                  {tensor(`"parameters":{}`), CodeMalformed},
		"both kinds of data":       {tensor(`"parameters":{"binary_data_size":2},"data":[1,2]`), CodeMalformed},
		"a size that is negative":  {tensor(`"parameters":{"binary_data_size":-2}`), CodeParameters},
		"a size that is no number": {tensor(`"parameters":{"binary_data_size":true}`), CodeMalformed},
		"more than its shape":      {tensor(`"data":[1,2,3]`), CodeShape},
		"a list":                   {`[]`, CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := DecodeResponse([]byte(tt.body), "", Limits{}); CodeOf(err) != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"inputs":[{"name":"x","datatype":"UINT8","shape":[2,1],"data":[[1],[2]]}]}`), "")
	f.Add([]byte(`{"inputs":[{"name":"x","datatype":"UINT8","shape":[1],"parameters":{"binary_data_size":1}}]}z`), "92")
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		req, err := DecodeRequest(body, header, Limits{BodyBytes: 1 << 20})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		for _, in := range req.Inputs {
			if size, err := Bytes(in.Datatype, in.Shape, 1<<20); err != nil || size != int64(len(in.Data)) {
				t.Fatalf("%+v has %d bytes, %v", in, size, err)
			}
		}
		again, header, err := EncodeRequest(req)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeRequest(again, header, Limits{BodyBytes: 1 << 24, HeaderBytes: 1 << 22})
		if err != nil || len(back.Inputs) != len(req.Inputs) {
			t.Fatalf("%v: %s", err, cmp.Diff(req, back))
		}
	})
}
