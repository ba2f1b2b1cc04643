package resources

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Where a pod sees its data.
const (
	storeDir   = "/artefacts"
	datasetDir = "/dataset"
	scratchDir = "/scratch"
	weightsDir = "/weights"
	binDir     = "/tryon-bin"
)

// ErrStore says that an artefact store or a source cannot be used as it is written.
var ErrStore = errors.New("store cannot be used")

// ErrTooSmall says that a container is given less than it needs.
var ErrTooSmall = errors.New("resources are too small")

// Store is the artefact store of the installation as pods see it.
type Store struct {
	// Claim is the PersistentVolumeClaim of a pvc:// store, in the namespace of the object that is worked for; empty for s3://.
	Claim string
	// URI is what workers open: file:///artefacts for a claim, else the s3:// URI.
	URI string
	// Secret holds AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for an s3:// store, in the object's namespace; empty for none.
	Secret string
	// Size, Class and AccessMode of a claim that has to be made; an empty class is the cluster's default.
	Size       resource.Quantity
	Class      string
	AccessMode corev1.PersistentVolumeAccessMode
}

// ParseStore reads the manager's option: pvc://<claim> or s3://<bucket>/<prefix>?endpoint=…. Every error wraps ErrStore.
func ParseStore(uri string) (Store, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Store{}, fmt.Errorf("%w: %w", ErrStore, err)
	}
	switch {
	case u.Host == "":
		return Store{}, fmt.Errorf("%w: %q names neither a claim nor a bucket; write pvc://<claim> or s3://<bucket>/<prefix>", ErrStore, uri)
	case u.Scheme == "s3":
		return Store{URI: uri}, nil
	case u.Scheme != "pvc":
		return Store{}, fmt.Errorf("%w: %q is neither pvc:// nor s3://", ErrStore, uri)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return Store{}, fmt.Errorf("%w: %q: a claim is used as a whole, write pvc://%s", ErrStore, uri, u.Host)
	}
	return Store{Claim: u.Host, URI: "file://" + storeDir}, nil
}

// MakeClaim gives the PersistentVolumeClaim of the store in a namespace, or nil when the store needs none. It has no owner: artefacts
// outlive the objects that made them.
func (s Store) MakeClaim(namespace string) *corev1.PersistentVolumeClaim {
	if s.Claim == "" {
		return nil
	}
	mode := s.AccessMode
	if mode == "" {
		mode = corev1.ReadWriteOnce
	}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: s.Claim, Namespace: namespace, Labels: names.Labels()},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{mode},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: s.Size}},
		},
	}
	if s.Class != "" {
		claim.Spec.StorageClassName = &s.Class
	}
	return claim
}

func (s Store) mount(p *pod) {
	if s.Claim != "" {
		p.volume("artefacts", corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: s.Claim}})
	}
}

// open lets a container use the store. Only those that do get it, and with it its credentials.
func (s Store) open(c *corev1.Container, readOnly bool) {
	if s.Claim != "" {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "artefacts", MountPath: storeDir, ReadOnly: readOnly})
		return
	}
	c.Env = append(c.Env, credentials(task.EnvStore, s.Secret)...)
}

// source is a dataset's source as a pod sees it.
type source struct {
	task   task.Source
	claim  string
	sub    string
	secret string
}

// resolve reads a source.
func resolve(src v1alpha1.BlobSource, layout v1alpha1.DatasetLayout) (source, error) {
	u, err := url.Parse(src.URI)
	if err != nil {
		return source{}, fmt.Errorf("%w: %w", ErrStore, err)
	}
	out := source{task: task.Source{URI: src.URI, Layout: string(layout)}}
	switch {
	case u.Scheme == "s3":
		out.secret = src.SecretRef.Name
		return out, nil
	case u.Scheme != "pvc":
		return source{}, fmt.Errorf("%w: %q is neither pvc:// nor s3://", ErrStore, src.URI)
	case u.RawQuery != "":
		return source{}, fmt.Errorf("%w: %q: a pvc:// source takes no options; remove everything from '?'", ErrStore, src.URI)
	}
	out.task.URI, out.claim = "file://"+datasetDir, u.Host
	out.sub = strings.TrimPrefix(path.Clean("/"+u.Path), "/")
	return out, nil
}

func (s source) mount(p *pod) {
	if s.claim != "" {
		p.volume("dataset", corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: s.claim, ReadOnly: false}})
	}
}

// open lets a container read the source.
func (s source) open(c *corev1.Container) {
	if s.claim != "" {
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "dataset", MountPath: datasetDir, SubPath: s.sub, ReadOnly: true})
	}
	c.Env = append(c.Env, credentials(task.EnvSource, s.secret)...)
}
