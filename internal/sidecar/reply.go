package sidecar

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"image/png"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/braincreators/tryon-operator/internal/sidecar/picture"
)

const (
	typePNG  = "image/png"
	typeJPEG = "image/jpeg"
	typeJSON = "application/json"
)

// negotiate picks the reply's type from the Accept header: the highest quality, PNG before JPEG before JSON where equal. Errors are *Problem.
func negotiate(accept []string) (string, error) {
	if len(accept) == 0 {
		return typePNG, nil
	}
	best, quality := "", 0.0
	for _, offer := range []string{typePNG, typeJPEG, typeJSON} {
		if q := acceptance(offer, accept); q > quality {
			best, quality = offer, q
		}
	}
	if best == "" {
		return "", problem(CodeNotAcceptable, "The Accept header is %.120q.", strings.Join(accept, ", "))
	}
	return best, nil
}

// acceptance gives the quality of the most specific range that covers offer.
func acceptance(offer string, accept []string) float64 {
	kind, _, _ := strings.Cut(offer, "/")
	quality, precision := 0.0, 0
	for _, header := range accept {
		for item := range strings.SplitSeq(header, ",") {
			mediaType, params, err := mime.ParseMediaType(item)
			if err != nil {
				continue
			}
			p := map[string]int{"*/*": 1, kind + "/*": 2, offer: 3}[mediaType]
			if p <= precision {
				continue
			}
			precision, quality = p, 1
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
				quality = q
			}
		}
	}
	return quality
}

// answer is a finished try-on.
type answer struct {
	picture  *image.RGBA
	scores   picture.Scores
	version  string
	seed     *int64
	warnings []string
}

// reply is the JSON form of an answer.
type reply struct {
	// Image is a PNG file in base64.
	Image     []byte         `json:"image"`
	MediaType string         `json:"mediaType"`
	Version   string         `json:"version"`
	Scores    picture.Scores `json:"scores"`
	Seed      *int64         `json:"seed,omitempty"`
	Warnings  []string       `json:"warnings"`
}

func (a answer) encode(mediaType string) ([]byte, error) {
	var out bytes.Buffer
	if mediaType == typeJPEG {
		err := jpeg.Encode(&out, a.picture, &jpeg.Options{Quality: 92})
		return out.Bytes(), err
	}
	// Photos hardly shrink further with slower settings.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, a.picture); err != nil {
		return nil, err
	}
	if mediaType == typePNG {
		return out.Bytes(), nil
	}
	return json.Marshal(reply{
		Image: out.Bytes(), MediaType: typePNG, Version: a.version, Scores: a.scores, Seed: a.seed, Warnings: append([]string{}, a.warnings...),
	})
}

func writeBody(w http.ResponseWriter, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// A client that has gone cannot be told so.
	_, _ = w.Write(body)
}

func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return because(CodeInternal, err, "Encoding the answer.")
	}
	writeBody(w, typeJSON, body)
	return nil
}
