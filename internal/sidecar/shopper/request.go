package shopper

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"

	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

// Request is a Shopper request, its pictures still encoded.
type Request struct {
	Person, Garment, Mask []byte
	GarmentID, Category   string
	Seed                  *int64
}

// Limits bound what a request may hold.
type Limits struct {
	// ImageBytes bounds each picture.
	ImageBytes int64
	// Categories are the garment categories that the model knows.
	Categories []string
}

const maxWord = 256

// knownFields are the names that target knows.
const knownFields = "person, garment, mask, garmentId, category and seed"

// Decode reads a whole body by its content type. Errors are *problem.Problem.
func Decode(contentType string, body []byte, most Limits) (Request, error) {
	if len(body) == 0 {
		return Request{}, problem.New(problem.CodeEmptyBody, "The body is empty.")
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return Request{}, problem.New(problem.CodeUnsupportedMediaType, "The Content-Type header is %.80q.", contentType)
	}
	var req Request
	switch mediaType {
	case "multipart/form-data":
		req, err = decodeMultipart(body, params["boundary"], most)
	case "application/json":
		req, err = decodeJSON(body)
	default:
		return Request{}, problem.New(problem.CodeUnsupportedMediaType, "The body is %.80q.", mediaType)
	}
	if err != nil {
		return Request{}, err
	}
	return req, req.check(most)
}

func (r Request) check(most Limits) error {
	switch {
	case len(r.Person) == 0:
		return problem.New(problem.CodeMissingField, "The field person is missing or empty.")
	case len(r.Garment) == 0 && r.GarmentID == "":
		return problem.New(problem.CodeMissingField, "Neither garment nor garmentId is there.")
	case len(r.Garment) > 0 && r.GarmentID != "":
		return problem.New(problem.CodeBadRequest, "Both garment and garmentId are there.")
	case len(r.Mask) > 0 && r.GarmentID != "":
		return problem.New(problem.CodeBadRequest, "A mask belongs to garment, not to garmentId.")
	case r.Category != "" && r.Category != "auto" && !slices.Contains(most.Categories, r.Category):
		return problem.New(problem.CodeCategoryUnsupported, "The category is %.40q, the model knows %s.", r.Category, strings.Join(most.Categories, ", "))
	}
	return r.checkSizes(most.ImageBytes)
}

func (r Request) checkSizes(most int64) error {
	for name, picture := range map[string][]byte{"person": r.Person, "garment": r.Garment, "mask": r.Mask} {
		if int64(len(picture)) > most {
			return problem.New(problem.CodeTooLarge, "The picture %s has %d bytes, %d are allowed.", name, len(picture), most)
		}
	}
	return nil
}

func decodeMultipart(body []byte, boundary string, most Limits) (Request, error) {
	var req Request
	if boundary == "" {
		return req, problem.New(problem.CodeBadRequest, "The Content-Type header has no boundary.")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	seen := map[string]bool{}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return req, nil
		}
		if err != nil {
			return req, problem.Because(problem.CodeBadRequest, err, "The multipart body is damaged or cut short.")
		}
		name := part.FormName()
		if seen[name] {
			return req, problem.New(problem.CodeBadRequest, "The field %.40q is there twice.", name)
		}
		seen[name] = true
		if err := req.field(name, part, most); err != nil {
			return req, err
		}
	}
}

func (r *Request) field(name string, part io.Reader, most Limits) error {
	// The name is judged first: whoever misspells it shall not be told of the length.
	target, known := r.target(name)
	if !known {
		return problem.New(problem.CodeBadRequest, "The field %.40q is unknown, known are %s.", name, knownFields)
	}
	limit := int64(maxWord)
	picture, ok := target.(*encoded)
	if ok {
		limit = most.ImageBytes
	}
	value, err := io.ReadAll(io.LimitReader(part, limit+1))
	switch {
	case err != nil:
		return problem.Because(problem.CodeBadRequest, err, "The multipart body is damaged or cut short.")
	case ok && int64(len(value)) > limit:
		return problem.New(problem.CodeTooLarge, "The picture %s has more than the %d bytes that are allowed.", name, limit)
	case ok:
		*picture = value
		return nil
	case int64(len(value)) > limit:
		return tooLong(name)
	}
	return r.word(name, string(value))
}

// tooLong refuses a word. It is no CodeTooLarge, whose advice is about pictures.
func tooLong(name string) error {
	return problem.New(problem.CodeBadRequest, "The field %s has more than the %d bytes that are allowed.", name, maxWord)
}

func (r *Request) word(name, value string) error {
	switch name {
	case "garmentId":
		r.GarmentID = value
	case "category":
		r.Category = value
	case "seed":
		seed, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return problem.New(problem.CodeBadRequest, "The field seed is %.40q, want a whole number.", value)
		}
		r.Seed = &seed
	}
	return nil
}

// decodeJSON reads one flat object. Names are taken as they are and once only: where two parsers may differ about a body, a stranger could tell the
// one in front of us something else than us.
func decodeJSON(body []byte) (Request, error) {
	var req Request
	dec := json.NewDecoder(bytes.NewReader(body))
	err := eachField(dec, func(name string) error {
		target, known := req.target(name)
		if !known {
			return fmt.Errorf("the field %.40q is unknown, known are %s", name, knownFields)
		}
		return inField(name, dec.Decode(target))
	})
	if err != nil {
		return req, problem.Because(problem.CodeBadRequest, err, "The JSON body is refused: %.160s.", err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return req, problem.New(problem.CodeBadRequest, "Bytes follow the JSON document.")
	}
	switch {
	case len(req.GarmentID) > maxWord:
		return req, tooLong("garmentId")
	case len(req.Category) > maxWord:
		return req, tooLong("category")
	}
	return req, nil
}

// inField says in which field an error is, and of what type its value is where that is wrong.
func inField(name string, err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return fmt.Errorf("the field %s is a %.40s", name, wrong.Value)
	}
	return fmt.Errorf("the field %s: %w", name, err)
}

// eachField calls read for each name of an object; read takes the value from dec.
func eachField(dec *json.Decoder, read func(name string) error) error {
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return errors.Join(errors.New("it is no object"), err)
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] {
			return fmt.Errorf("the field %.40q is there twice", name)
		}
		seen[name] = true
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// target is where a field's value goes; pictures have the type *encoded.
func (r *Request) target(name string) (into any, known bool) {
	switch name {
	case "person":
		return (*encoded)(&r.Person), true
	case "garment":
		return (*encoded)(&r.Garment), true
	case "mask":
		return (*encoded)(&r.Mask), true
	case "garmentId":
		return &r.GarmentID, true
	case "category":
		return &r.Category, true
	case "seed":
		return &r.Seed, true
	}
	return nil, false
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
		return errors.New("it is not base64")
	}
	*e = out[:n]
	return nil
}
