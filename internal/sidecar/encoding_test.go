package sidecar

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"testing"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

func TestACompressedBodyIsRefusedForWhatItIs(t *testing.T) {
	p := start(t, runtimetest.Graph{})
	signature := p.model.Signature()
	in, err := picture.Prepare(signature, person(netW, netH), shirt(netW, netH, paper), nil)
	if err != nil {
		t.Fatal(err)
	}
	ask, err := signature.Request(1, oip.TryOn{Person: in.Person, Garment: in.Garment, GarmentMask: in.GarmentMask})
	if err != nil {
		t.Fatal(err)
	}
	inference, length, err := oip.EncodeRequest(ask)
	if err != nil {
		t.Fatal(err)
	}
	contentType, tryOn := form(t, usual(t))
	routes := map[string]struct {
		header http.Header
		body   []byte
	}{
		"/v1/tryon":              {http.Header{"Content-Type": {contentType}}, tryOn},
		"/v2/models/tryon/infer": {http.Header{"Content-Type": {"application/octet-stream"}, oip.HeaderLength: {length}}, inference},
	}
	for path, route := range routes {
		for name, tt := range map[string]struct {
			encodings []string
			refused   bool
		}{
			"gzip": {[]string{"gzip"}, true}, "deflate": {[]string{"deflate"}, true}, "both": {[]string{"identity, GZIP"}, true},
			"in a second header": {[]string{"identity", "br"}, true}, "none": {nil, false}, "plain": {[]string{"Identity"}, false},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				body := route.body
				if tt.refused {
					body = zipped(t, body)
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.front+path, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header = route.header.Clone()
				for _, encoding := range tt.encodings {
					req.Header.Add("Content-Encoding", encoding)
				}
				resp, out := do(t, req)
				if !tt.refused {
					if resp.StatusCode != http.StatusOK {
						t.Errorf("%s %.200s", resp.Status, out)
					}
					return
				}
				code, err := codeOf(resp, out)
				if err != nil || resp.StatusCode != http.StatusUnsupportedMediaType || code != problem.CodeUnsupportedEncoding || resp.Header.Get("Accept-Encoding") != "identity" {
					t.Errorf("%s %s, %v, %v; want 415 %s and what is accepted", resp.Status, code, err, resp.Header, problem.CodeUnsupportedEncoding)
				}
			})
		}
	}
}

func zipped(t *testing.T, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
