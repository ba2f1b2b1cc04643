package resources

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/braincreators/tryon-operator/internal/names"
)

func matches(t *testing.T, selector *metav1.LabelSelector, pod map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return s.Matches(labels.Set(pod))
}

func TestAStagePolicyIsForEveryPodThatTrainsTheVersionAndForNoOther(t *testing.T) {
	policy := claimConfig().MakeStagePolicy(work(Stage, "pf-gen"), 3)
	long := strings.Repeat("tops-", 30) + "v3"
	longWork := work(Stage, "pf-gen")
	longWork.Owner, longWork.ModelVersion = long, long
	for name, test := range map[string]struct {
		policy *networkingv1.NetworkPolicy
		pod    Work
		want   bool
	}{
		"the stage":                  {policy, work(Stage, "pf-gen"), true},
		"an earlier stage":           {policy, work(Stage, "pb-warp"), true},
		"the evaluation":             {policy, work(Evaluate, ""), false},
		"another version":            {policy, Work{Kind: Stage, Namespace: "shop", ModelVersion: "tops-v4", Stage: "pf-gen"}, false},
		"a version with a long name": {claimConfig().MakeStagePolicy(longWork, 1), longWork, true},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := claimConfig().MakeStagePod(test.pod, StageInput{Stage: stage(), Dataset: dataset("pvc://data")})
			if err != nil {
				t.Fatal(err)
			}
			if got := matches(t, &test.policy.Spec.PodSelector, template.Labels); got != test.want {
				t.Errorf("it is under the policy: %t, want %t", got, test.want)
			}
		})
	}
}

func TestOnlyTheOperatorReadsProgressAndOnlyPeersOfAStageMeet(t *testing.T) {
	var ports, peers []networkingv1.NetworkPolicyIngressRule
	for _, nodes := range []int32{1, 2} {
		ports, peers = nil, nil
		for _, rule := range claimConfig().MakeStagePolicy(work(Stage, "pf-gen"), nodes).Spec.Ingress {
			if len(rule.From) != 1 {
				t.Fatalf("%d nodes: a rule for %d kinds of peers; no peer means everybody", nodes, len(rule.From))
			}
			if len(rule.Ports) > 0 {
				ports = append(ports, rule)
				continue
			}
			peers = append(peers, rule)
		}
		if len(ports) != 1 || len(ports[0].Ports) != 1 || ports[0].Ports[0].Port.IntValue() != names.PortProgress {
			t.Errorf("%d nodes: ports %+v, want the progress port alone", nodes, ports)
		}
		if from := ports[0].From[0]; from.PodSelector != nil || !matches(t, from.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": "tryon-system"}) ||
			matches(t, from.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": "shop"}) {
			t.Errorf("%d nodes: progress is for %+v, want the operator's namespace alone", nodes, from)
		}
		if len(peers) != int(nodes-1) {
			t.Errorf("%d nodes: peers %+v", nodes, peers)
		}
	}
	from := peers[0].From[0]
	if from.NamespaceSelector != nil || from.IPBlock != nil {
		t.Errorf("peers of other namespaces: %+v", from)
	}
	for name, test := range map[string]struct {
		pod  Work
		want bool
	}{
		"a peer":                    {work(Stage, "pf-gen"), true},
		"another stage":             {work(Stage, "pb-warp"), false},
		"the stage of another":      {Work{Kind: Stage, ModelVersion: "tops-v4", Stage: "pf-gen"}, false},
		"an evaluation of the same": {work(Evaluate, "pf-gen"), false},
	} {
		if got := matches(t, from.PodSelector, test.pod.labels()); got != test.want {
			t.Errorf("%s may connect: %t, want %t", name, got, test.want)
		}
	}
}
