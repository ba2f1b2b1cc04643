package controlkey

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/names"
)

const (
	// SecretName is the name of the Secret.
	SecretName = "tryon-control-key"
	// DataKey holds the private key: PEM of PKCS #8, as `openssl genpkey -algorithm ed25519` writes it.
	DataKey = "private.pem"

	pemType = "PRIVATE KEY"
)

// ErrKey says that the Secret is there and holds no usable key. It is not overwritten: running pods may trust it.
var ErrKey = errors.New("control key cannot be used")

// Only this Secret may be read; the API cannot bind the creation of an object to its name.
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get,resourceNames=tryon-control-key,namespace=tryon-system
// +kubebuilder:rbac:groups="",resources=secrets,verbs=create,namespace=tryon-system

// Ensure reads the key from the Secret in the operator's namespace, and makes it when there is none. reader has to read from the API
// server, not from a cache, because the operator may not list Secrets.
func Ensure(ctx context.Context, reader client.Reader, writer client.Writer, namespace string) (ed25519.PrivateKey, error) {
	key, err := read(ctx, reader, namespace)
	if !apierrors.IsNotFound(err) {
		return key, err
	}
	secret, key, err := generate(namespace)
	if err != nil {
		return nil, err
	}
	switch err := writer.Create(ctx, secret); {
	case apierrors.IsAlreadyExists(err):
		// Another replica of the manager was faster; its key is the key.
		return read(ctx, reader, namespace)
	case err != nil:
		return nil, fmt.Errorf("creating Secret %s: %w", SecretName, err)
	}
	return key, nil
}

func read(ctx context.Context, reader client.Reader, namespace string) (ed25519.PrivateKey, error) {
	secret := &corev1.Secret{}
	if err := reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: SecretName}, secret); err != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", SecretName, err)
	}
	block, _ := pem.Decode(secret.Data[DataKey])
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("%w: Secret %s/%s has no PEM private key under %s", ErrKey, namespace, SecretName, DataKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: Secret %s/%s: %w", ErrKey, namespace, SecretName, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: Secret %s/%s holds %T, want an Ed25519 key", ErrKey, namespace, SecretName, parsed)
	}
	return key, nil
}

func generate(namespace string) (*corev1.Secret, ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("generating control key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding control key: %w", err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: SecretName, Namespace: namespace, Labels: names.Labels()},
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{DataKey: pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})},
	}, key, nil
}
