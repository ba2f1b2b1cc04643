package shopper

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
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// The types of a reply.
const (
	TypePNG  = "image/png"
	TypeJPEG = "image/jpeg"
	TypeJSON = "application/json"
)

// Negotiate picks the reply's type from the Accept header: the highest quality, PNG before JPEG before JSON where equal. Errors are *problem.Problem.
func Negotiate(accept []string) (string, error) {
	if len(accept) == 0 {
		return TypePNG, nil
	}
	best, quality := "", 0.0
	for _, offer := range []string{TypePNG, TypeJPEG, TypeJSON} {
		if q := acceptance(offer, accept); q > quality {
			best, quality = offer, q
		}
	}
	if best == "" {
		return "", problem.New(problem.CodeNotAcceptable, "The Accept header is %.120q.", strings.Join(accept, ", "))
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

// Answer is a finished try-on.
type Answer struct {
	Picture  *image.RGBA
	Scores   picture.Scores
	Version  string
	Seed     *int64
	Warnings []string
}

// reply is the JSON form of an Answer.
type reply struct {
	// Image is a PNG file in base64.
	Image     []byte         `json:"image"`
	MediaType string         `json:"mediaType"`
	Version   string         `json:"version"`
	Scores    picture.Scores `json:"scores"`
	Seed      *int64         `json:"seed,omitempty"`
	Warnings  []string       `json:"warnings"`
}

// Encode gives the reply's body.
func (a Answer) Encode(mediaType string) ([]byte, error) {
	var out bytes.Buffer
	if mediaType == TypeJPEG {
		err := jpeg.Encode(&out, a.Picture, &jpeg.Options{Quality: 92})
		return out.Bytes(), err
	}
	// Photos hardly shrink further with slower settings.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := encoder.Encode(&out, a.Picture); err != nil {
		return nil, err
	}
	if mediaType == TypePNG {
		return out.Bytes(), nil
	}
	return json.Marshal(reply{
		Image: out.Bytes(), MediaType: TypePNG, Version: a.Version, Scores: a.Scores, Seed: a.Seed, Warnings: append([]string{}, a.Warnings...),
	})
}

// WriteBody sends a complete reply.
func WriteBody(w http.ResponseWriter, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// A client that has gone cannot be told so.
	_, _ = w.Write(body)
}

// WriteJSON sends a value as JSON.
func WriteJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return problem.Because(problem.CodeInternal, err, "Encoding the answer.")
	}
	WriteBody(w, TypeJSON, body)
	return nil
}
