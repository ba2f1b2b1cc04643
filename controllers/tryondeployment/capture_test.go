package tryondeployment_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/task"
)

// guard watches over captured requests: no pod keeps any that nobody would erase, and none does while they are erased.
func (p *player) guard(ctx context.Context) error {
	var jobs batchv1.JobList
	var pods corev1.PodList
	if err := p.List(ctx, &jobs, client.InNamespace(p.namespace), client.MatchingLabels{names.LabelWork: "erase"}); err != nil {
		return err
	}
	if err := p.List(ctx, &pods, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.Annotations[names.AnnotationCaptures] != "" && len(jobs.Items) > 0 {
			p.breaches = append(p.breaches, fmt.Sprintf("pod %s can keep requests while %s erases them", pod.Name, jobs.Items[0].Name))
		}
		if !p.keeping[string(pod.UID)] {
			continue
		}
		tod := &v1alpha1.TryOnDeployment{}
		err := p.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: pod.Labels[names.LabelDeployment]}, tod)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		left := apierrors.IsNotFound(err) || tod.Annotations[names.LeaveCapturesAnnotation] == "true"
		if !left && !holds(tod, pod) {
			p.breaches = append(p.breaches, fmt.Sprintf("pod %s keeps requests that nothing holds: finalizers %v, status %+v", pod.Name, tod.Finalizers, tod.Status.Capture))
		}
	}
	return nil
}

// holds says whether a deployment would erase what a pod keeps.
func holds(tod *v1alpha1.TryOnDeployment, pod *corev1.Pod) bool {
	place := tod.Status.Capture
	if place == nil || place.Access != v1alpha1.CaptureWrite || !slices.Contains(tod.Finalizers, names.CapturesFinalizer) {
		return false
	}
	folder, err := resources.CaptureIn(tod, *place)
	return err == nil && folder.Mark == pod.Annotations[names.AnnotationCaptures]
}

// permit lets those pods keep requests that find their permit. They do it until they end.
func (p *player) permit(ctx context.Context, pods []corev1.Pod) error {
	var configs corev1.ConfigMapList
	if err := p.List(ctx, &configs, client.InNamespace(p.namespace)); err != nil {
		return err
	}
	clear(p.permitted)
	for i := range configs.Items {
		for key := range configs.Items[i].Data {
			p.permitted["/capture-permit/"+key] = configs.Items[i].Name == "storefront-capture-permit"
		}
	}
	for i := range pods {
		uid := string(pods[i].UID)
		if permit := p.permits[uid]; permit != "" && p.permitted[permit] {
			p.keeping[uid] = true
		}
	}
	return nil
}

// permitOf is the file that a pod waits for before it keeps requests; empty for none.
func permitOf(pod *corev1.PodSpec) string {
	command := pod.Containers[0].Command
	if i := slices.Index(command, "--capture-permit"); i >= 0 {
		return command[i+1]
	}
	return ""
}

// lacks says which claim a pod waits for that does not exist.
func (p *player) lacks(pod *corev1.Pod) (why string, is bool) {
	for _, v := range pod.Spec.Volumes {
		if c := v.PersistentVolumeClaim; c != nil && p.lacking[c.ClaimName] {
			return fmt.Sprintf("persistentvolumeclaim %q not found", c.ClaimName), true
		}
	}
	return "", false
}

// keeps makes a deployment that keeps its requests, and waits until it does.
func (s *stage) keeps(uri string) client.ObjectKey {
	s.Helper()
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	tod := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: "tops"}, Capture: v1alpha1.CaptureSpec{To: v1alpha1.BlobSource{URI: uri}},
		},
	}
	s.must(s.Create(s.Context(), tod))
	key := client.ObjectKeyFromObject(tod)
	s.await(key, "requests are kept", captures(uri))
	return key
}

