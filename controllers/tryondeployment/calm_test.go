package tryondeployment_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// requests writes down what a manager asks the API server.
type requests struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  []string
}

// listen makes the managers to come write down their requests.
func (s *stage) listen() *requests {
	r := &requests{}
	s.config = rest.CopyConfig(s.config)
	s.config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.next = next
		return r
	})
	return r
}

// RoundTrip implements http.RoundTripper.
func (r *requests) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.all = append(r.all, request.Method+" "+request.URL.Path)
	next := r.next
	r.mu.Unlock()
	return next.RoundTrip(request)
}

// onePass gives the requests of one whole pass, which begins with the live read of the Service. A pod that changes brings one.
func (s *stage) onePass(r *requests, key client.ObjectKey) []string {
	s.Helper()
	begins := fmt.Sprintf("GET /api/v1/namespaces/%s/services/%s", key.Namespace, key.Name)
	r.mu.Lock()
	r.all = nil
	r.mu.Unlock()
	var all []string
	err := wait.PollUntilContextTimeout(s.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := s.List(ctx, &pods, client.InNamespace(key.Namespace)); err != nil {
			return false, err
		}
		pod := &pods.Items[0]
		base := client.MergeFrom(pod.DeepCopy())
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, "touched", time.Now().String())
		if err := s.Patch(ctx, pod, base); err != nil {
			return false, err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		all = slices.Clone(r.all)
		first := slices.Index(all, begins)
		if first < 0 {
			return false, nil
		}
		next := slices.Index(all[first+1:], begins)
		all = all[first : first+1+max(next, 0)]
		return next >= 0, nil
	})
	if err != nil {
		s.Fatalf("waiting for a pass: %v", err)
	}
	return all
}

func staysCalm(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.works("tops-v1", 0.5)
	heard := s.listen()
	s.manage()
	key := s.scaled("tops", 3, 10*time.Second)
	s.await(key, "tops-v1 serves", serves("tops-v1"))

	calm := func() {
		s.Helper()
		var all []string
		err := wait.PollUntilContextTimeout(s.Context(), 20*time.Millisecond, 30*time.Second, true, func(context.Context) (bool, error) {
			all = s.onePass(heard, key)
			return !slices.ContainsFunc(all, func(r string) bool { return !strings.HasPrefix(r, http.MethodGet) }), nil
		})
		if err != nil {
			s.Fatalf("each pass writes, the last one:\n%s", strings.Join(all, "\n"))
		}
	}
	calm()
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "storefront-ingress", Namespace: key.Namespace}}
	s.must(s.Get(s.Context(), client.ObjectKeyFromObject(policy), policy))
	was := policy.Spec.DeepCopy()
	policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{{}}
	s.must(s.Update(s.Context(), policy))
	s.eventually("pods that anybody may reach are closed again", func(ctx context.Context) bool {
		return s.Get(ctx, client.ObjectKeyFromObject(policy), policy) == nil && cmp.Equal(*was, policy.Spec)
	})
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "storefront-serving", Namespace: key.Namespace}}
	s.must(s.Delete(s.Context(), budget))
	s.eventually("the budget is there again", func(ctx context.Context) bool {
		return s.Get(ctx, client.ObjectKeyFromObject(budget), budget) == nil
	})
	calm()
}

func (s *stage) eventually(what string, ok func(ctx context.Context) bool) {
	s.Helper()
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) { return ok(ctx), nil })
	if err != nil {
		s.Fatalf("waiting until %s: %v", what, err)
	}
}
