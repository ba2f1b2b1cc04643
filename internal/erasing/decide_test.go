package erasing

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	one = "pvc://captures/one"
	two = "s3://shop/two"
)

// storefront asks for a place and has one in its status; an empty URI is none.
func storefront(wanted, place string, changes ...func(*v1alpha1.TryOnDeployment)) *v1alpha1.TryOnDeployment {
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "uid", Generation: 3}}
	tod.Spec.Capture.To.URI = wanted
	if place != "" {
		tod.Status.Capture = &v1alpha1.CaptureStatus{URI: place, SinceTime: ptr.To(metav1.NewTime(noon.Add(-time.Hour)))}
		tod.Finalizers = []string{names.CapturesFinalizer}
	}
	for _, change := range changes {
		change(tod)
	}
	return tod
}

// untried has the place looked at only.
func untried(tod *v1alpha1.TryOnDeployment) { tod.Status.Capture.Access = v1alpha1.CaptureLook }

func unpermitted(seen *Seen) { seen.Permit = map[string]string{"another": ""} }

func deleted(tod *v1alpha1.TryOnDeployment) { tod.DeletionTimestamp = ptr.To(metav1.NewTime(noon)) }

func unheld(tod *v1alpha1.TryOnDeployment) { tod.Finalizers = nil }

func leaving(tod *v1alpha1.TryOnDeployment) {
	tod.Annotations = map[string]string{names.LeaveCapturesAnnotation: "true"}
}

func collecting(tod *v1alpha1.TryOnDeployment) {
	tod.Finalizers = append(tod.Finalizers, metav1.FinalizerDeleteDependents)
}

// at is what one look finds.
func at(tod *v1alpha1.TryOnDeployment, change func(*Seen)) *Seen {
	seen := &Seen{}
	if tod.Status.Capture != nil {
		seen.Folder, seen.Unusable = resources.CaptureIn(tod, *tod.Status.Capture)
		seen.Permit = map[string]string{seen.Folder.Permit: ""}
	}
	if change != nil {
		change(seen)
	}
	return seen
}

func run(change func(*backend.Run)) func(*Seen) {
	return func(seen *Seen) {
		r := backend.Run{Kind: v1alpha1.BackendJob, Name: "storefront-erase-1", Work: resources.Erase, Key: keyOf(storefront(one, one), seen.Folder), State: backend.Running}
		change(&r)
		seen.Runs = append(seen.Runs, r)
	}
}

func reports(verdict report.Verdict, summary any) func(*Seen) {
	body, _ := json.Marshal(summary)
	return run(func(r *backend.Run) {
		r.State, r.FinishedAt = backend.Reported, noon.Add(-time.Minute)
		r.Report = report.Envelope{Schema: report.Schema, Kind: report.KindErase, Key: string(r.Key), Verdict: verdict, Reason: "Because", Message: "of that", Summary: body}
	})
}

func used(seen *Seen) { seen.Users = []string{"pod a", "pod b"} }

// does says in words what a plan has done, for the tables.
func does(p Plan) string {
	var all []string
	for _, part := range []struct {
		on   bool
		word string
	}{
		{p.Hold, "hold"}, {p.Permit, "permit"}, {p.Stop, "stop"}, {p.Clear, "clear"}, {p.Start != nil, "start"}, {p.LetGo, "let go"}, {p.Ends, "end"}, {p.Gone, "gone"},
	} {
		if part.on {
			all = append(all, part.word)
		}
	}
	return strings.Join(all, ", ")
}

func placeOf(p Plan) string {
	if p.Place == nil {
		return ""
	}
	return p.Place.URI
}

