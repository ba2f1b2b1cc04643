package manager

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// guarded checks that a NetworkPolicy stands before a training pod, which lets only the manager's namespace in: it has to be there
// before the pod is.
func (w *world) guarded(pod map[string]string) {
	w.t.Helper()
	var list networkingv1.NetworkPolicyList
	if err := w.client.List(w.ctx, &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	guards := 0
	for _, policy := range list.Items {
		selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
		if err != nil {
			w.t.Fatal(err)
		}
		if !selector.Matches(labels.Set(pod)) {
			continue
		}
		guards++
		for _, rule := range policy.Spec.Ingress {
			if len(rule.From) != 1 || rule.From[0].NamespaceSelector == nil ||
				rule.From[0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != w.system {
				w.t.Errorf("policy %s lets %+v in, want the namespace %s alone", policy.Name, rule.From, w.system)
			}
		}
	}
	if guards != 1 {
		w.t.Errorf("%d policies are for the training pod with the labels %v, want 1", guards, pod)
	}
}
