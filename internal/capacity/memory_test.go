package capacity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/capacity"
	"github.com/braincreators/tryon-operator/internal/scale"
)

func TestAPodThatDoesNotAnswerOnceIsRemembered(t *testing.T) {
	w := newWorld().says(3).pass(2 * time.Minute)
	delete(w.loads, stable)
	w.pass(15 * time.Second)
	if w.last.Reason != v1alpha1.ReasonScalingSteady || !strings.Contains(w.last.Message, "work for 3.0 pods") {
		t.Errorf("%s: %s", w.last.Reason, w.last.Message)
	}
	w.pass(30 * time.Second)
	if w.last.Reason != v1alpha1.ReasonScalingReadingsMissing || w.present != 4 {
		t.Errorf("%d pods, %s: %s", w.present, w.last.Reason, w.last.Message)
	}
}

func TestOneMemoryIsKeptForEachObject(t *testing.T) {
	var all capacity.Memories
	name := types.NamespacedName{Namespace: "shop", Name: "storefront"}
	same := cmp.AllowUnexported(capacity.Memory{}, scale.Memory{})
	w := newWorld().says(0.3).pass(time.Minute)
	empty := func(m capacity.Memory) bool { return cmp.Equal(capacity.Memory{}, m, same) }
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered of what was never seen")
	}
	all.Keep(name, "1", w.last)
	if empty(all.Recall(name, "1")) || !empty(all.Recall(name, "2")) {
		t.Error("the memory is not that of the object, or of another one of its name")
	}
	all.Keep(name, "1", capacity.Plan{Replicas: 3})
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered without scaling")
	}
	all.Keep(name, "1", w.last)
	all.Forget(name)
	if !empty(all.Recall(name, "1")) {
		t.Error("something is remembered of what is gone")
	}
}
