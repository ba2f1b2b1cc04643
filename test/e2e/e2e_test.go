//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/internal/apitest"
	"github.com/braincreators/tryon-operator/internal/names"
)

// cluster connects to the cluster on which the demo ran.
func cluster(t *testing.T) *kube.Cluster {
	t.Helper()
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		path = filepath.Join(apitest.Root(t), "out", "kubeconfig")
	}
	k, err := kube.Connect(path)
	if err != nil {
		t.Fatalf("connecting to the cluster of %s (run 'make demo' first): %v", path, err)
	}
	return k
}

func named[T client.Object](obj T, name string) T {
	obj.SetNamespace(kube.Namespace)
	obj.SetName(name)
	return obj
}

func get[T client.Object](t *testing.T, k *kube.Cluster, obj T, name string) T {
	t.Helper()
	if err := k.Get(t.Context(), client.ObjectKeyFromObject(named(obj, name)), obj); err != nil {
		t.Fatalf("reading %T %s: %v", obj, name, err)
	}
	return obj
}

func await[T client.Object](t *testing.T, k *kube.Cluster, obj T, limit time.Duration, ready func(T) (bool, error)) {
	t.Helper()
	if err := kube.Await(t.Context(), k, obj, limit, ready); err != nil {
		t.Fatalf("waiting for %T %s: %v", obj, obj.GetName(), err)
	}
}

// applySample applies a sample as the demo left it in out/demo/next, with the images of this installation.
func applySample(t *testing.T, k *kube.Cluster, name string, replace ...string) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(apitest.Root(t), "out", "demo", "next", name))
	if err != nil {
		t.Fatalf("reading sample (run 'make demo' first): %v", err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(body), replace[i]) {
			t.Fatalf("%s does not hold %q, which the test replaces; run 'make demo' again", name, replace[i])
		}
	}
	if err := k.ApplyYAML(t.Context(), []byte(strings.NewReplacer(replace...).Replace(string(body)))); err != nil {
		t.Fatalf("applying %s: %v", name, err)
	}
}

func TestTheDemoLeftAVersionThatBeatsBothBaselines(t *testing.T) {
	k := cluster(t)
	model := get(t, k, &v1alpha1.TryOnModel{}, "tops")
	version := get(t, k, &v1alpha1.TryOnModelVersion{}, model.Status.ReadyVersion)
	if version.Status.Weights == nil || version.Status.Evaluation == nil {
		t.Fatalf("version %s has no weights or no evaluation: %+v", version.Name, version.Status)
	}
	found := false
	for _, score := range version.Status.Evaluation.Scores {
		if score.Metric != v1alpha1.MetricGarmentSSIM {
			continue
		}
		found = true
		value, copied, pasted := number(t, score.Value), number(t, *score.CopyPerson), number(t, *score.PasteGarment)
		if value < max(copied, pasted)+0.15 {
			t.Errorf("garment-ssim is %.3f, want at least 0.15 above copy-person %.3f and paste-garment %.3f", value, copied, pasted)
		}
	}
	if !found {
		t.Errorf("version %s has no garment-ssim: %+v", version.Name, version.Status.Evaluation.Scores)
	}
}

func number(t *testing.T, d v1alpha1.Decimal) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(string(d), 64)
	if err != nil {
		t.Fatalf("decimal %q: %v", d, err)
	}
	return v
}

func TestTheDemoLeftPicturesAndReports(t *testing.T) {
	dir := filepath.Join(apitest.Root(t), "out", "demo")
	for _, name := range []string{"tryon.png", "contact-sheet.png"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Errorf("%s is not a PNG: %v", name, err)
		} else if picture.Bounds().Dx() < 300 {
			t.Errorf("%s is only %d pixels wide", name, picture.Bounds().Dx())
		}
	}
	for _, name := range []string{"reports/data.html", "reports/evaluation.html"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		page := string(body)
		if !strings.Contains(page, "data:image/") || strings.Contains(page, `src="http`) || strings.Contains(page, "<script src") {
			t.Errorf("%s is not a self-contained page with pictures (%d bytes)", name, len(page))
		}
	}
}

