package sidecar

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"
)

// request is a Shopper request, its pictures still encoded.
type request struct {
	person, garment, mask []byte
	garmentID, category   string
	seed                  *int64
}

const maxWord = 256

// decodeRequest reads a whole body by its content type. Errors are *Problem.
func decodeRequest(contentType string, body []byte, o Options) (request, error) {
	if len(body) == 0 {
		return request{}, problem(CodeEmptyBody, "The body is empty.")
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return request{}, problem(CodeUnsupportedMediaType, "The Content-Type header is %.80q.", contentType)
	}
	var req request
	switch mediaType {
	case "multipart/form-data":
		req, err = decodeMultipart(body, params["boundary"], o)
	case "application/json":
		req, err = decodeJSON(body)
	default:
		return request{}, problem(CodeUnsupportedMediaType, "The body is %.80q.", mediaType)
	}
	if err != nil {
		return request{}, err
	}
	return req, req.check(o)
}

func (r request) check(o Options) error {
	switch {
	case len(r.person) == 0:
		return problem(CodeMissingField, "The field person is missing or empty.")
	case len(r.garment) == 0 && r.garmentID == "":
		return problem(CodeMissingField, "Neither garment nor garmentId is there.")
	case len(r.garment) > 0 && r.garmentID != "":
		return problem(CodeBadRequest, "Both garment and garmentId are there.")
	case len(r.mask) > 0 && r.garmentID != "":
		return problem(CodeBadRequest, "A mask belongs to garment, not to garmentId.")
	case r.category != "" && r.category != "auto" && !slices.Contains(o.Categories, r.category):
		return problem(CodeCategoryUnsupported, "The category is %.40q, the model knows %s.", r.category, strings.Join(o.Categories, ", "))
	}
	return r.checkSizes(o.ImageBytes)
}

func (r request) checkSizes(most int64) error {
	for name, picture := range map[string][]byte{"person": r.person, "garment": r.garment, "mask": r.mask} {
		if int64(len(picture)) > most {
			return problem(CodeTooLarge, "The picture %s has %d bytes, %d are allowed.", name, len(picture), most)
		}
	}
	return nil
}

func decodeMultipart(body []byte, boundary string, o Options) (request, error) {
	var req request
	if boundary == "" {
		return req, problem(CodeBadRequest, "The Content-Type header has no boundary.")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	seen := map[string]bool{}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return req, nil
		}
		if err != nil {
			return req, because(CodeBadRequest, err, "The multipart body is damaged or cut short.")
		}
		name := part.FormName()
		if seen[name] {
			return req, problem(CodeBadRequest, "The field %.40q is there twice.", name)
		}
		seen[name] = true
		if err := req.field(name, part, o); err != nil {
			return req, err
		}
	}
}

func (r *request) field(name string, part io.Reader, o Options) error {
	picture := map[string]*[]byte{"person": &r.person, "garment": &r.garment, "mask": &r.mask}[name]
	limit := int64(maxWord)
	if picture != nil {
		limit = o.ImageBytes
	}
	value, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return because(CodeBadRequest, err, "The multipart body is damaged or cut short.")
	}
	if int64(len(value)) > limit {
		return problem(CodeTooLarge, "The field %.40q is over its limit of %d bytes.", name, limit)
	}
	if picture != nil {
		*picture = value
		return nil
	}
	return r.word(name, string(value))
}

func (r *request) word(name, value string) error {
	switch name {
	case "garmentId":
		r.garmentID = value
	case "category":
		r.category = value
	case "seed":
		seed, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return problem(CodeBadRequest, "The field seed is %.40q, want a whole number.", value)
		}
		r.seed = &seed
	default:
		return problem(CodeBadRequest, "The field %.40q is unknown.", name)
	}
	return nil
}

func decodeJSON(body []byte) (request, error) {
	var wire struct {
		Person    encoded `json:"person"`
		Garment   encoded `json:"garment"`
		Mask      encoded `json:"mask"`
		GarmentID string  `json:"garmentId"`
		Category  string  `json:"category"`
		Seed      *int64  `json:"seed"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&wire); err != nil {
		return request{}, because(CodeBadRequest, err, "The JSON body is refused: %.120s.", err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return request{}, problem(CodeBadRequest, "Bytes follow the JSON document.")
	}
	if len(wire.GarmentID) > maxWord || len(wire.Category) > maxWord {
		return request{}, problem(CodeTooLarge, "garmentId or category is over %d bytes.", maxWord)
	}
	return request{
		person: wire.Person, garment: wire.Garment, mask: wire.Mask,
		garmentID: wire.GarmentID, category: wire.Category, seed: wire.Seed,
	}, nil
}

// encoded is a picture in base64, with or without the prefix of a data URI: clients of other services send both.
type encoded []byte

func (e *encoded) UnmarshalText(text []byte) error {
	if bytes.HasPrefix(text, []byte("data:")) {
		comma := bytes.IndexByte(text[:min(len(text), 128)], ',')
		if comma < 0 || !bytes.HasSuffix(text[:comma], []byte(";base64")) {
			return errors.New("a data URI must be base64")
		}
		text = text[comma+1:]
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(out, text)
	if err != nil {
		return errors.New("a picture is not base64")
	}
	*e = out[:n]
	return nil
}