func TestAPlaceIsHeldFromBeforeTheFirstRequestUntilAllAreErased(t *testing.T) {
	passed := reports(report.Passed, report.EraseSummary{Files: 3, Bytes: 900})
	for name, tt := range map[string]struct {
		tod                     *v1alpha1.TryOnDeployment
		seen                    func(*Seen)
		does, place, reason, ev string
	}{
		"nothing is asked for":              {storefront("", ""), nil, "", "", "", ""},
		"its last erasing is seen still":    {storefront("", ""), passed, "clear", "", "", ""},
		"only its policy is":                {storefront("", ""), func(s *Seen) { s.Policy = &networkingv1.NetworkPolicy{} }, "clear", "", "", ""},
		"it is switched on, and that, too":  {storefront(one, ""), passed, "hold, end", one, "CapturePending", ""},
		"it is deleted":                     {storefront("", "", deleted), nil, "end, gone", "", "", ""},
		"it is switched on":                 {storefront(one, ""), nil, "hold, end", one, "CapturePending", ""},
		"it is held and not written yet":    {storefront("", "", func(tod *v1alpha1.TryOnDeployment) { tod.Finalizers = []string{names.CapturesFinalizer} }), nil, "let go", "", "", ""},
		"its finalizer was taken away":      {storefront(one, one, unheld), nil, "hold, end", one, "CapturePending", ""},
		"no pod does it yet":                {storefront(one, one), nil, "", one, "CapturePending", ""},
		"pods do it":                        {storefront(one, one), func(s *Seen) { s.Serving = true; used(s) }, "", one, "Capturing", ""},
		"pods may do it, and are told":      {storefront(one, one), unpermitted, "permit", one, "CapturePending", ""},
		"they may not yet":                  {storefront(one, one, untried), unpermitted, "", one, "CapturePending", ""},
		"it lies in the store":              {storefront(one, one), func(s *Seen) { unpermitted(s); s.Store.Claim = "captures" }, "", one, "StoreUnavailable", ""},
		"untried: its finalizer was taken":  {storefront(one, one, untried, unheld), nil, "hold, end", one, "CapturePending", ""},
		"untried: it is switched off":       {storefront("", one, untried), used, "let go", "", "", ""},
		"untried: it moves":                 {storefront(two, one, untried), used, "hold, end", two, "CapturePending", ""},
		"untried: it moves, and is to stay": {storefront(two, one, untried, leaving), used, "hold, end", two, "CapturePending", ""},
		"untried: deleted":                  {storefront(one, one, untried, deleted), used, "let go, end, gone", "", "", ""},
		"untried: deleted with all":         {storefront(one, one, untried, deleted, collecting), used, "let go, end, gone", "", "", ""},
		"it was erased before":              {storefront(one, one), passed, "clear", one, "CapturePending", ""},
		"it is switched off":                {storefront("", one), used, "stop", one, "Erasing", ""},
		"users come back meanwhile":         {storefront("", one), func(s *Seen) { used(s); passed(s) }, "stop, clear", one, "Erasing", ""},
		"nobody uses it any more":           {storefront("", one), nil, "start", one, "Erasing", ""},
		"it is being erased":                {storefront("", one), run(func(*backend.Run) {}), "", one, "Erasing", ""},
		"its report is not seen yet":        {storefront("", one), run(func(r *backend.Run) { r.State, r.FinishedAt = backend.Unreported, noon }), "", one, "Erasing", ""},
		"it is erased":                      {storefront("", one), passed, "let go", "", "", "CapturesErased"},
		"it could not be":                   {storefront("", one), run(func(r *backend.Run) { r.State, r.FinishedAt, r.Message = backend.Errored, noon, "no bucket" }), "", one, "EraseFailed", ""},
		"it is tried again":                 {storefront("", one), run(func(r *backend.Run) { r.State, r.FinishedAt = backend.Errored, noon.Add(-time.Hour) }), "start", one, "EraseFailed", ""},
		"it was refused":                    {storefront("", one), reports(report.Failed, report.EraseSummary{}), "", one, "EraseFailed", ""},
		"its report makes no sense":         {storefront("", one), reports(report.Passed, map[string]string{"files": "all"}), "", one, "EraseFailed", ""},
		"it moves and is used":              {storefront(two, one), used, "stop", one, "Erasing", ""},
		"it moves and nobody uses it":       {storefront(two, one), nil, "start", one, "Erasing", ""},
		"it moves and is erased":            {storefront(two, one), passed, "hold, end", two, "CapturePending", "CapturesErased"},
		"it is left":                        {storefront("", one, leaving), used, "let go", "", "", "CapturesLeft"},
		"it moves and the old is left":      {storefront(two, one, leaving), used, "hold, end", two, "CapturePending", "CapturesLeft"},
		"it may be left, but is wanted":     {storefront(one, one, leaving), nil, "", one, "CapturePending", ""},
		"it never could be used":            {storefront("", "pvc://captures?a=b"), nil, "let go", "", "", ""},
		"it cannot be used":                 {storefront("pvc://captures?a=b", "pvc://captures?a=b"), nil, "", "pvc://captures?a=b", "StoreUnavailable", ""},
		"deleted while used":                {storefront(one, one, deleted), used, "stop, end", one, "Erasing", ""},
		"deleted and used by nobody":        {storefront(one, one, deleted), nil, "start, end", one, "Erasing", ""},
		"deleted and erased":                {storefront(one, one, deleted), passed, "let go, end, gone", "", "", "CapturesErased"},
		"deleted and failed":                {storefront(one, one, deleted), run(func(r *backend.Run) { r.State, r.FinishedAt = backend.Errored, noon }), "end", one, "EraseFailed", ""},
		"deleted and left":                  {storefront(one, one, deleted, leaving), used, "let go, end, gone", "", "", "CapturesLeft"},
		"deleted with all that it has":      {storefront(one, one, deleted, collecting), nil, "end", one, "Erasing", ""},
		"deleted, and let go by somebody":   {storefront(one, one, deleted, unheld), used, "end, gone", one, "", ""},
		"deleted before it was written":     {storefront(one, "", deleted, func(tod *v1alpha1.TryOnDeployment) { tod.Finalizers = []string{names.CapturesFinalizer} }), nil, "let go, end, gone", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := Decide(tt.tod, at(tt.tod, tt.seen), noon)
			if got := does(p); got != tt.does || placeOf(p) != tt.place || p.Reason != tt.reason || p.Told.Reason != tt.ev {
				t.Errorf("it does %q with place %q, reason %s, event %q; want %q, %q, %s, %q\n%s", got, placeOf(p), p.Reason, p.Told.Reason, tt.does, tt.place, tt.reason, tt.ev, p.Message)
			}
			if p.Reason != "" && p.Message == "" {
				t.Error("nothing is said")
			}
		})
	}
}

