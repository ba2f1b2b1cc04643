package apitest

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// Unrestricted says what a pod lacks of the restricted Pod Security Standard, and of a read-only root file system, which we hold every
// pod to as well. It is for pods that no API server is asked about.
func Unrestricted(pod corev1.PodSpec) []string {
	var out []string
	complain := func(wrong bool, what string) {
		if wrong {
			out = append(out, what)
		}
	}
	security := ptr.Deref(pod.SecurityContext, corev1.PodSecurityContext{})
	complain(!ptr.Deref(security.RunAsNonRoot, false) || ptr.Deref(security.RunAsUser, 0) == 0, "the pod may run as root")
	complain(security.SeccompProfile == nil || security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault, "the pod has no seccomp profile")
	complain(pod.HostNetwork || pod.HostPID || pod.HostIPC, "the pod shares a namespace of the host")
	for _, volume := range pod.Volumes {
		complain(volume.HostPath != nil, "volume "+volume.Name+" is a folder of the host")
	}
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		security := ptr.Deref(container.SecurityContext, corev1.SecurityContext{})
		capabilities := ptr.Deref(security.Capabilities, corev1.Capabilities{})
		name := "container " + container.Name
		complain(!slices.Equal(capabilities.Drop, []corev1.Capability{"ALL"}) || len(capabilities.Add) > 0, name+" keeps capabilities")
		complain(ptr.Deref(security.AllowPrivilegeEscalation, true) || ptr.Deref(security.Privileged, false), name+" may gain privileges")
		complain(!ptr.Deref(security.ReadOnlyRootFilesystem, false), name+" may write its root file system")
		complain(security.RunAsUser != nil && *security.RunAsUser == 0 || !ptr.Deref(security.RunAsNonRoot, true), name+" may run as root")
	}
	return out
}