func captures(uri string) func(*v1alpha1.TryOnDeployment) bool {
	return func(tod *v1alpha1.TryOnDeployment) bool {
		return reasonOf(tod, v1alpha1.ConditionCapturing) == v1alpha1.ReasonCapturing && tod.Status.Capture != nil && tod.Status.Capture.URI == uri && serves("tops-v1")(tod)
	}
}

func capturing(reason string) func(*v1alpha1.TryOnDeployment) bool {
	return func(tod *v1alpha1.TryOnDeployment) bool { return reasonOf(tod, v1alpha1.ConditionCapturing) == reason }
}

// awaitErasing waits for the Job that erases, other than one before.
func (s *stage) awaitErasing(before string) (*batchv1.Job, task.Erase) {
	s.Helper()
	var found *batchv1.Job
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		var jobs batchv1.JobList
		if err := s.List(ctx, &jobs, client.InNamespace(s.player.namespace), client.MatchingLabels{names.LabelErase: "storefront"}); err != nil {
			return false, err
		}
		for i := range jobs.Items {
			if jobs.Items[i].Name != before {
				found = &jobs.Items[i]
			}
		}
		return found != nil, nil
	})
	if err != nil {
		s.Fatalf("no Job erases: %v", err)
	}
	var erase task.Erase
	for _, e := range found.Spec.Template.Spec.Containers[0].Env {
		if e.Name == task.Env {
			s.must(task.Decode([]byte(e.Value), &erase))
		}
	}
	return found, erase
}

// erased ends a Job that erases: with a report, or with an error in its place.
func (s *stage) erased(job *batchv1.Job, erase task.Erase, problem string) {
	s.Helper()
	summary, err := json.Marshal(report.EraseSummary{Files: 3, Bytes: 900})
	s.must(err)
	envelope := report.Envelope{Schema: report.Schema, Kind: report.KindErase, Key: erase.Key, Verdict: report.Passed, Summary: summary}
	if problem != "" {
		envelope.Verdict, envelope.Message = report.Errored, problem
	}
	s.finish(job, envelope)
}

// awaitGone waits until the object is gone.
func (s *stage) awaitGone(key client.ObjectKey) {
	s.Helper()
	tod := &v1alpha1.TryOnDeployment{}
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		err := s.Get(ctx, key, tod)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		s.Fatalf("the object does not go: %v\nstatus: %s", err, show(tod))
	}
}

// keptIn gives the subPath at which each container of the only Deployment sees captured requests.
func (s *stage) keptIn() []string { return s.mounts("capture") }

func (s *stage) mounts(volume string) (mounts []string) {
	s.Helper()
	var deployments appsv1.DeploymentList
	s.must(s.List(s.Context(), &deployments, client.InNamespace(s.player.namespace)))
	for i := range deployments.Items {
		spec := deployments.Items[i].Spec.Template.Spec
		for _, c := range append(spec.InitContainers, spec.Containers...) {
			for _, m := range c.VolumeMounts {
				if m.Name == volume {
					mounts = append(mounts, c.Name+" "+m.SubPath)
				}
			}
		}
	}
	return mounts
}

func forgetsWhatWasNeverUsable(s *stage) {
	s.player.locked(func() { s.player.lacking["capture"] = true })
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	key := s.deploy("storefront", "tops", 1)
	s.await(key, "it serves", serves("tops-v1"))
	s.player.locked(func() { s.player.promised = 1 })
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "pvc://capture" })
	tod := s.await(key, "the missing claim is said", func(tod *v1alpha1.TryOnDeployment) bool {
		c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing)
		return c != nil && c.Reason == v1alpha1.ReasonCapturePending && strings.Contains(c.Message, `persistentvolumeclaim "capture" not found`)
	})
	ready := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Status != metav1.ConditionTrue || !strings.Contains(ready.Message, `"capture" not found`) || !meta.IsStatusConditionFalse(tod.Status.Conditions, v1alpha1.ConditionRolledOut) {
		s.Errorf("the old pod serves, but: %s", show(tod))
	}
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "pvc://captures" })
	tod = s.await(key, "requests are kept in the right place", captures("pvc://captures"))
	if tod.Status.Capture.Access != v1alpha1.CaptureWrite {
		s.Errorf("captured requests may be lost: %+v", tod.Status.Capture)
	}
	s.erasesNothing()

	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "pvc://capture" })
	job, erase := s.awaitErasing("")
	s.erased(job, erase, "")
	s.await(key, "the wrong place is taken again", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Capture != nil && tod.Status.Capture.URI == "pvc://capture" && tod.Status.Capture.Access == v1alpha1.CaptureLook
	})
	s.must(s.Delete(s.Context(), &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}))
	s.awaitGone(key)
}