func TestWhatIsKeptIsSaidInTheWordsOfTheSpec(t *testing.T) {
	tod := storefront(one, one)
	tod.Spec.Capture.TTL, tod.Spec.Capture.SamplePercent = &metav1.Duration{Duration: 36 * time.Hour}, 25
	p := Decide(tod, at(tod, func(s *Seen) { s.Serving = true }), noon)
	if want := "25 % of the answered requests are kept for 36h in pvc://captures/one (folder storefront)"; p.Message != want {
		t.Errorf("message %q, want %q", p.Message, want)
	}
	for d, want := range map[time.Duration]string{24 * time.Hour: "24h", 90 * time.Minute: "1h30m", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour + 10*time.Second: "1h0m10s"} {
		if got := lasting(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}

func TestTroubleOfPodsIsSaidWhereTheyWouldKeepRequests(t *testing.T) {
	serving := func(s *Seen) { s.Serving = true; used(s) }
	type words = servingpod.CaptureWords
	for name, tt := range map[string]struct {
		tod          *v1alpha1.TryOnDeployment
		seen         func(*Seen)
		said         servingpod.CaptureWords
		reason, word string
		access       v1alpha1.CaptureAccess
	}{
		"all is well":            {storefront(one, one), serving, words{Usable: true}, "Capturing", "10 %", ""},
		"one is in trouble":      {storefront(one, one), serving, words{Trouble: "pod a: access denied"}, "CaptureFailing", "not kept in " + one + " as asked: pod a: access denied", ""},
		"none is seen yet":       {storefront(one, one), nil, words{Trouble: "pod a: access denied"}, "CapturePending", "no serving pod", ""},
		"it is given up":         {storefront("", one), used, words{Trouble: "pod a: access denied"}, "Erasing", "pod a, pod b", ""},
		"one has no permit":      {storefront(one, one), serving, words{Usable: true, Held: true}, "CapturePending", "within two minutes", ""},
		"nobody has said":        {storefront(one, one, untried), serving, words{}, "CapturePending", "no pod has said yet that it can use " + one, "Look"},
		"none can":               {storefront(one, one, untried), serving, words{Trouble: "pod a: no such bucket", Held: true}, "CaptureFailing", "no such bucket", "Look"},
		"one can":                {storefront(one, one, untried), serving, words{Usable: true, Held: true}, "CapturePending", "within two minutes", "Write"},
		"one can and one not":    {storefront(one, one, untried), serving, words{Trouble: "pod a: no", Usable: true, Held: true}, "CaptureFailing", "pod a: no", "Write"},
		"one can and goes":       {storefront(one, one, untried), nil, words{Usable: true, Held: true}, "CapturePending", "no serving pod", "Look"},
		"it is given up by then": {storefront("", one, untried), used, words{Usable: true, Held: true}, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tt.tod.Spec.Capture.SamplePercent = 10
			before := Decide(tt.tod, at(tt.tod, tt.seen), noon)
			p := before.Hear(tt.said)
			if !p.Heard || p.Reason != tt.reason || !strings.Contains(p.Message, tt.word) || does(p) != does(before) {
				t.Errorf("%s: %s; want %s: %s", p.Reason, p.Message, tt.reason, tt.word)
			}
			if got := ptr.Deref(p.Place, v1alpha1.CaptureStatus{}).Access; got != tt.access {
				t.Errorf("pods may %q there, want %q", got, tt.access)
			}
			if c := tt.tod.Status.Capture; tt.access == v1alpha1.CaptureWrite && (c.Access != v1alpha1.CaptureLook || p.Wait == 0) {
				t.Errorf("what is not written yet is taken for written: %+v, and looked at in %s", c, p.Wait)
			}
		})
	}
}

func TestAPodThatDoesNotGetReadySaysWhyNothingIsKept(t *testing.T) {
	pod := func(state corev1.PodStatus) func(*Seen) {
		return func(s *Seen) {
			s.Waiting = append(s.Waiting, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "new"}, Status: state})
		}
	}
	missing := corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: `persistentvolumeclaim "captures" not found`,
	}}}
	unset := corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: names.ContainerSidecar, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "CreateContainerConfigError", Message: `secret "captures" not found`},
	}}}}
	const none = "no serving pod that keeps requests in pvc://captures/one (folder storefront) is ready"
	for name, tt := range map[string]struct {
		seen func(*Seen)
		want string
	}{
		"there is none":        {nil, none},
		"one starts":           {pod(corev1.PodStatus{}), none},
		"no such claim":        {pod(missing), none + `: Pod new finds no node: persistentvolumeclaim "captures" not found`},
		"no such Secret":       {pod(unset), none + `: Pod new cannot start its container sidecar: secret "captures" not found`},
		"the second says more": {func(s *Seen) { pod(corev1.PodStatus{})(s); pod(unset)(s) }, none + `: Pod new cannot start its container sidecar: secret "captures" not found`},
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront(one, one, untried)
			if p := Decide(tod, at(tod, tt.seen), noon); p.Reason != v1alpha1.ReasonCapturePending || p.Message != tt.want {
				t.Errorf("%s: %s\nwant %s", p.Reason, p.Message, tt.want)
			}
		})
	}
}

