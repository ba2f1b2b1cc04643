package resources

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

// StoreDir is where a pod sees the artefact store of a claim.
const StoreDir = storeDir

// MakeContainer makes a container that keeps to the restricted profile and has the /tmp of its pod.
func MakeContainer(name, image string, command []string, mounts ...corev1.VolumeMount) corev1.Container {
	return container(name, image, command, mounts...)
}

// MakePull makes the container that fetches a tree of the store into dir, with the store's volume mounted read-only. It is the only
// container of its pod that may see the store.
func (c Config) MakePull(digest v1alpha1.Digest, dir string, mounts ...corev1.VolumeMount) (corev1.Container, error) {
	pull := c.plainWorker(names.ContainerPull, []string{"/tryon-worker", "pull"}, mounts...)
	c.Store.open(&pull, true)
	return pull, withTask(&pull, task.Pull{Store: c.Store.URI, Digest: string(digest), Dir: dir})
}

// Volumes of the store in a pod; none for s3://.
func (s Store) Volumes() []corev1.Volume {
	p := &pod{}
	s.mount(p)
	return p.volumes
}

// MakeCredentials are the environment variables of an S3 client, read from a Secret; none for an empty name.
func MakeCredentials(secret string) []corev1.EnvVar { return credentials("", secret) }

// MakePodSpec puts containers into a pod that keeps to the restricted Pod Security Standard. main is its only container that is not
// an init container; a volume for /tmp is added.
func MakePodSpec(placement v1alpha1.PodPlacement, volumes []corev1.Volume, inits []corev1.Container, main corev1.Container) corev1.PodSpec {
	p := &pod{volumes: volumes, inits: inits, worker: main}
	spec := p.make(Work{Placement: placement}).Spec
	return spec
}
