package resources

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

const (
	// captureDir is where a pod sees the folder of captured requests of a claim.
	captureDir = "/capture"
	// permitDir is where a serving pod finds the permit to keep requests.
	permitDir = "/capture-permit"
)

// Capture is the folder of one deployment's captured requests, as a pod sees it; its zero value is none.
type Capture struct {
	// URI is file:///capture or s3://bucket/prefix/namespace/name?…, Shown what a user would call it.
	URI, Shown string
	// Mark tells this folder from all others. It stands on every pod that uses the folder, so that it is known when none does any more.
	Mark string
	// Permit is what serving pods need to keep requests. It tells this taking of the place from every other one, also of the same place.
	Permit string
	// Percent of the answered requests are kept for Age, at most Bytes at a time; zero where the folder is only to be erased.
	Percent int32
	Age     time.Duration
	Bytes   int64

	claim, sub, secret string
	place              *url.URL
}

// CaptureOf is the folder that serving pods of a deployment use now: none before the status names the place, because what nobody knows of
// is never erased. They keep nothing there without its permit. Every error wraps ErrStore.
func CaptureOf(tod *v1alpha1.TryOnDeployment, store Store) (Capture, error) {
	spec, place := tod.Spec.Capture, tod.Status.Capture
	held := slices.Contains(tod.Finalizers, names.CapturesFinalizer) && tod.DeletionTimestamp.IsZero()
	if spec.To.URI == "" || place == nil || place.URI != spec.To.URI || !held {
		return Capture{}, nil
	}
	c, err := CaptureIn(tod, v1alpha1.CaptureStatus{URI: spec.To.URI, SecretRef: spec.To.SecretRef, SinceTime: place.SinceTime})
	if err == nil {
		err = apart(tod, store, c)
	}
	c.Percent, c.Age, c.Bytes = cmp.Or(spec.SamplePercent, 10), 24*time.Hour, 1<<30
	if spec.TTL != nil {
		c.Age = spec.TTL.Duration
	}
	if spec.MaxSize != nil {
		c.Bytes = spec.MaxSize.Value()
	}
	return c, err
}

// UsedCaptureOf is the folder that Jobs of a deployment read and write: none before serving pods may write there, because Jobs need no permit.
func UsedCaptureOf(tod *v1alpha1.TryOnDeployment, store Store) (Capture, error) {
	if place := tod.Status.Capture; place != nil && place.Access == v1alpha1.CaptureLook {
		return Capture{}, nil
	}
	return CaptureOf(tod, store)
}

// apart refuses a folder among other things: garments are for everybody, captured requests are not; and the artefact store takes every file
// in it for its own when it is swept.
func apart(tod *v1alpha1.TryOnDeployment, store Store, c Capture) error {
	to := tod.Spec.Capture.To.URI
	if catalogue := tod.Spec.Catalogue.URI; overlap(c.place, placeOf(catalogue)) {
		return fmt.Errorf("%w: spec.capture.to %q: the folder %s and that of spec.catalogue, %s, lie in each other; name a folder beside it, or another claim or bucket",
			ErrStore, to, strings.TrimPrefix(c.place.Path, "/"), catalogue)
	}
	uri := store.URI
	if store.Claim != "" {
		uri = "pvc://" + store.Claim
	}
	if overlap(c.place, placeOf(uri)) {
		return fmt.Errorf("%w: spec.capture.to %q lies in the artefact store, %s, which training pods can read and a sweep takes for its own; name another claim, bucket or prefix",
			ErrStore, to, uri)
	}
	return nil
}

// placeOf is a folder of a claim or a bucket, as far as it matters whether two lie in each other; nil for none.
func placeOf(uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path.Join("/", u.Path), RawQuery: u.Query().Get("endpoint")}
}

func overlap(a, b *url.URL) bool {
	if a == nil || b == nil || a.Scheme != b.Scheme || a.Host != b.Host || a.RawQuery != b.RawQuery {
		return false
	}
	one, other := strings.TrimSuffix(a.Path, "/")+"/", strings.TrimSuffix(b.Path, "/")+"/"
	return strings.HasPrefix(one, other) || strings.HasPrefix(other, one)
}