func TestABrokenDatasetStopsTheModelBeforeAnyTrainingPod(t *testing.T) {
	k := cluster(t)
	applySample(t, k, "broken-dataset.yaml")
	model := named(&v1alpha1.TryOnModel{}, "leaky")
	t.Cleanup(func() { remove(t, k, named(&v1alpha1.TryOnModel{}, "leaky"), named(&batchv1.Job{}, "draw-leaky-tops")) })
	await(t, k, model, 5*time.Minute, func(m *v1alpha1.TryOnModel) (bool, error) {
		_, reason, _ := kube.Readiness(m.Generation, m.Status.Conditions)
		return reason == v1alpha1.ReasonDataTestsFailed, nil
	})
	_, _, message := kube.Readiness(model.Generation, model.Status.Conditions)
	if !strings.Contains(message, "train-test-leak") {
		t.Errorf("the condition does not name the check: %q", message)
	}
	var pods corev1.PodList
	if err := k.List(t.Context(), &pods, client.InNamespace(kube.Namespace), client.MatchingLabels{names.LabelModel: "leaky"}); err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.Labels[names.LabelWork] == "stage" {
			t.Errorf("training pod %s exists", pod.Name)
		}
	}
	var versions v1alpha1.TryOnModelVersionList
	if err := k.List(t.Context(), &versions, client.InNamespace(kube.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, v := range versions.Items {
		if v.Spec.Model.Name == "leaky" {
			t.Errorf("version %s was made from data that failed its tests", v.Name)
		}
	}
}

func remove(t *testing.T, k *kube.Cluster, objects ...client.Object) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	for _, obj := range objects {
		err := k.Delete(ctx, obj, client.PropagationPolicy(metav1.DeletePropagationForeground))
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting %s: %v", obj.GetName(), err)
		}
	}
}

func TestHostileRequestsGetTheirTypedErrors(t *testing.T) {
	k := cluster(t)
	person, _ := photos(t)
	photo := base64.StdEncoding.EncodeToString(person)
	huge := base64.StdEncoding.EncodeToString(hugeHeader())
	tests := map[string]struct {
		contentType string
		body        []byte
		wantStatus  int
		wantCode    string
	}{
		"an empty body": {"application/json", nil, http.StatusBadRequest, "EmptyBody"},
		"not an image":  {"application/json", []byte(`{"person":"bm90IGFuIGltYWdl","garment":"bm90IGFuIGltYWdl"}`), http.StatusUnprocessableEntity, "NotDecodable"},
		"a header of 50,000 x 50,000 pixels": {
			"application/json", []byte(`{"person":"` + huge + `","garment":"` + photo + `"}`), http.StatusRequestEntityTooLarge, "TooLarge",
		},
		"an unknown type":      {"text/plain", []byte("hello"), http.StatusUnsupportedMediaType, "UnsupportedMediaType"},
		"a body of 100 MB":     {"application/json", bytes.Repeat([]byte(" "), 100<<20), http.StatusRequestEntityTooLarge, "TooLarge"},
		"a garment id nowhere": {"application/json", []byte(`{"person":"` + photo + `","garmentId":"nope"}`), http.StatusNotFound, "GarmentNotFound"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := k.Proxy(t.Context(), kube.Request{
				Method: http.MethodPost, Target: "services/storefront:8080", Path: "v1/tryon",
				Header: http.Header{"Content-Type": {test.contentType}}, Body: bytes.NewReader(test.body),
			})
			var answer *kube.AnswerError
			if !errors.As(err, &answer) {
				t.Fatalf("got %v, want a typed error", err)
			}
			if answer.Status != test.wantStatus || !strings.Contains(answer.Body, `"`+test.wantCode+`"`) {
				t.Errorf("got %v, want %d with code %s", answer, test.wantStatus, test.wantCode)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("the answer took %s", took)
			}
		})
	}
}

// hugeHeader is a PNG whose valid header promises 50,000 x 50,000 pixels, and garbage where they should be.
func hugeHeader() []byte {
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), 50_000)
	ihdr = append(binary.BigEndian.AppendUint32(ihdr, 50_000), 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
	return append(out, bytes.Repeat([]byte("garbage"), 100)...)
}

// photos are the person and the garment of the demo's request.
func photos(t *testing.T) (person, garment []byte) {
	t.Helper()
	dir := filepath.Join(apitest.Root(t), "out", "demo", "photos")
	list, err := os.ReadFile(filepath.Join(dir, "test_pairs.txt"))
	if err != nil {
		t.Fatalf("reading photos (run 'make demo' first): %v", err)
	}
	fields := strings.Fields(string(list))
	files := make([][]byte, 2)
	for i, path := range []string{"test/image/" + fields[0], "test/cloth/" + fields[1]} {
		if files[i], err = os.ReadFile(filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	return files[0], files[1]
}

func conditionIsTrue(conditions []metav1.Condition, name string) bool {
	return meta.IsStatusConditionTrue(conditions, name)
}