func erasesWhatAPodMayHaveKept(s *stage) {
	s.player.locked(func() { s.player.unkept = "no such bucket" })
	s.model("tops")
	s.pass("tops", 1)
	stop := s.manage()
	key := s.deploy("storefront", "tops", 1)
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "s3://shop/captures" })
	s.await(key, "the trouble is said", func(tod *v1alpha1.TryOnDeployment) bool {
		return capturing(v1alpha1.ReasonCaptureFailing)(tod) && tod.Status.Capture.Access == v1alpha1.CaptureLook && serves("tops-v1")(tod)
	})
	s.player.locked(func() { s.player.unkept = "" })
	s.annotate(key, "look", "now")
	s.await(key, "requests may be kept", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Capture.Access == v1alpha1.CaptureWrite })
	// Whether the manager came to permit it, and what became of the pods meanwhile, does not matter.
	stop()
	var pods corev1.PodList
	s.must(s.List(s.Context(), &pods, client.InNamespace(key.Namespace)))
	for i := range pods.Items {
		s.must(client.IgnoreNotFound(s.Delete(s.Context(), &pods.Items[i])))
	}
	s.player.locked(func() { s.player.unkept = "no such bucket" })
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "s3://shop/elsewhere" })
	s.manage()
	job, erase := s.awaitErasing("")
	if !strings.HasPrefix(erase.Capture.Shown, "s3://shop/captures ") {
		s.Errorf("erased is %s", erase.Capture.Shown)
	}
	s.erased(job, erase, "")
	s.await(key, "the other place is taken", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Capture.URI == "s3://shop/elsewhere" })
}

func sharesAClaim(s *stage) {
	s.model("tops")
	s.pass("tops", 1)
	s.manage()
	tod := &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: s.player.namespace},
		Spec: v1alpha1.TryOnDeploymentSpec{
			Model: v1alpha1.ServedModel{Name: "tops"}, Catalogue: v1alpha1.BlobSource{URI: "pvc://shop/garments"},
			Capture: v1alpha1.CaptureSpec{To: v1alpha1.BlobSource{URI: "pvc://tryon-artefacts/captures"}},
		},
	}
	s.must(s.Create(s.Context(), tod))
	key := client.ObjectKeyFromObject(tod)
	for _, refused := range []struct{ uri, word string }{
		{"pvc://tryon-artefacts/captures", "lies in the artefact store, pvc://tryon-artefacts"},
		{"pvc://shop/garments/captures", "that of spec.catalogue, pvc://shop/garments"},
	} {
		s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = refused.uri })
		s.await(key, refused.uri+" is refused", func(tod *v1alpha1.TryOnDeployment) bool {
			c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing)
			return c != nil && c.Reason == v1alpha1.ReasonStoreUnavailable && strings.Contains(c.Message, refused.word) && stageIs(v1alpha1.ReasonStoreUnavailable)(tod)
		})
	}
	s.erasesNothing()
	for _, shared := range []struct{ uri, folder string }{{"pvc://shop/captures", "captures/storefront"}, {"pvc://shop", "storefront"}} {
		s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = shared.uri })
		if shared.uri == "pvc://shop" {
			job, erase := s.awaitErasing("")
			s.erased(job, erase, "")
		}
		// That pods keep requests says that the API server has taken them.
		s.await(key, "requests are kept in "+shared.uri, captures(shared.uri))
		if got, want := s.mounts("catalogue"), []string{"sidecar garments", "sidecar " + shared.folder}; !slices.Equal(got, want) {
			s.Errorf("%s: mounts of the shared claim %q, want %q", shared.uri, got, want)
		}
	}
}