func TestWhatHoldsErasingUpIsSaidWithHowToGiveUp(t *testing.T) {
	const give = "kubectl annotate tod storefront tryon.braincreators.com/leave-captures=true"
	for name, tt := range map[string]struct {
		seen func(*Seen)
		want []string
	}{
		"users": {func(s *Seen) { s.Users = []string{"Deployment a", "Job b", "pod c", "pod d", "pod e"} }, []string{"Deployment a, Job b, pod c and 2 more", give}},
		"a failure": {
			run(func(r *backend.Run) { r.State, r.FinishedAt, r.Message = backend.Errored, noon, "no such bucket" }),
			[]string{"pvc://captures/one (folder storefront)", "no such bucket", "attempt 2 follows at 12:00:30 UTC", give},
		},
		"a pod that does not start": {
			run(func(r *backend.Run) {
				r.Trouble = podwatch.Trouble{Reason: "ContainerNotStarted", Message: "secret is missing"}
			}),
			[]string{"are being erased", "secret is missing", give},
		},
		"an earlier failure": {func(s *Seen) {
			run(func(r *backend.Run) {
				r.Name, r.State, r.FinishedAt, r.Message = "0", backend.Errored, noon.Add(-time.Minute), "access denied"
			})(s)
			run(func(r *backend.Run) { r.Attempt.Number = 1 })(s)
		}, []string{"are being erased; an earlier try failed: access denied", give}},
		"a refusal": {reports(report.Failed, report.EraseSummary{}), []string{"Because: of that", "tried again within the hour", give}},
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront("", one)
			p := Decide(tod, at(tod, tt.seen), noon)
			for _, want := range tt.want {
				if !strings.Contains(p.Message, want) {
					t.Errorf("message %q does not say %q", p.Message, want)
				}
			}
			if p.Wait == 0 {
				t.Error("nobody looks again")
			}
		})
	}
}

