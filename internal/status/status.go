package status

import (
	"context"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Object has conditions and the generation that they speak of.
type Object interface {
	client.Object
	// ConditionList points to the conditions, so that they can be changed in place.
	ConditionList() *[]metav1.Condition
	// SetObservedGeneration records the generation that the status speaks of.
	SetObservedGeneration(generation int64)
}

// Writer holds an object as it was at the beginning of a pass.
type Writer struct {
	client   client.Client
	recorder events.EventRecorder
	obj      Object
	before   client.Object
	// kept says that the conditions are those from before, and speak of what they spoke of.
	kept bool
}

// Begin remembers obj as it is; everything changed in its status until Commit is written by Commit.
func Begin(c client.Client, recorder events.EventRecorder, obj Object) *Writer {
	before, _ := obj.DeepCopyObject().(client.Object)
	return &Writer{client: c, recorder: recorder, obj: obj, before: before}
}

// Commit writes the status if it changed, and then one event for each reason that a condition changed to. An object that is gone needs
// no status.
func (w *Writer) Commit(ctx context.Context) error {
	if len(*w.obj.ConditionList()) > 0 && !w.kept {
		w.obj.SetObservedGeneration(w.obj.GetGeneration())
	}
	if reflect.DeepEqual(w.before, w.obj) {
		return nil
	}
	if err := w.client.Status().Patch(ctx, w.obj, client.MergeFromWithOptions(w.before, client.MergeFromWithOptimisticLock{})); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("writing status: %w", err)
	}
	w.record()
	return nil
}

func (w *Writer) record() {
	before, ok := w.before.(Object)
	if !ok {
		return
	}
	// Ready repeats the reason of the phase it is in. Events of one reason are counted as one, so that a second one would only read "x2".
	told := map[string]bool{}
	for _, now := range *w.obj.ConditionList() {
		then := meta.FindStatusCondition(*before.ConditionList(), now.Type)
		if then != nil && then.Reason == now.Reason && then.Status == now.Status {
			continue
		}
		if then == nil && now.Status == metav1.ConditionUnknown || told[now.Reason] {
			continue
		}
		told[now.Reason] = true
		w.recorder.Eventf(w.obj, nil, eventType(now), now.Reason, "Reconcile", "%s: %s", now.Type, now.Message)
	}
}

func eventType(c metav1.Condition) string {
	if Bad(c.Reason) {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}

// Set sets a condition with the object's generation. Messages are cut to the API's limit.
func Set(obj Object, conditionType string, status metav1.ConditionStatus, reason, message string) {
	const maxMessage = 2048
	if runes := []rune(message); len(runes) > maxMessage {
		message = string(runes[:maxMessage-1]) + "…"
	}
	meta.SetStatusCondition(obj.ConditionList(), metav1.Condition{
		Type: conditionType, Status: status, Reason: reason, Message: message, ObservedGeneration: obj.GetGeneration(),
	})
}