// erasesNothing fails when a Job erases.
func (s *stage) erasesNothing() {
	s.Helper()
	var jobs batchv1.JobList
	s.must(s.List(s.Context(), &jobs, client.InNamespace(s.player.namespace)))
	if len(jobs.Items) > 0 {
		s.Errorf("%s erases what nobody kept", jobs.Items[0].Name)
	}
}

func keepsAndErases(s *stage) {
	key := s.keeps("pvc://captures/one")
	if got := s.keptIn(); !slices.Equal(got, []string{"sidecar one/storefront"}) {
		s.Errorf("captured requests are mounted into %q", got)
	}
	tod := s.await(key, "it is said where", captures("pvc://captures/one"))
	if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing); c.Message != "10 % of the answered requests are kept for 24h in pvc://captures/one (folder storefront)" {
		s.Errorf("message %q", c.Message)
	}

	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture.To.URI = "pvc://captures/two" })
	job, erase := s.awaitErasing("")
	if mount := job.Spec.Template.Spec.Containers[0].VolumeMounts; erase.Capture.Shown != "pvc://captures/one (folder storefront)" || mount[len(mount)-1].SubPath != "one/storefront" {
		s.Errorf("erased is %+v at %+v", erase.Capture, mount)
	}
	policy := &networkingv1.NetworkPolicy{}
	s.must(s.Get(s.Context(), client.ObjectKey{Namespace: key.Namespace, Name: "storefront-erase"}, policy))
	tod = s.await(key, "the first place is being erased", func(tod *v1alpha1.TryOnDeployment) bool {
		return capturing(v1alpha1.ReasonErasing)(tod) && serves("tops-v1")(tod)
	})
	if tod.Status.Capture.URI != "pvc://captures/one" || len(s.keptIn()) > 0 {
		s.Errorf("meanwhile requests are kept in %q, status: %s", s.keptIn(), show(tod))
	}
	s.erased(job, erase, "")
	s.await(key, "requests are kept in the second place", captures("pvc://captures/two"))

	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture = v1alpha1.CaptureSpec{} })
	job, erase = s.awaitErasing(job.Name)
	s.erased(job, erase, "")
	s.await(key, "nothing is left", func(tod *v1alpha1.TryOnDeployment) bool {
		return tod.Status.Capture == nil && capturing("")(tod) && len(tod.Finalizers) == 0 && serves("tops-v1")(tod)
	})
	err := wait.PollUntilContextTimeout(s.Context(), 50*time.Millisecond, 60*time.Second, true, func(ctx context.Context) (bool, error) {
		var jobs batchv1.JobList
		err := s.List(ctx, &jobs, client.InNamespace(key.Namespace))
		return len(jobs.Items) == 0 && !slices.ContainsFunc(s.children(), func(c string) bool { return strings.Contains(c, "erase") }), err
	})
	if err != nil {
		s.Errorf("children: %v, %v", s.children(), err)
	}
}

func saysThatRequestsAreNotKept(s *stage) {
	key := s.keeps("s3://shop/captures")
	s.player.locked(func() { s.player.unkept = "access denied" })
	// Any change has the pods asked before the minute is over.
	s.annotate(key, "look", "now")
	tod := s.await(key, "the trouble is said", func(tod *v1alpha1.TryOnDeployment) bool {
		return capturing(v1alpha1.ReasonCaptureFailing)(tod) && serves("tops-v1")(tod)
	})
	c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing)
	if c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "s3://shop/captures") || !strings.Contains(c.Message, "access denied") {
		s.Errorf("the condition is %+v", c)
	}
	s.player.locked(func() { s.player.unkept = "" })
	s.annotate(key, "look", "again")
	s.await(key, "requests are kept again", captures("s3://shop/captures"))
}

