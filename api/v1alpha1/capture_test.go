package v1alpha1_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// captured keeps requests, with changes of that.
func captured(changes ...func(*v1alpha1.CaptureSpec)) func(*v1alpha1.TryOnDeployment) {
	return func(d *v1alpha1.TryOnDeployment) {
		d.Spec.Capture.To.URI = "pvc://captures/tryon"
		for _, change := range changes {
			change(&d.Spec.Capture)
		}
	}
}

func capturedTo(uri string) func(*v1alpha1.CaptureSpec) {
	return func(c *v1alpha1.CaptureSpec) { c.To.URI = uri }
}

func captureRules() map[string]rule {
	of := func(good, bad func(*v1alpha1.CaptureSpec), want string) rule {
		return onDeployment(captured(good), captured(bad), want)
	}
	percent := func(n int32) func(*v1alpha1.CaptureSpec) {
		return func(c *v1alpha1.CaptureSpec) { c.SamplePercent = n }
	}
	kept := func(d time.Duration) func(*v1alpha1.CaptureSpec) {
		return func(c *v1alpha1.CaptureSpec) { c.TTL = &metav1.Duration{Duration: d} }
	}
	size := func(q string) func(*v1alpha1.CaptureSpec) {
		return func(c *v1alpha1.CaptureSpec) { c.MaxSize = ptr.To(resource.MustParse(q)) }
	}
	const place = "write s3://<bucket>/<prefix>"
	return map[string]rule{
		"captured requests have a place":     of(capturedTo("pvc://captures"), func(c *v1alpha1.CaptureSpec) { *c = v1alpha1.CaptureSpec{SamplePercent: 5} }, "spec.capture.to: Required"),
		"a place has a known scheme":         of(capturedTo("s3://shop/captures"), capturedTo("gs://shop/captures"), "must be pvc://<claim>/<path> or s3://<bucket>/<prefix>"),
		"a place in a bucket has a prefix":   of(capturedTo("s3://shop/captures?endpoint=https://s3.example"), capturedTo("s3://shop"), place),
		"a prefix is more than a slash":      of(capturedTo("s3://shop/a"), capturedTo("s3://shop/?endpoint=https://s3.example/a"), place),
		"a place in a claim has no options":  of(capturedTo("pvc://captures/"), capturedTo("pvc://captures/a?endpoint=https://s3.example"), "pvc:// takes no options"),
		"a place's secret goes with s3 only": of(func(c *v1alpha1.CaptureSpec) { capturedTo("s3://shop/a")(c); c.To.SecretRef.Name = "s3" }, func(c *v1alpha1.CaptureSpec) { c.To.SecretRef.Name = "s3" }, "secretRef takes effect with s3:// only"),
		"a captured share is something":      of(percent(1), percent(-1), "spec.capture.samplePercent"),
		"a captured share is a percentage":   of(percent(100), percent(101), "spec.capture.samplePercent"),
		"captures live for a minute":         of(kept(time.Minute), kept(59*time.Second), "must be from 1m to 720h"),
		"captures do not live for ever":      of(kept(720*time.Hour), kept(721*time.Hour), "must be from 1m to 720h"),
		"there is room for some captures":    of(size("16Mi"), size("16M"), "must be from 16Mi to 16Gi"),
		"captures do not fill a disk":        of(size("17179869184"), size("17Gi"), "must be from 16Mi to 16Gi"),
		"a size is a number of bytes":        of(size("64Mi"), size("-1Gi"), "must be from 16Mi to 16Gi"),
	}
}

func checkCaptureDefaults(t *testing.T, c client.Client) {
	d := deployment()
	d.Name = "captured"
	captured()(d)
	if err := c.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.CaptureSpec{
		To: v1alpha1.BlobSource{URI: "pvc://captures/tryon"}, SamplePercent: 10, TTL: &metav1.Duration{Duration: 24 * time.Hour}, MaxSize: ptr.To(resource.MustParse("1Gi")),
	}
	if diff := cmp.Diff(want, d.Spec.Capture); diff != "" {
		t.Errorf("capture (-want +got):\n%s", diff)
	}
	plain := deployment()
	plain.Name = "plain"
	if err := c.Create(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	if plain.Spec.Capture.To.URI != "" || plain.Spec.Capture.SamplePercent != 0 {
		t.Errorf("requests are kept though nobody asked: %+v", plain.Spec.Capture)
	}
}
