package erasing

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

const (
	// soon is when to go on after the status was written: its change is not watched.
	soon = time.Second
	// reportSoon is how soon a finished Job whose pod is not seen yet is looked at again.
	reportSoon = 5 * time.Second
	// lookAgain is how often is looked whether the users of a place have ended, besides the watches.
	lookAgain = 10 * time.Second
	// tryAgain is how soon something that the API server refused is tried again.
	tryAgain = time.Minute
)

// Plan is what is done and said about captured requests.
type Plan struct {
	// Hold adds the finalizer, LetGo takes it away.
	Hold, LetGo bool
	// Permit lets pods keep requests in the place.
	Permit bool
	// Place is what the status says after the pass.
	Place *v1alpha1.CaptureStatus
	// Stop ends what uses the place, Clear removes the Jobs that erase.
	Stop, Clear bool
	// Start is the attempt at erasing to start now; nil for none.
	Start *resources.Attempt
	// Reason and Message of the condition; empty for no condition.
	Reason, Message string
	// Mark is that of the pods that are to keep requests; empty when none are.
	Mark string
	// Heard says that the pods that keep requests were asked how they get on.
	Heard bool
	// Told is an event; its zero value is none.
	Told Told
	// Ends says that nothing else may be done in this pass; Gone, that the object is on its way out and not held by us.
	Ends, Gone bool
	// Wait is when to look again; 0 leaves it to the watches.
	Wait time.Duration
	// Err is what kept the pass from being carried out.
	Err error
}

// Told is an event about captured requests.
type Told struct{ Type, Reason, Note string }

// Decide plans from what was observed.
func Decide(tod *v1alpha1.TryOnDeployment, seen *Seen, now time.Time) Plan {
	held := slices.Contains(tod.Finalizers, names.CapturesFinalizer)
	place, wanted := tod.Status.Capture, wantedOf(tod, now)
	switch {
	case !held && !tod.DeletionTimestamp.IsZero():
		return Plan{Place: place, Ends: true, Gone: true}
	case place == nil && wanted == nil:
		return nothing(tod, seen, held)
	case place == nil:
		return take(tod, wanted)
	case wanted == nil || wanted.URI != place.URI:
		return giveUp(tod, seen, now)
	case !held:
		return take(tod, place)
	}
	wanted.SinceTime, wanted.Access = place.SinceTime, place.Access
	return keep(tod, wanted, seen, now)
}

// nothing is kept and nothing can be left, but for a Job that has erased.
func nothing(tod *v1alpha1.TryOnDeployment, seen *Seen, held bool) Plan {
	deleting := !tod.DeletionTimestamp.IsZero()
	return Plan{LetGo: held, Clear: seen.remains() && !deleting, Ends: deleting, Gone: deleting}
}

// giveUp is for a place that the spec does not name any more.
func giveUp(tod *v1alpha1.TryOnDeployment, seen *Seen, now time.Time) Plan {
	switch {
	case tod.Status.Capture.Access == v1alpha1.CaptureLook:
		return moveOn(tod, now, Told{})
	case tod.Annotations[names.LeaveCapturesAnnotation] == "true":
		return moveOn(tod, now, Told{corev1.EventTypeWarning, v1alpha1.ReasonCapturesLeft, fmt.Sprintf(
			"Captured requests in %s are left there, because the annotation %s says so", shown(tod, seen), names.LeaveCapturesAnnotation)})
	case seen.Unusable != nil:
		return moveOn(tod, now, Told{})
	}
	return erase(tod, seen, now)
}

// wantedOf is the place that the spec asks for; nil for none.
func wantedOf(tod *v1alpha1.TryOnDeployment, now time.Time) *v1alpha1.CaptureStatus {
	to := tod.Spec.Capture.To
	if to.URI == "" || !tod.DeletionTimestamp.IsZero() {
		return nil
	}
	return &v1alpha1.CaptureStatus{
		URI: to.URI, SecretRef: to.SecretRef, SinceTime: ptr.To(metav1.NewTime(now.Truncate(time.Second))), Access: v1alpha1.CaptureLook,
	}
}