func erasesBeforeItGoes(s *stage) {
	key := s.keeps("pvc://captures")
	s.must(s.Delete(s.Context(), &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}))
	job, erase := s.awaitErasing("")
	var deployments appsv1.DeploymentList
	s.must(s.List(s.Context(), &deployments, client.InNamespace(key.Namespace)))
	if len(deployments.Items) > 0 {
		s.Errorf("%s serves while its requests are erased", deployments.Items[0].Name)
	}
	s.await(key, "it says what it waits for", stageIs(v1alpha1.ReasonErasing))
	s.erased(job, erase, "")
	s.awaitGone(key)
}

func leavesWhatCannotBeErased(s *stage) {
	key := s.keeps("s3://shop/captures")
	s.must(s.Delete(s.Context(), &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}))
	job, erase := s.awaitErasing("")
	if want := "s3://shop/captures/" + key.Namespace + "/storefront"; erase.Capture.URI != want {
		s.Errorf("erased is %s, want %s", erase.Capture.URI, want)
	}
	s.erased(job, erase, "no such bucket")
	tod := s.await(key, "the failure is said", stageIs(v1alpha1.ReasonEraseFailed))
	message := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing).Message
	for _, want := range []string{"s3://shop/captures (folder " + key.Namespace + "/storefront)", "no such bucket", "attempt 2 follows at", "kubectl annotate tod storefront tryon.braincreators.com/leave-captures=true"} {
		if !strings.Contains(message, want) {
			s.Errorf("message %q does not say %q", message, want)
		}
	}
	s.annotate(key, names.LeaveCapturesAnnotation, "true")
	s.awaitGone(key)
}

func goesWithItsNamespace(s *stage) {
	key := s.keeps("pvc://captures")
	s.must(s.Delete(s.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: key.Namespace}}))
	// The namespace's controller would delete everything in it.
	s.must(s.Delete(s.Context(), &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Name: key.Name, Namespace: key.Namespace}}))
	s.awaitGone(key)
}

func saysThatErasingIsRefused(s *stage) {
	key := s.keeps("pvc://captures")
	none := corev1.ResourceList{"count/jobs.batch": resource.MustParse("0")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "no-jobs", Namespace: key.Namespace}, Spec: corev1.ResourceQuotaSpec{Hard: none}}
	s.must(s.Create(s.Context(), quota))
	quota.Status = corev1.ResourceQuotaStatus{Hard: none, Used: none}
	s.must(s.Client.Status().Update(s.Context(), quota))
	s.edit(key, func(spec *v1alpha1.TryOnDeploymentSpec) { spec.Capture = v1alpha1.CaptureSpec{} })
	tod := s.await(key, "the refusal is said and holds nothing up", func(tod *v1alpha1.TryOnDeployment) bool {
		return capturing(v1alpha1.ReasonEraseFailed)(tod) && serves("tops-v1")(tod)
	})
	if c := meta.FindStatusCondition(tod.Status.Conditions, v1alpha1.ConditionCapturing); !strings.Contains(c.Message, "quota") || !slices.Contains(tod.Finalizers, names.CapturesFinalizer) {
		s.Errorf("finalizers %v, status: %s", tod.Finalizers, show(tod))
	}
	s.must(s.Delete(s.Context(), quota))
	s.annotate(key, names.RetryAnnotation, "now")
	job, erase := s.awaitErasing("")
	s.erased(job, erase, "")
	s.await(key, "nothing is left", func(tod *v1alpha1.TryOnDeployment) bool { return tod.Status.Capture == nil && len(tod.Finalizers) == 0 })
}
