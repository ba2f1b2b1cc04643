package control

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Headers of a signed push.
const (
	HeaderSignature = "Tryon-Signature"
	HeaderAudience  = "Tryon-Audience"
	HeaderTime      = "Tryon-Time"
)

// Environment of a sidecar.
const (
	// EnvPublicKey holds the manager's public key, standard base64 of 32 bytes.
	EnvPublicKey = "TRYON_CONTROL_PUBLIC_KEY"
	// EnvPodUID holds the pod's UID.
	EnvPodUID = "TRYON_POD_UID"
)

// MaxSkew is how far the time of a push may be from the pod's clock.
const MaxSkew = 5 * time.Minute

// ErrUnauthorized says that a push is not signed by the manager for this pod and this time.
var ErrUnauthorized = errors.New("unauthorized control push")

// digest is what is signed: sha256(podUID "\n" time "\n" body). A UID and an RFC 3339 time have no newline, so no two pushes share it.
func digest(podUID, at string, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(podUID + "\n" + at + "\n"))
	h.Write(body)
	return h.Sum(nil)
}

// Sign sets the three headers for a push of body to one pod.
func Sign(header http.Header, key ed25519.PrivateKey, podUID string, at time.Time, body []byte) {
	stamp := at.UTC().Format(time.RFC3339)
	header.Set(HeaderAudience, podUID)
	header.Set(HeaderTime, stamp)
	header.Set(HeaderSignature, base64.StdEncoding.EncodeToString(ed25519.Sign(key, digest(podUID, stamp, body))))
}

// Verify checks the three headers of a push. Every error wraps ErrUnauthorized.
func Verify(header http.Header, key ed25519.PublicKey, podUID string, now time.Time, body []byte) error {
	if len(key) != ed25519.PublicKeySize || podUID == "" {
		return fmt.Errorf("%w: this pod has no key or no UID, so it takes documents from its ConfigMap only", ErrUnauthorized)
	}
	for _, name := range []string{HeaderSignature, HeaderAudience, HeaderTime} {
		if len(header.Values(name)) != 1 {
			return fmt.Errorf("%w: header %s must be there once", ErrUnauthorized, name)
		}
	}
	if header.Get(HeaderAudience) != podUID {
		return fmt.Errorf("%w: it is for another pod", ErrUnauthorized)
	}
	stamp := header.Get(HeaderTime)
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return fmt.Errorf("%w: %s is not an RFC 3339 time", ErrUnauthorized, HeaderTime)
	}
	if d := now.Sub(at); d > MaxSkew || d < -MaxSkew {
		return fmt.Errorf("%w: it was signed %s away from now, %s are allowed", ErrUnauthorized, d.Round(time.Second), MaxSkew)
	}
	signature, err := base64.StdEncoding.DecodeString(header.Get(HeaderSignature))
	if err != nil || !ed25519.Verify(key, digest(podUID, stamp, body), signature) {
		return fmt.Errorf("%w: the signature does not match", ErrUnauthorized)
	}
	return nil
}

// ParsePublicKey reads the value of EnvPublicKey.
func ParsePublicKey(s string) (ed25519.PublicKey, error) {
	key, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("reading public key: %w", err)
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("reading public key: %d bytes, want %d", len(key), ed25519.PublicKeySize)
	}
	return key, nil
}

// FormatPublicKey writes the value of EnvPublicKey.
func FormatPublicKey(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }
