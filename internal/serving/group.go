package serving

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/control"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// Images of the serving pods.
type Images struct {
	// Worker pulls the weights.
	Worker string
	// Sidecar takes the requests.
	Sidecar string
	// Runtime computes the pictures, where the spec names no other.
	Runtime string
}

// Config is what the manager was started with and the builders need.
type Config struct {
	Images Images
	Store  resources.Store
	// Key verifies pushed control documents.
	Key ed25519.PublicKey
	// Namespace of the operator, from which serving pods are asked and told.
	Namespace string
}

// Built tells of what serving pods are made, but for their weights and what they capture: pods of another one are other pods, with other latencies.
func (c Config) Built(tod *v1alpha1.TryOnDeployment) string {
	spec := tod.Spec.DeepCopy()
	spec.Model, spec.Gates, spec.Rollout = v1alpha1.ServedModel{}, nil, v1alpha1.RolloutSpec{}
	spec.Replicas, spec.Scaling, spec.Capture = 0, v1alpha1.ScalingSpec{}, v1alpha1.CaptureSpec{}
	// Plain data always has a JSON form.
	body, _ := json.Marshal([]any{c.Images, spec})
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}

// Version is one version of a model as its pods need it.
type Version struct {
	// Name of the TryOnModelVersion.
	Name string
	// Weights is the digest of the tree that is served.
	Weights v1alpha1.Digest
}

// Labels of everything that belongs to a TryOnDeployment.
func Labels(deployment string) map[string]string {
	return names.Labels(names.LabelDeployment, deployment)
}

// VersionLabels of everything that belongs to one version behind a TryOnDeployment.
func VersionLabels(deployment, version string) map[string]string {
	return names.Labels(names.LabelDeployment, deployment, names.LabelModelVersion, version)
}

// Selector selects the pods of one version: the labels of the Deployment's and the Services' selectors.
func Selector(deployment, version string) labels.Set {
	return labels.Set{
		names.LabelDeployment:   names.LabelValue(deployment),
		names.LabelModelVersion: names.LabelValue(version),
	}
}

// GroupSelector selects all serving pods of a TryOnDeployment.
func GroupSelector(deployment string) labels.Set {
	return labels.Set{names.LabelDeployment: names.LabelValue(deployment)}
}

// URL at which a TryOnDeployment takes requests inside the cluster.
func URL(tod *v1alpha1.TryOnDeployment) string { return address(tod.Name, tod.Namespace) }

// Address at which one version takes requests inside the cluster, whatever its share.
func Address(tod *v1alpha1.TryOnDeployment, version string) string {
	return address(names.Serving(tod.Name, version), tod.Namespace)
}

func address(service, namespace string) string {
	return fmt.Sprintf("http://%s.%s.svc:%d", service, namespace, names.PortShopper)
}

// MakeService builds the Service that shoppers' requests come through; it selects the pods of the stable version.
func MakeService(tod *v1alpha1.TryOnDeployment, stable string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: tod.Name, Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Spec: corev1.ServiceSpec{
			Selector: Selector(tod.Name, stable),
			Ports:    []corev1.ServicePort{shopperPort()},
		},
	}
}

// MakeVersionService builds the Service of one version: what stable pods forward the candidate's share to, and what metrics are
// scraped through.
func MakeVersionService(tod *v1alpha1.TryOnDeployment, version string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: names.Serving(tod.Name, version), Namespace: tod.Namespace, Labels: VersionLabels(tod.Name, version),
		},
		Spec: corev1.ServiceSpec{
			Selector: Selector(tod.Name, version),
			Ports: []corev1.ServicePort{shopperPort(), {
				Name: portOps, Port: names.PortOps, TargetPort: intstr.FromString(portOps), Protocol: corev1.ProtocolTCP,
			}},
		},
	}
}

func shopperPort() corev1.ServicePort {
	return corev1.ServicePort{
		Name: portShopper, Port: names.PortShopper, TargetPort: intstr.FromString(portShopper), Protocol: corev1.ProtocolTCP,
	}
}

// MakeControl builds the ConfigMap with the control document. The error wraps control.ErrInvalid.
func MakeControl(tod *v1alpha1.TryOnDeployment, document control.Document) (*corev1.ConfigMap, error) {
	body, err := document.Encode()
	if err != nil {
		return nil, fmt.Errorf("encoding control document: %w", err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: names.Control(tod.Name), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Data:       map[string]string{control.Key: string(body)},
	}, nil
}

// MakeCapturePermit builds the ConfigMap that permits pods to keep requests in a place. What permitted another place before goes with it.
func MakeCapturePermit(tod *v1alpha1.TryOnDeployment, capture resources.Capture) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: names.CapturePermit(tod.Name), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Data:       map[string]string{capture.Permit: ""},
	}
}

// MakeEvidence builds the ConfigMap with the ledger of a judgement. The error wraps evidence.ErrInvalid.
func MakeEvidence(tod *v1alpha1.TryOnDeployment, ledger *evidence.Ledger) (*corev1.ConfigMap, error) {
	body, err := ledger.Encode()
	if err != nil {
		return nil, fmt.Errorf("encoding ledger: %w", err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: names.Evidence(tod.Name), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Data:       map[string]string{evidence.LedgerKey: string(body)},
	}, nil
}

// Replicas that a TryOnDeployment asks for.
func Replicas(tod *v1alpha1.TryOnDeployment) int32 {
	return max(tod.Spec.Replicas, 1)
}

// RequestTimeout of a TryOnDeployment.
func RequestTimeout(tod *v1alpha1.TryOnDeployment) time.Duration {
	if d := tod.Spec.Sidecar.RequestTimeout; d != nil && d.Duration > 0 {
		return d.Duration
	}
	return 30 * time.Second
}
