package tryondeployment_test

import (
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
)

// scaled makes a TryOnDeployment whose pods follow their work, with the shortest window that there is.
func (s *stage) scaled(model string, most int32, delay time.Duration, steps ...v1alpha1.RolloutStep) client.ObjectKey {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: model}, Rollout: v1alpha1.RolloutSpec{Steps: steps},
			Scaling: v1alpha1.ScalingSpec{MaxReplicas: most, StableWindow: &metav1.Duration{Duration: 10 * time.Second}, ScaleDownDelay: &metav1.Duration{Duration: delay}},
		},
	}
	s.must(s.Create(s.Context(), tod))
	return client.ObjectKeyFromObject(tod)
}

// works sets how much work arrives at all pods of a version together.
func (s *stage) works(version string, arrivals float64) {
	s.player.locked(func() { s.player.arrivals[version] = arrivals })
}

func pods(said string) func(*v1alpha1.TryOnDeployment) bool {
	return func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Pods == said }
}

// scalings are the reasons of the events that tell of another number of pods, with that number.
func (s *stage) scalings() []string {
	s.Helper()
	var list eventsv1.EventList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.player.namespace)))
	var all []string
	for _, e := range list.Items {
		if e.Action == "Scale" {
			change, _, _ := strings.Cut(e.Note, " pods:")
			all = append(all, e.Reason+" "+change)
		}
	}
	return all
}

// notes are what the warnings of a reason say.
func (s *stage) notes(reason string) []string {
	s.Helper()
	var list eventsv1.EventList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.player.namespace)))
	var all []string
	for _, e := range list.Items {
		if e.Reason == reason && e.Type == "Warning" {
			all = append(all, e.Note)
		}
	}
	return all
}

func scalesOnWork(s *stage) {
	s.Parallel() // It waits for windows of ten seconds.
	s.model("tops")
	s.pass("tops", 1)
	s.works("tops-v1", 0.1)
	s.manage()
	key := s.scaled("tops", 3, 10*time.Second)
	tod := s.await(key, "one pod serves", func(tod *v1alpha1.TryOnDeployment) bool {
		return serves("tops-v1")(tod) && reasonOf(tod, v1alpha1.ConditionScalingLimited) == v1alpha1.ReasonScalingFree
	})
	if got := tod.Status.Scaling; tod.Status.Pods != "1/1" || got.Desired != 1 || got.Requested != 1 || got.LastChangeTime == nil {
		s.Errorf("pods %s, scaling %+v", tod.Status.Pods, got)
	}
	s.works("tops-v1", 6)
	s.await(key, "the most pods are there", func(tod *v1alpha1.TryOnDeployment) bool { return pods("3/3")(tod) && serves("tops-v1")(tod) })
	s.await(key, "it says that more were needed", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Scaling.Desired == 3 && reasonOf(tod, v1alpha1.ConditionScalingLimited) == v1alpha1.ReasonScalingAtMaximum
	})
	s.works("tops-v1", 0.1)
	s.await(key, "one pod is left", pods("1/1"))

	asked := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}
	s.must(s.SubResource("scale").Update(s.Context(), asked, client.WithSubResourceBody(&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 2}})))
	s.await(key, "who asks by hand gets two", pods("2/2"))
	tod = s.await(key, "one pod is left again", pods("1/1"))
	if tod.Spec.Replicas != 2 {
		s.Errorf("spec.replicas is %d: the operator wrote what is not its own", tod.Spec.Replicas)
	}
	s.must(s.SubResource("scale").Update(s.Context(), asked, client.WithSubResourceBody(&autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 9}})))
	tod = s.await(key, "who asks for too many gets the most", func(tod *v1alpha1.TryOnDeployment) bool {
		return pods("3/3")(tod) && tod.Status.Scaling.Reason == v1alpha1.ReasonScalingRequested && len(s.notes(v1alpha1.ReasonScalingRequestCut)) > 0
	})
	if message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionScalingLimited).Message; !strings.Contains(message, "spec.replicas asks for 9 pods") ||
		!strings.Contains(tod.Status.Scaling.Message, "spec.replicas was set to 9, of which scaling.maxReplicas allows 3") {
		s.Errorf("nobody says that the request was cut: %s; %+v", message, tod.Status.Scaling)
	}
	tod = s.await(key, "one pod is left once more", pods("1/1"))
	if notes := s.notes(v1alpha1.ReasonScalingRequestCut); len(notes) != 1 {
		s.Errorf("the cut request is told in %d events: %q", len(notes), notes)
	}
	told := strings.Join(s.scalings(), ", ")
	for _, want := range []string{"-> 3", "LoadFell 2 -> 1", "Requested 1 -> 2"} {
		if !strings.Contains(told, want) {
			s.Errorf("the events %q lack %q", told, want)
		}
	}

	base := client.MergeFrom(tod.DeepCopy())
	tod.Spec.Scaling = v1alpha1.ScalingSpec{}
	s.must(s.Patch(s.Context(), tod, base))
	tod = s.await(key, "without scaling the spec decides", pods("9/9"))
	if tod.Status.Scaling != nil || meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionScalingLimited) != nil {
		s.Errorf("without scaling its status is still there: %+v", tod.Status.Scaling)
	}
}

func scalesThroughARollout(s *stage) {
	s.Parallel()
	s.model("tops")
	s.pass("tops", 1)
	s.works("tops-v1", 1.8)
	s.manage()
	key := s.scaled("tops", 4, 2*time.Minute, hold(50, 15*time.Second))
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 3}}
	asked := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}
	s.must(s.SubResource("scale").Update(s.Context(), asked, client.WithSubResourceBody(scale)))
	s.await(key, "three pods have work for three", func(tod *v1alpha1.TryOnDeployment) bool { return pods("3/3")(tod) && serves("tops-v1")(tod) })
	s.player.locked(func() { s.player.promised = 3 })

	s.pass("tops", 2)
	s.await(key, "tops-v2 takes half", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Weight == "50%" })
	s.works("tops-v2", 0.9)
	s.works("tops-v1", 0.9)
	s.await(key, "tops-v2 takes all", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Weight == "100%" || tod.Status.Stable == "tops-v2"
	})
	s.works("tops-v2", 1.8)
	s.works("tops-v1", 0)
	s.await(key, "tops-v2 serves", func(tod *v1alpha1.TryOnDeployment) bool { return serves("tops-v2")(tod) && tod.Status.Candidate == nil })
	deployment := &appsv1.Deployment{}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: key.Namespace, Name: names.Serving(key.Name, "tops-v2")}, deployment))
	if got := ptr.Deref(deployment.Spec.Replicas, 0); got != 3 {
		s.Errorf("tops-v2 has %d replicas, want the 3 of the version before it", got)
	}
	if told := s.scalings(); len(told) > 1 || (len(told) == 1 && !strings.HasPrefix(told[0], v1alpha1.ReasonScalingRequested)) {
		s.Error(fmt.Sprint("the number of pods changed during the rollout: ", told))
	}
}
