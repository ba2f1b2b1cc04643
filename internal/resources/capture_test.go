package resources

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/task"
)

// capturing is a deployment whose requests are kept in a place.
func capturing(uri, secret string) *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Name: "storefront", Namespace: "shop", UID: "uid-1", Finalizers: []string{names.CapturesFinalizer}},
		Spec:       v1alpha1.TryOnDeploymentSpec{Capture: v1alpha1.CaptureSpec{To: v1alpha1.BlobSource{URI: uri, SecretRef: v1alpha1.SecretReference{Name: secret}}}},
		Status:     v1alpha1.TryOnDeploymentStatus{Capture: &v1alpha1.CaptureStatus{URI: uri}},
	}
}

func TestEachDeploymentHasAFolderOfItsOwn(t *testing.T) {
	for uri, want := range map[string]struct{ uri, sub, shown string }{
		"pvc://captures":                          {"file:///capture", "storefront", "pvc://captures (folder storefront)"},
		"pvc://captures/":                         {"file:///capture", "storefront", "pvc://captures/ (folder storefront)"},
		"pvc://captures/a//b/":                    {"file:///capture", "a/b/storefront", "pvc://captures/a//b/ (folder storefront)"},
		"pvc://captures/%2e%2e/%2e%2e":            {"file:///capture", "storefront", "pvc://captures/%2e%2e/%2e%2e (folder storefront)"},
		"s3://shop/a":                             {"s3://shop/a/shop/storefront", "", "s3://shop/a (folder shop/storefront)"},
		"s3://shop/a/?endpoint=https://s3.eu/&b=": {"s3://shop/a/shop/storefront?endpoint=https://s3.eu/&b=", "", "s3://shop/a/?endpoint=https://s3.eu/&b= (folder shop/storefront)"},
		"s3://shop/%2e%2e/a":                      {"s3://shop/%2e%2e/a/shop/storefront", "", "s3://shop/%2e%2e/a (folder shop/storefront)"},
	} {
		t.Run(uri, func(t *testing.T) {
			got, err := CaptureOf(capturing(uri, ""), Store{})
			if err != nil {
				t.Fatal(err)
			}
			if got.URI != want.uri || got.sub != want.sub || got.Shown != want.shown {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestAMarkTellsAFolderFromAllOthers(t *testing.T) {
	seen := map[string]string{}
	other := capturing("pvc://captures", "")
	other.UID = "uid-2"
	for name, tod := range map[string]*v1alpha1.TryOnDeployment{
		"a claim": capturing("pvc://captures", ""), "a folder of it": capturing("pvc://captures/a", ""), "a bucket": capturing("s3://shop/a", ""),
		"the same of another object": other,
	} {
		c, err := CaptureOf(tod, Store{})
		if err != nil || c.Mark == "" {
			t.Fatalf("%s: mark %q, %v", name, c.Mark, err)
		}
		if first, ok := seen[c.Mark]; ok {
			t.Errorf("%s and %s have the same mark", name, first)
		}
		seen[c.Mark] = name
	}
	before, _ := CaptureOf(capturing("s3://shop/a", "old"), Store{})
	after, _ := CaptureOf(capturing("s3://shop/a", "new"), Store{})
	if before.Mark != after.Mark {
		t.Error("another Secret makes it another folder, which would be erased")
	}
}

func TestNothingIsKeptBeforeTheStatusSaysWhere(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.TryOnDeployment){
		"the spec does not ask for it":      func(tod *v1alpha1.TryOnDeployment) { tod.Spec.Capture = v1alpha1.CaptureSpec{} },
		"the status says nothing":           func(tod *v1alpha1.TryOnDeployment) { tod.Status.Capture = nil },
		"the status names another place":    func(tod *v1alpha1.TryOnDeployment) { tod.Status.Capture.URI = "pvc://captures/old" },
		"nothing would hold up a deletion":  func(tod *v1alpha1.TryOnDeployment) { tod.Finalizers = []string{"other"} },
		"the object is being deleted":       func(tod *v1alpha1.TryOnDeployment) { tod.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} },
		"the place may be any if not asked": func(tod *v1alpha1.TryOnDeployment) { tod.Spec.Capture.To.URI = "" },
	} {
		t.Run(name, func(t *testing.T) {
			tod := capturing("pvc://captures", "")
			change(tod)
			c, err := CaptureOf(tod, Store{})
			if err != nil {
				t.Fatal(err)
			}
			container, template := corev1.Container{}, metav1.ObjectMeta{}
			c.Open(&container)
			c.Sign(&template)
			if c.Task() != nil || c.Flags() != nil || c.Volumes() != nil || len(container.VolumeMounts)+len(container.Env)+len(template.Annotations) > 0 {
				t.Errorf("pods keep requests: %+v", c)
			}
		})
	}
}

func TestJobsUseAFolderOnlyOnceServingPodsMayWriteThere(t *testing.T) {
	for access, want := range map[v1alpha1.CaptureAccess]bool{v1alpha1.CaptureLook: false, v1alpha1.CaptureWrite: true, "": true} {
		tod := capturing("pvc://captures", "")
		tod.Status.Capture.Access = access
		c, err := UsedCaptureOf(tod, Store{})
		if err != nil || (c.Task() != nil) != want {
			t.Errorf("%q: they use %+v, %v; want a folder: %t", access, c.Task(), err, want)
		}
	}
}

func TestAPermitIsForOneTakingOfOnePlace(t *testing.T) {
	permits := map[string]bool{}
	for _, since := range []time.Time{time.Unix(1, 0), time.Unix(2, 0)} {
		for _, uri := range []string{"pvc://captures", "pvc://captures/a", "s3://shop/a"} {
			tod := capturing(uri, "")
			tod.Status.Capture.SinceTime = ptr.To(metav1.NewTime(since))
			c, err := CaptureOf(tod, Store{})
			in, _ := CaptureIn(tod, *tod.Status.Capture)
			if err != nil || c.Permit == "" || c.Permit != in.Permit {
				t.Fatalf("%s: pods wait for %q and %q is permitted: %v", uri, c.Permit, in.Permit, err)
			}
			permits[c.Permit] = true
		}
	}
	if len(permits) != 6 {
		t.Errorf("%d permits for 6 takings: what was for one would be for another", len(permits))
	}
}

func TestAFolderAmongOtherThingsIsRefused(t *testing.T) {
	claim, bucket := Store{Claim: "artefacts", URI: "file:///artefacts"}, Store{URI: "s3://artefacts/team?endpoint=https://a.example"}
	for name, tt := range map[string]struct {
		to, catalogue string
		store         Store
		word          string
	}{
		"a claim of its own":                       {"pvc://captures", "pvc://garments", claim, ""},
		"beside the catalogue":                     {"pvc://shop/tryon", "pvc://shop/garments", claim, ""},
		"beside one whose name begins alike":       {"pvc://shop/garments-tryon", "pvc://shop/garments", claim, ""},
		"beside one that is called like it":        {"pvc://shop/a", "pvc://shop/a/storefront-garments", claim, ""},
		"in the catalogue":                         {"pvc://shop/garments/tryon", "pvc://shop/garments", claim, "spec.catalogue, pvc://shop/garments"},
		"in the catalogue, written otherwise":      {"pvc://shop/x/..//garments", "pvc://shop/garments/", claim, "spec.catalogue"},
		"in a catalogue that is the whole claim":   {"pvc://shop/tryon", "pvc://shop", claim, "the folder tryon/storefront"},
		"the catalogue is in it":                   {"pvc://shop/tryon", "pvc://shop/tryon/storefront/garments", claim, "spec.catalogue"},
		"the same folder of both":                  {"pvc://shop", "pvc://shop/storefront", claim, "spec.catalogue"},
		"in the store's claim":                     {"pvc://artefacts/tryon", "", claim, "lies in the artefact store, pvc://artefacts"},
		"in the root of the store's claim":         {"pvc://artefacts", "", claim, "name another claim"},
		"in the store's prefix":                    {"s3://artefacts/team/tryon?endpoint=https://a.example", "", bucket, "lies in the artefact store"},
		"beside the store's prefix":                {"s3://artefacts/tryon?endpoint=https://a.example", "", bucket, ""},
		"a bucket of that name at somebody else's": {"s3://artefacts/team/tryon?endpoint=https://b.example", "", bucket, ""},
		"in a catalogue in a bucket":               {"s3://shop/garments", "s3://shop/garments", bucket, "spec.catalogue"},
		"a claim called like a bucket":             {"s3://shop/garments", "pvc://shop/garments", bucket, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tod := capturing(tt.to, "")
			tod.Spec.Catalogue.URI = tt.catalogue
			_, err := CaptureOf(tod, tt.store)
			if (err != nil) != (tt.word != "") || err != nil && (!errors.Is(err, ErrStore) || !strings.Contains(err.Error(), tt.word) || !strings.Contains(err.Error(), "spec.capture.to")) {
				t.Errorf("got %v, want %q", err, tt.word)
			}
			if _, err := CaptureIn(tod, *tod.Status.Capture); err != nil {
				t.Errorf("what was kept there before could not be erased: %v", err)
			}
		})
	}
}

func TestHowMuchIsKeptIsSaidToTheSidecar(t *testing.T) {
	plain, err := CaptureOf(capturing("pvc://captures", ""), Store{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--capture", "file:///capture", "--capture-percent", "10", "--capture-ttl", "24h0m0s", "--capture-bytes", "1073741824", "--capture-permit", "/capture-permit/" + plain.Permit}
	if diff := cmp.Diff(want, plain.Flags()); diff != "" {
		t.Errorf("by default (-want +got):\n%s", diff)
	}
	tod := capturing("pvc://captures", "")
	tod.Spec.Capture.SamplePercent, tod.Spec.Capture.TTL, tod.Spec.Capture.MaxSize = 100, &metav1.Duration{Duration: 90 * time.Minute}, ptr.To(resource.MustParse("16Mi"))
	asked, err := CaptureOf(tod, Store{})
	if err != nil {
		t.Fatal(err)
	}
	want = []string{"--capture", "file:///capture", "--capture-percent", "100", "--capture-ttl", "1h30m0s", "--capture-bytes", "16777216", "--capture-permit", "/capture-permit/" + plain.Permit}
	if diff := cmp.Diff(want, asked.Flags()); diff != "" {
		t.Errorf("as asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&task.Capture{URI: "file:///capture", Shown: "pvc://captures (folder storefront)", AgeSeconds: 5400}, asked.Task()); diff != "" {
		t.Errorf("what workers are told (-want +got):\n%s", diff)
	}
}

func TestAPlaceThatCannotBeUsedIsRefusedWithAReason(t *testing.T) {
	for uri, word := range map[string]string{
		"pvc://captures/x?endpoint=y": "takes no options", "https://example.com/x": "neither pvc:// nor s3://", "pvc:///x": "neither pvc:// nor s3://",
		"s3://shop": "s3://<bucket>/<prefix>", "s3://shop/?endpoint=https://a/b": "s3://<bucket>/<prefix>", "s3://b\x00": "invalid control character",
	} {
		_, err := CaptureOf(capturing(uri, ""), Store{})
		if !errors.Is(err, ErrStore) || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "spec.capture.to") {
			t.Errorf("%q: got %v, want ErrStore about spec.capture.to with %q", uri, err, word)
		}
	}
}

// erasing builds the Job that erases a place.
func erasing(t *testing.T, uri, secret string) *batchv1.Job {
	t.Helper()
	tod := capturing(uri, secret)
	capture, err := CaptureIn(tod, v1alpha1.CaptureStatus{URI: uri, SecretRef: v1alpha1.SecretReference{Name: secret}})
	if err != nil {
		t.Fatal(err)
	}
	job, err := bucketConfig().MakeErase(Work{Kind: Erase, Namespace: "shop", Owner: "storefront", Key: key}, capture)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

func TestWorkersOnCapturedRequestsAreBuiltAsRecorded(t *testing.T) {
	judged := func(uri, secret string) *batchv1.Job {
		capture, err := CaptureOf(capturing(uri, secret), Store{})
		if err != nil {
			t.Fatal(err)
		}
		job, err := claimConfig().MakeJudgement(Work{Kind: Judge, Namespace: "shop", Owner: "storefront", Key: key}, task.Judgement{Decided: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Evidence: []byte(`{}`)}, capture)
		if err != nil {
			t.Fatal(err)
		}
		return job
	}
	for name, job := range map[string]*batchv1.Job{
		"erase-pvc": erasing(t, "pvc://captures/tryon", ""), "erase-s3": erasing(t, "s3://shop/captures?endpoint=https://s3.example", "captures"),
		"judgement-capture-pvc": judged("pvc://captures/tryon", ""), "judgement-capture-s3": judged("s3://shop/captures", "captures"),
	} {
		t.Run(name, func(t *testing.T) {
			apitest.Recorded(t, name, job, *update)
			for _, complaint := range apitest.Unrestricted(job.Spec.Template.Spec) {
				t.Error(complaint)
			}
		})
	}
}

func TestWhoErasesNeedsNoStoreAndIsNoUserOfTheFolder(t *testing.T) {
	job := erasing(t, "s3://shop/captures", "captures")
	template := job.Spec.Template
	for name := range secretsOf(template.Spec.Containers[0]) {
		if !strings.HasPrefix(name, task.EnvCapture) {
			t.Errorf("it has the credentials %s", name)
		}
	}
	if template.Annotations[names.AnnotationCaptures] != "" {
		t.Error("it would wait for its own end")
	}
	if template.Labels[names.LabelDeployment] != "" || template.Labels[names.LabelErase] != "storefront" {
		t.Errorf("labels %v", template.Labels)
	}
	if job.Spec.ActiveDeadlineSeconds == nil || ptr.Deref(job.Spec.BackoffLimit, -1) != 0 {
		t.Error("one attempt lasts for ever")
	}
	var erase task.Erase
	for _, e := range template.Spec.Containers[0].Env {
		if e.Name == task.Env {
			if err := task.Decode([]byte(e.Value), &erase); err != nil {
				t.Fatal(err)
			}
		}
	}
	if erase.Key != string(key) || erase.Capture.URI != "s3://shop/captures/shop/storefront" {
		t.Errorf("its task is %+v", erase)
	}
}