// CaptureIn is the folder of a deployment in a place. Claims belong to a namespace, so its name is no part of a path in one.
func CaptureIn(tod *v1alpha1.TryOnDeployment, place v1alpha1.CaptureStatus) (Capture, error) {
	u, err := url.Parse(place.URI)
	if err != nil {
		return Capture{}, fmt.Errorf("%w: spec.capture.to: %w", ErrStore, err)
	}
	sum := sha256.Sum256([]byte(string(tod.UID) + " " + place.URI))
	c := Capture{Mark: hex.EncodeToString(sum[:8])}
	if place.SinceTime != nil {
		sum = sha256.Sum256([]byte(c.Mark + " " + place.SinceTime.UTC().Format(time.RFC3339)))
	}
	c.Permit = hex.EncodeToString(sum[16:])
	folder := tod.Name
	switch {
	case u.Scheme == "s3" && strings.Trim(u.Path, "/") == "":
		return Capture{}, fmt.Errorf("%w: spec.capture.to %q: write s3://<bucket>/<prefix>", ErrStore, place.URI)
	case u.Scheme == "s3":
		folder = tod.Namespace + "/" + tod.Name
		c.URI, c.secret = u.JoinPath(folder).String(), place.SecretRef.Name
	case u.Scheme != "pvc" || u.Host == "":
		return Capture{}, fmt.Errorf("%w: spec.capture.to %q is neither pvc:// nor s3://", ErrStore, place.URI)
	case u.RawQuery != "":
		return Capture{}, fmt.Errorf("%w: spec.capture.to %q: a pvc:// place takes no options; remove everything from '?'", ErrStore, place.URI)
	default:
		c.URI, c.claim, c.sub = "file://"+captureDir, u.Host, strings.TrimPrefix(path.Join("/", u.Path, tod.Name), "/")
	}
	c.place = placeOf(place.URI).JoinPath(folder)
	c.Shown = fmt.Sprintf("%s (folder %s)", place.URI, folder)
	return c, nil
}

// Task is the folder as a worker is told of it; nil for none.
func (c Capture) Task() *task.Capture {
	if c.URI == "" {
		return nil
	}
	return &task.Capture{URI: c.URI, Shown: c.Shown, AgeSeconds: int64(c.Age.Seconds())}
}

// Flags of a sidecar that keeps requests; none when none are kept.
func (c Capture) Flags() []string {
	if c.URI == "" {
		return nil
	}
	return []string{
		"--capture", c.URI, "--capture-percent", strconv.Itoa(int(c.Percent)), "--capture-ttl", c.Age.String(), "--capture-bytes", strconv.FormatInt(c.Bytes, 10),
		"--capture-permit", permitDir + "/" + c.Permit,
	}
}

// Volumes of the folder in a pod; none for s3://.
func (c Capture) Volumes() []corev1.Volume {
	if c.claim == "" {
		return nil
	}
	return []corev1.Volume{{Name: "capture", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c.claim},
	}}}
}

// Open lets a container read and write the folder, and nothing beside it in the claim.
func (c Capture) Open(container *corev1.Container) {
	if c.claim != "" {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "capture", MountPath: captureDir, SubPath: c.sub})
	}
	container.Env = append(container.Env, credentials(task.EnvCapture, c.secret)...)
}

// Await lets a serving pod see its permit once there is one.
func (c Capture) Await(pod *corev1.PodSpec, container *corev1.Container, deployment string) {
	if c.URI == "" {
		return
	}
	pod.Volumes = append(pod.Volumes, corev1.Volume{Name: "capture-permit", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: names.CapturePermit(deployment)}, Optional: ptr.To(true),
	}}})
	container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: "capture-permit", MountPath: permitDir, ReadOnly: true})
}

// Sign marks the pods of a template as users of the folder; they are none without one.
func (c Capture) Sign(template *metav1.ObjectMeta) {
	if c.Mark != "" {
		metav1.SetMetaDataAnnotation(template, names.AnnotationCaptures, c.Mark)
	}
}

// eraseDeadline is how long erasing may take in seconds, the wait for a node or a missing Secret included: then another attempt follows.
const eraseDeadline int64 = 1800

// MakeErase builds the Job that removes all captured requests of a deployment from a folder, which nobody else may use by then: its pod
// is the only one without the folder's mark.
func (c Config) MakeErase(w Work, capture Capture) (*batchv1.Job, error) {
	p := &pod{volumes: capture.Volumes()}
	p.worker = c.plainWorker(string(w.Kind), []string{"/tryon-worker", "erase"})
	capture.Open(&p.worker)
	if err := withTask(&p.worker, task.Erase{Key: string(w.Key), Capture: ptr.Deref(capture.Task(), task.Capture{})}); err != nil {
		return nil, err
	}
	job := MakeJob(w, p.make(w))
	for key, value := range EraseSelector(w.Owner) {
		job.Labels[key], job.Spec.Template.Labels[key] = value, value
	}
	// The controller makes further attempts, ever later, as with datasets.
	job.Spec.BackoffLimit, job.Spec.ActiveDeadlineSeconds = ptr.To[int32](0), ptr.To(eraseDeadline)
	return job, nil
}

// EraseSelector selects the Jobs and pods that erase captured requests of a deployment.
func EraseSelector(deployment string) map[string]string {
	return map[string]string{names.LabelErase: names.LabelValue(deployment)}
}
