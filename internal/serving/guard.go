package serving

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
)

// MakeNetworkPolicy closes every port of the serving pods but two: the shoppers' for everybody, because ingress controllers often
// run in the host's network, which no selector matches; and the operators' for the operator itself and for namespaces that are
// labelled to read metrics.
func (c Config) MakeNetworkPolicy(tod *v1alpha1.TryOnDeployment) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: names.Child(tod.Name, "ingress"), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: GroupSelector(tod.Name)},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{
				{Ports: resources.TCPPort(names.PortShopper)},
				{Ports: resources.TCPPort(names.PortOps), From: []networkingv1.NetworkPolicyPeer{
					resources.Namespaces(corev1.LabelMetadataName, c.Namespace),
					resources.Namespaces(names.LabelMetrics, "enabled"),
				}},
			},
		},
	}
}

// MakeDisruptionBudget lets a drained node take away one serving pod at a time.
func MakeDisruptionBudget(tod *v1alpha1.TryOnDeployment) *policyv1.PodDisruptionBudget {
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: names.Child(tod.Name, "serving"), Namespace: tod.Namespace, Labels: Labels(tod.Name)},
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable:             ptr.To(intstr.FromInt32(1)),
			Selector:                   &metav1.LabelSelector{MatchLabels: GroupSelector(tod.Name)},
			UnhealthyPodEvictionPolicy: ptr.To(policyv1.AlwaysAllow),
		},
	}
}
