package resources

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

// uid is the user of every image of the project.
const uid int64 = 65532

// pod gathers the parts of a pod; make puts them together.
type pod struct {
	volumes []corev1.Volume
	inits   []corev1.Container
	worker  corev1.Container
}

func (p *pod) volume(name string, source corev1.VolumeSource) {
	p.volumes = append(p.volumes, corev1.Volume{Name: name, VolumeSource: source})
}

func (p *pod) emptyDir(name string, medium corev1.StorageMedium) {
	p.volume(name, corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: medium}})
}

// container makes a container that keeps to the restricted profile and has a /tmp of its pod.
func container(name, image string, command []string, mounts ...corev1.VolumeMount) corev1.Container {
	return corev1.Container{
		Name:    name,
		Image:   image,
		Command: command,
		Env:     []corev1.EnvVar{{Name: "HOME", Value: "/tmp"}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			ReadOnlyRootFilesystem:   ptr.To(true),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		Resources: workerDemand.with(nil),
		// A worker that dies before it can report leaves the end of its log instead.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		VolumeMounts:             append([]corev1.VolumeMount{{Name: "tmp", MountPath: "/tmp"}}, mounts...),
	}
}

// withTask puts a task into a container's environment.
func withTask(c *corev1.Container, t any) error {
	body, err := task.Encode(t)
	if err != nil {
		return err
	}
	c.Env = append(c.Env, corev1.EnvVar{Name: task.Env, Value: body})
	return nil
}

// make puts the pod together. restartPolicy stays empty where the backend sets it.
func (p *pod) make(w Work) corev1.PodTemplateSpec {
	p.emptyDir("tmp", corev1.StorageMediumDefault)
	spec := corev1.PodSpec{
		InitContainers:               p.inits,
		Containers:                   []corev1.Container{p.worker},
		Volumes:                      p.volumes,
		AutomountServiceAccountToken: ptr.To(false),
		EnableServiceLinks:           ptr.To(false),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot:        ptr.To(true),
			RunAsUser:           ptr.To(uid),
			RunAsGroup:          ptr.To(uid),
			FSGroup:             ptr.To(uid),
			FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
			SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}
	place(&spec, w.Placement)
	ShareClaims(&spec)
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: w.labels(), Annotations: w.annotations()},
		Spec:       spec,
	}
}

// ShareClaims leaves one volume of each claim: a kubelet without kubernetes/kubernetes#122140, 1.34 for example, waits for ever for the second.
func ShareClaims(spec *corev1.PodSpec) {
	first, renamed := map[string]string{}, map[string]string{}
	spec.Volumes = slices.DeleteFunc(slices.Clone(spec.Volumes), func(v corev1.Volume) bool {
		if v.PersistentVolumeClaim == nil {
			return false
		}
		name, known := first[v.PersistentVolumeClaim.ClaimName]
		if known {
			renamed[v.Name] = name
		} else {
			first[v.PersistentVolumeClaim.ClaimName] = v.Name
		}
		return known
	})
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			for j := range list[i].VolumeMounts {
				mount := &list[i].VolumeMounts[j]
				if name, ok := renamed[mount.Name]; ok {
					mount.Name = name
				}
			}
		}
	}
}

func place(spec *corev1.PodSpec, placement v1alpha1.PodPlacement) {
	spec.NodeSelector = placement.NodeSelector
	spec.Tolerations = placement.Tolerations
	spec.ServiceAccountName = placement.ServiceAccountName
	for _, s := range placement.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: s.Name})
	}
}

// credentials are the environment variables of an S3 client, read from a Secret; their names begin with prefix. The region may be
// missing from it.
func credentials(prefix, secret string) []corev1.EnvVar {
	if secret == "" {
		return nil
	}
	from := func(key string, optional *bool) corev1.EnvVar {
		return corev1.EnvVar{Name: prefix + key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key, Optional: optional,
		}}}
	}
	return []corev1.EnvVar{from("AWS_ACCESS_KEY_ID", nil), from("AWS_SECRET_ACCESS_KEY", nil), from("AWS_REGION", ptr.To(true))}
}

func (w Work) labels() map[string]string {
	pairs := []string{names.LabelWork, string(w.Kind)}
	for _, l := range []struct{ key, value string }{
		{names.LabelModel, w.Model}, {names.LabelDatasetVersion, w.DatasetVersion},
		{names.LabelModelVersion, w.ModelVersion}, {names.LabelStage, w.Stage},
	} {
		if l.value != "" {
			pairs = append(pairs, l.key, l.value)
		}
	}
	return names.Labels(pairs...)
}

func (w Work) annotations() map[string]string {
	return map[string]string{names.AnnotationKey: string(w.Key), names.AnnotationAttempt: w.Attempt.String()}
}
