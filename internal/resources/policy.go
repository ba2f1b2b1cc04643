package resources

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/internal/names"
)

// MakeStagePolicy closes every port of the pods that train a version but the progress port, for the operator. A stage of several nodes
// is open to its own pods besides: after the rendezvous, gloo and NCCL listen on ports that nobody knows before.
//
// There is one for a version, whose stages train one after the other; it is applied anew before each, and speaks of its peers.
func (c Config) MakeStagePolicy(w Work, nodes int32) *networkingv1.NetworkPolicy {
	w.Kind = Stage
	labels := w.labels()
	all := map[string]string{names.LabelWork: labels[names.LabelWork], names.LabelModelVersion: labels[names.LabelModelVersion]}
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: names.Child(w.Owner, "training"), Namespace: w.Namespace, Labels: labels},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: all},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				Ports: TCPPort(names.PortProgress), From: []networkingv1.NetworkPolicyPeer{Namespaces(corev1.LabelMetadataName, c.Namespace)},
			}},
		},
	}
	if nodes > 1 {
		peers := map[string]string{
			names.LabelWork: labels[names.LabelWork], names.LabelModelVersion: labels[names.LabelModelVersion], names.LabelStage: labels[names.LabelStage],
		}
		policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{
			From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: peers}}},
		})
	}
	return policy
}

// TCPPort is one port of a NetworkPolicy.
func TCPPort(n int32) []networkingv1.NetworkPolicyPort {
	return []networkingv1.NetworkPolicyPort{{Protocol: ptr.To(corev1.ProtocolTCP), Port: ptr.To(intstr.FromInt32(n))}}
}

// Namespaces are all pods of the namespaces with a label.
func Namespaces(key, value string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{key: value}}}
}
