package sidecar

import (
	"net/http"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sidecar/shopper"
)

type modelReply struct {
	Version    string               `json:"version"`
	Signature  string               `json:"signature"`
	Height     int                  `json:"height"`
	Width      int                  `json:"width"`
	Categories []string             `json:"categories"`
	Limits     map[string]int64     `json:"limits"`
	Accepts    []string             `json:"accepts"`
	Replies    []string             `json:"replies"`
	Tensors    []oip.TensorMetadata `json:"inputs"`
}

// describe says what this pod serves.
func (s *Server) describe(w http.ResponseWriter, _ *http.Request) error {
	o, signature := s.options, s.model.Signature()
	return shopper.WriteJSON(w, modelReply{
		Version: o.Version, Signature: signature.Name, Height: signature.Height, Width: signature.Width, Categories: o.Categories,
		Limits:  map[string]int64{"bodyBytes": o.BodyBytes, "imageBytes": o.ImageBytes, "pixels": o.Photo.Pixels},
		Accepts: []string{"multipart/form-data", shopper.TypeJSON}, Replies: []string{shopper.TypePNG, shopper.TypeJPEG, shopper.TypeJSON},
		Tensors: signature.Inputs(),
	})
}
