package controlkey_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/braincreators/tryon-operator/internal/controlkey"
)

const namespace = "tryon-system"

func TestTheKeyIsMadeOnceAndFoundAgain(t *testing.T) {
	c := fake.NewFakeClient()
	first, err := controlkey.Ensure(context.Background(), c, c, namespace)
	if err != nil || len(first) != ed25519.PrivateKeySize {
		t.Fatalf("%d bytes, %v", len(first), err)
	}
	again, err := controlkey.Ensure(context.Background(), c, c, namespace)
	if err != nil || !again.Equal(first) {
		t.Errorf("the second look gives another key, %v", err)
	}
}

func TestTheFasterManagersKeyIsTaken(t *testing.T) {
	other := fake.NewFakeClient()
	theirs, err := controlkey.Ensure(context.Background(), other, other, namespace)
	if err != nil {
		t.Fatal(err)
	}
	secret := &corev1.Secret{}
	if err := other.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: controlkey.SecretName}, secret); err != nil {
		t.Fatal(err)
	}
	secret.ResourceVersion = ""
	raced := interceptor.NewClient(fake.NewFakeClient(), interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			if err := c.Create(ctx, secret.DeepCopy()); err != nil {
				return err
			}
			return c.Create(ctx, obj, opts...)
		},
	})
	got, err := controlkey.Ensure(context.Background(), raced, raced, namespace)
	if err != nil || !got.Equal(theirs) {
		t.Errorf("got another key than the one in the Secret, %v", err)
	}
}

func TestABrokenSecretIsAnErrorAndIsNotOverwritten(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":           nil,
		"no PEM":            []byte("secret"),
		"another PEM":       []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		"a broken key":      []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
		"a key for another": []byte("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\nOF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n-----END PRIVATE KEY-----\n"),
	} {
		t.Run(name, func(t *testing.T) {
			c := fake.NewFakeClient(&corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: controlkey.SecretName, Namespace: namespace},
				Data:       map[string][]byte{controlkey.DataKey: data},
			})
			if _, err := controlkey.Ensure(context.Background(), c, c, namespace); !errors.Is(err, controlkey.ErrKey) {
				t.Errorf("error %v, want one that wraps %v", err, controlkey.ErrKey)
			}
		})
	}
}