// take has finalizer and status written before any pod keeps anything.
func take(tod *v1alpha1.TryOnDeployment, place *v1alpha1.CaptureStatus) Plan {
	return Plan{
		Hold: true, Place: place, Ends: true, Wait: soon, Reason: v1alpha1.ReasonCapturePending,
		Message: fmt.Sprintf("requests are kept in %s once serving pods are made for it", folderIn(tod, place)),
	}
}

// keep says how requests are kept. Pods are permitted to once the status that this pass has read says that they may: whatever becomes of the
// manager, a place in which something may lie is known to have to be erased. A Job that erases from before has no business there any more.
func keep(tod *v1alpha1.TryOnDeployment, place *v1alpha1.CaptureStatus, seen *Seen, now time.Time) Plan {
	p := Plan{Place: place, Clear: seen.remains(), Mark: seen.Folder.Mark}
	c, err := resources.CaptureOf(tod, seen.Store)
	if _, permitted := seen.Permit[c.Permit]; err == nil && !permitted {
		p.Permit = place.Access != v1alpha1.CaptureLook
	}
	switch {
	case err != nil:
		p.Reason, p.Message = v1alpha1.ReasonStoreUnavailable, err.Error()
	case seen.Serving:
		p.Reason, p.Message = v1alpha1.ReasonCapturing, fmt.Sprintf("%d %% of the answered requests are kept for %s in %s", c.Percent, lasting(c.Age), c.Shown)
	default:
		p.Reason, p.Message = v1alpha1.ReasonCapturePending, fmt.Sprintf("no serving pod that keeps requests in %s is ready%s", c.Shown, seen.because(now))
	}
	return p
}

// because is why the first pod that is to keep requests does not get ready, for the end of a sentence; empty when nothing is wrong.
func (s *Seen) because(now time.Time) string {
	for i := range s.Waiting {
		if failure := servingpod.FactOf(&s.Waiting[i], servingpod.Report{}, now).Failure; failure != "" {
			return ": " + failure
		}
	}
	return ""
}

// Hear takes what the ready pods say into account: a place may be good to the eye of the operator and not to those who write to it. Once one
// has said that it can use the place, the status says that requests may lie there; that is written before any pod gets its permit.
func (p Plan) Hear(said servingpod.CaptureWords) Plan {
	p.Heard = true
	if p.Reason != v1alpha1.ReasonCapturing {
		return p
	}
	looking := p.Place.Access == v1alpha1.CaptureLook
	if looking && said.Usable {
		place := *p.Place
		place.Access = v1alpha1.CaptureWrite
		p.Place, p.Wait = &place, soon
	}
	switch {
	case said.Trouble != "":
		p.Reason, p.Message = v1alpha1.ReasonCaptureFailing, fmt.Sprintf("requests are not kept in %s as asked: %s", p.Place.URI, said.Trouble)
	case looking && !said.Usable:
		p.Reason, p.Message = v1alpha1.ReasonCapturePending, fmt.Sprintf("no pod has said yet that it can use %s", p.Place.URI)
		p.Wait = lookAgain
	case looking || said.Held:
		p.Reason, p.Message = v1alpha1.ReasonCapturePending, fmt.Sprintf("pods can use %s and are told to keep requests there, within two minutes", p.Place.URI)
		p.Wait = cmp.Or(p.Wait, lookAgain)
	}
	return p
}