func TestARetryIsMadeAtOnceWhenSomebodyAsksForIt(t *testing.T) {
	for name, seen := range map[string]func(*Seen){
		"after a failure": run(func(r *backend.Run) { r.State, r.FinishedAt = backend.Errored, noon }),
		"after a refusal": reports(report.Failed, report.EraseSummary{}),
	} {
		t.Run(name, func(t *testing.T) {
			tod := storefront("", one)
			tod.Annotations = map[string]string{names.RetryAnnotation: "the bucket is back"}
			if p := Decide(tod, at(tod, seen), noon); p.Start == nil || p.Start.Round == "" {
				t.Errorf("plan %+v", p)
			}
		})
	}
}

func TestAnotherSecretIsNoOtherPlace(t *testing.T) {
	tod := storefront(two, two)
	tod.Status.Capture.SecretRef.Name, tod.Spec.Capture.To.SecretRef.Name = "old", "new"
	want := &v1alpha1.CaptureStatus{URI: two, SecretRef: v1alpha1.SecretReference{Name: "new"}, SinceTime: tod.Status.Capture.SinceTime}
	tod.Status.Capture.Access, want.Access = v1alpha1.CaptureLook, v1alpha1.CaptureLook
	p := Decide(tod, at(tod, used), noon)
	if diff := cmp.Diff(want, p.Place); diff != "" || does(p) != "" {
		t.Errorf("it does %q, place (-want +got):\n%s", does(p), diff)
	}
}

func TestWhatIsKeptAgainInAPlaceIsErasedAgain(t *testing.T) {
	before, after, other := storefront("", one), storefront("", one), storefront("", two)
	after.Status.Capture.SinceTime = ptr.To(metav1.NewTime(noon))
	keys := map[v1alpha1.Digest]bool{}
	for _, tod := range []*v1alpha1.TryOnDeployment{before, after, other} {
		keys[keyOf(tod, at(tod, nil).Folder)] = true
	}
	if len(keys) != 3 {
		t.Errorf("%d pieces of work, want 3: the report of an earlier one would stand for a later", len(keys))
	}
	p := Decide(storefront(one, ""), &Seen{}, noon.Add(300*time.Millisecond))
	if p.Place.Access != v1alpha1.CaptureLook {
		t.Errorf("access %q: pods may write before one has looked", p.Place.Access)
	}
	if !p.Place.SinceTime.Time.Equal(noon) {
		t.Errorf("since %s: a status has whole seconds", p.Place.SinceTime)
	}
}

