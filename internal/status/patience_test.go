package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/resources"
)

var (
	noon        = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	jobs        = schema.GroupResource{Group: "batch", Resource: "jobs"}
	errConflict = fmt.Errorf("applying: %w", apierrors.NewConflict(jobs, "x", errors.New("stale")))
	errBusy     = fmt.Errorf("listing: %w", apierrors.NewTooManyRequests("the API server is busy", 1))
	errRefused  = fmt.Errorf("reading: %w", asked(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}))
	errDenied   = fmt.Errorf("applying: %w", apierrors.NewForbidden(jobs, "x", errors.New("quota")))
)

// asked is how the client of the API server gives what became of a connection.
func asked(err error) error { return &url.Error{Op: "Get", URL: "https://10.96.0.1/api", Err: err} }

func TestTroubleOfTheAPIServerIsToldFromWhatSomebodyHasToMend(t *testing.T) {
	_, config := resources.ParseStore("s3://a b")
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":                        {nil, false},
		"it is busy":                     {errBusy, true},
		"it is too slow":                 {apierrors.NewServerTimeout(jobs, "list", 1), true},
		"its answer took too long":       {apierrors.NewTimeoutError("etcd", 1), true},
		"it is being restarted":          {apierrors.NewServiceUnavailable("shutting down"), true},
		"its store elects":               {apierrors.NewInternalError(errors.New("etcdserver: leader changed")), true},
		"nobody listens":                 {errRefused, true},
		"the connection broke":           {asked(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), true},
		"the connection ended":           {asked(io.EOF), true},
		"no answer came":                 {fmt.Errorf("listing: %w", asked(context.DeadlineExceeded)), true},
		"it forbids":                     {errDenied, false},
		"it does not know what is meant": {apierrors.NewNotFound(jobs, "x"), false},
		"it finds it invalid":            {apierrors.NewInvalid(schema.GroupKind{Kind: "Job"}, "x", nil), false},
		"it is somebody else's":          {fmt.Errorf("%w: Service", apply.ErrNotOwned), false},
		"a store is misspelt":            {config, false},
		"anything else":                  {errors.New("no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := passing(tt.err); got != tt.want {
				t.Errorf("%v may pass by itself: %t, want %t", tt.err, got, tt.want)
			}
		})
	}
}

func TestOnlyTroubleThatLastsReachesTheConditions(t *testing.T) {
	type pass struct {
		after time.Duration
		err   error
		// kept says that the conditions stay as they were.
		kept bool
	}
	for name, passes := range map[string][]pass{
		"one failed read":                       {{0, errBusy, true}, {time.Second, nil, false}},
		"trouble of a minute":                   {{0, errBusy, true}, {59 * time.Second, errRefused, true}, {60 * time.Second, errBusy, false}, {2 * time.Minute, errBusy, false}},
		"trouble that comes back":               {{0, errBusy, true}, {50 * time.Second, nil, false}, {70 * time.Second, errBusy, true}},
		"what somebody has to mend":             {{0, errDenied, false}},
		"another error between":                 {{0, errBusy, true}, {50 * time.Second, errDenied, false}, {70 * time.Second, errBusy, true}},
		"a conflict, however often":             {{0, errConflict, true}, {2 * time.Minute, errConflict, true}},
		"a conflict does not end trouble":       {{0, errBusy, true}, {50 * time.Second, errConflict, true}, {70 * time.Second, errBusy, false}},
		"the manager ends":                      {{0, fmt.Errorf("listing: %w", asked(context.Canceled)), true}},
		"pauses as long as the workqueue's own": {{0, errBusy, true}, {1000 * time.Second, errBusy, false}, {2000 * time.Second, errBusy, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var p Patience
			for _, now := range passes {
				model := &v1alpha1.TryOnModel{}
				model.UID = "uid"
				Set(model, v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "tops-v1")
				was := slices.Clone(model.Status.Conditions)
				w := Begin(nil, nil, model)
				SetUnknown(model, errors.New("something"))
				Set(model, v1alpha1.ConditionVersionReady, metav1.ConditionFalse, v1alpha1.ReasonReconcileError, "something")
				p.Bear(w, now.err, noon.Add(now.after))
				if kept := slices.Equal(was, model.Status.Conditions); kept != now.kept {
					t.Errorf("after %s, %v: the conditions stay as they were: %t, want %t", now.after, now.err, kept, now.kept)
				}
			}
		})
	}
}

func TestTroubleIsRememberedOfItsObjectOnlyAndNotForEver(t *testing.T) {
	var p Patience
	p.remember("a", noon)
	if since := p.remember("b", noon.Add(time.Minute)); !since.Equal(noon.Add(time.Minute)) {
		t.Errorf("the trouble of b began at %s, before it was seen", since)
	}
	p.remember("b", noon.Add(61*time.Minute))
	if _, known := p.troubles["a"]; known || len(p.troubles) != 1 {
		t.Errorf("remembered are %v, want b alone", p.troubles)
	}
}

func TestAPassThatSaysNothingWritesNothingAndTellsNobody(t *testing.T) {
	model := &v1alpha1.TryOnModel{ObjectMeta: metav1.ObjectMeta{Name: "tops", Namespace: "shop", UID: "uid", Generation: 2}}
	model.Status.ObservedGeneration = 1
	model.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady, ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(noon),
	}}
	c := fake.NewClientBuilder().WithScheme(apitest.Scheme(t)).WithObjects(model).WithStatusSubresource(model).Build()
	recorder := events.NewFakeRecorder(8)
	var p Patience
	for after, want := range []int{0, 1} {
		now := &v1alpha1.TryOnModel{}
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(model), now); err != nil {
			t.Fatal(err)
		}
		before := now.ResourceVersion
		w := Begin(c, recorder, now)
		SetUnknown(now, errBusy)
		p.Bear(w, errBusy, noon.Add(time.Duration(after)*bearFor))
		if err := w.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if told, written := len(recorder.Events), now.ResourceVersion != before; told != want || written != (want > 0) || now.Status.ObservedGeneration != int64(1+want) {
			t.Errorf("after %d minutes there are %d events, written %t, of generation %d", after, told, written, now.Status.ObservedGeneration)
		}
	}
}