// erase gives a place up: first nobody uses it any more, then a Job erases it.
func erase(tod *v1alpha1.TryOnDeployment, seen *Seen, now time.Time) Plan {
	deleting := !tod.DeletionTimestamp.IsZero()
	p := Plan{Place: tod.Status.Capture, Ends: deleting, Wait: lookAgain, Reason: v1alpha1.ReasonErasing}
	where := "captured requests in " + seen.Folder.Shown
	switch {
	case deleting && slices.ContainsFunc(tod.Finalizers, collected):
		// A Job of ours would be collected with the rest.
		p.Message = where + " are erased when everything that belongs to this object is deleted or let go"
		return p
	case len(seen.Users) > 0:
		p.Stop, p.Clear = true, seen.remains()
		p.Message = fmt.Sprintf("%s are erased when nothing uses them any more: %s; %s", where, some(seen.Users), givingUp(tod))
		return p
	}
	next := backend.Decide(seen.Runs, keyOf(tod, seen.Folder), resources.Round(tod.Annotations[names.RetryAnnotation]), now)
	p.Start, p.Wait, p.Message = next.Start, cmp.Or(next.Wait, lookAgain), where+" are being erased"
	switch {
	case next.Errored:
		p.Reason, p.Message = v1alpha1.ReasonEraseFailed, fmt.Sprintf("%s could not be erased: %s; %s", where, next.Message, givingUp(tod))
	case next.Run == nil:
	case next.Run.State == backend.Unreported:
		p.Wait = min(p.Wait, reportSoon)
	case next.Run.State == backend.Reported:
		return p.reported(tod, seen, next.Run.Report, now)
	case next.Run.Trouble.Reason != "":
		p.Message += "; " + next.Run.Trouble.Message + "; " + givingUp(tod)
	case next.Hitch() != "":
		p.Message += next.Hitch() + "; " + givingUp(tod)
	}
	return p
}

// collected says whether the garbage collector is at work on what belongs to an object.
func collected(finalizer string) bool {
	return finalizer == metav1.FinalizerDeleteDependents || finalizer == metav1.FinalizerOrphanDependents
}

// reported moves on when everything was erased. Otherwise the Job is forgotten after an hour, and another follows.
func (p Plan) reported(tod *v1alpha1.TryOnDeployment, seen *Seen, e report.Envelope, now time.Time) Plan {
	var s report.EraseSummary
	err := e.Into(report.KindErase, &s)
	switch {
	case e.Verdict != report.Passed:
		err = fmt.Errorf("%s: %s", e.Reason, e.Message)
	case err == nil:
		return moveOn(tod, now, Told{corev1.EventTypeNormal, v1alpha1.ReasonCapturesErased,
			fmt.Sprintf("Captured requests in %s are erased: %d files, %d bytes", seen.Folder.Shown, s.Files, s.Bytes)})
	}
	p.Reason, p.Wait = v1alpha1.ReasonEraseFailed, tryAgain
	p.Message = fmt.Sprintf("captured requests in %s could not be erased: %v; it is tried again within the hour; %s", seen.Folder.Shown, err, givingUp(tod))
	return p
}

// moveOn leaves a place behind, for the next one, or for good. The Job that erased it stays until that is written: without it, a pass that
// still reads the status from before would erase once more.
func moveOn(tod *v1alpha1.TryOnDeployment, now time.Time, told Told) Plan {
	deleting := !tod.DeletionTimestamp.IsZero()
	p := Plan{LetGo: true, Ends: deleting, Gone: deleting, Wait: soon}
	if wanted := wantedOf(tod, now); wanted != nil {
		p = take(tod, wanted)
	}
	p.Told = told
	return p
}

// keyOf a piece of erasing: what was kept there later is another piece.
func keyOf(tod *v1alpha1.TryOnDeployment, folder resources.Capture) v1alpha1.Digest {
	since := ""
	if at := tod.Status.Capture.SinceTime; at != nil {
		since = at.UTC().Format(time.RFC3339)
	}
	sum := sha256.Sum256([]byte("erase " + folder.Mark + " " + since))
	return v1alpha1.Digest("sha256:" + hex.EncodeToString(sum[:]))
}

func givingUp(tod *v1alpha1.TryOnDeployment) string {
	return fmt.Sprintf("to leave them there instead: kubectl annotate tod %s %s=true", tod.Name, names.LeaveCapturesAnnotation)
}

// shown is what a user would call the place that is given up.
func shown(tod *v1alpha1.TryOnDeployment, seen *Seen) string {
	return cmp.Or(seen.Folder.Shown, tod.Status.Capture.URI)
}

func folderIn(tod *v1alpha1.TryOnDeployment, place *v1alpha1.CaptureStatus) string {
	c, _ := resources.CaptureIn(tod, *place)
	return cmp.Or(c.Shown, place.URI)
}

// some names the first of many.
func some(all []string) string {
	const most = 3
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// lasting writes a time as people do: 24h and not 24h0m0s.
func lasting(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