func TestAnEventSaysWhatWasErasedOrLeft(t *testing.T) {
	tod := storefront("", one)
	p := Decide(tod, at(tod, reports(report.Passed, report.EraseSummary{Files: 3, Bytes: 900})), noon)
	if p.Told.Type != corev1.EventTypeNormal || !strings.Contains(p.Told.Note, "pvc://captures/one (folder storefront) are erased: 3 files, 900 bytes") {
		t.Errorf("event %+v", p.Told)
	}
	leaving(tod)
	if p := Decide(tod, at(tod, nil), noon); p.Told.Type != corev1.EventTypeWarning || !strings.Contains(p.Told.Note, names.LeaveCapturesAnnotation) {
		t.Errorf("event %+v", p.Told)
	}
}

func TestTheStatusSaysWhereRequestsMayLieAndHowTheyStand(t *testing.T) {
	for name, tt := range map[string]struct {
		tod             *v1alpha1.TryOnDeployment
		plan            Plan
		capturing, word string
		ready           string
	}{
		"kept":    {storefront(one, one), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Reason: v1alpha1.ReasonCapturing, Message: "10 %", Heard: true}, "True", "Capturing", ""},
		"failing": {storefront(one, one), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Reason: v1alpha1.ReasonCapturing}.Hear(servingpod.CaptureWords{Trouble: "pod a: no"}), "False", "CaptureFailing", ""},
		"unheard": {storefront(one, one), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Reason: v1alpha1.ReasonCapturing}, "Unknown", "Before", ""},
		"erased":  {storefront("", one), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Reason: v1alpha1.ReasonErasing, Message: "soon"}, "False", "Erasing", ""},
		"gone":    {storefront("", one), Plan{}, "", "", ""},
		"deleted": {storefront("", one, deleted), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Reason: v1alpha1.ReasonEraseFailed, Message: "no"}, "False", "EraseFailed", "False EraseFailed"},
		"unknown": {storefront("", one), Plan{Place: &v1alpha1.CaptureStatus{URI: one}, Err: errors.New("connection refused")}, "Unknown", "Before", "Unknown ReconcileError"},
	} {
		t.Run(name, func(t *testing.T) {
			tt.tod.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCapturing, Status: metav1.ConditionUnknown, Reason: "Before"}}
			Summarize(tt.tod, tt.plan)
			if diff := cmp.Diff(tt.plan.Place, tt.tod.Status.Capture); diff != "" {
				t.Errorf("place (-want +got):\n%s", diff)
			}
			c := ptr.Deref(meta.FindStatusCondition(tt.tod.Status.Conditions, v1alpha1.ConditionCapturing), metav1.Condition{})
			if string(c.Status) != tt.capturing || c.Reason != tt.word {
				t.Errorf("Capturing is %+v, want %s %s", c, tt.capturing, tt.word)
			}
			ready := ""
			if r := meta.FindStatusCondition(tt.tod.Status.Conditions, v1alpha1.ConditionReady); r != nil {
				ready = string(r.Status) + " " + r.Reason
			}
			if ready != tt.ready {
				t.Errorf("Ready is %q, want %q", ready, tt.ready)
			}
		})
	}
}

func TestWhatIsAbandonedWithItsNamespaceIsSaid(t *testing.T) {
	claim := abandoned(resources.Capture{Shown: "pvc://captures (folder storefront)"}, "pvc://captures")
	if claim.Type != corev1.EventTypeNormal || !strings.Contains(claim.Note, "go with the claim") {
		t.Errorf("of a claim: %+v", claim)
	}
	bucket := abandoned(resources.Capture{URI: "s3://shop/a/shop/storefront", Shown: "s3://shop/a (folder shop/storefront)"}, "s3://shop/a")
	if bucket.Type != corev1.EventTypeWarning || !strings.Contains(bucket.Note, "delete s3://shop/a/shop/storefront") {
		t.Errorf("of a bucket: %+v", bucket)
	}
}
