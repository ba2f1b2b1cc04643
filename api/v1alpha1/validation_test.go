package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apitest"
)

var digest = v1alpha1.Digest("sha256:" + strings.Repeat("ab", 32))

// rule is one rule of the schema: an object that the API server takes, the change that it refuses, and what it then says.
type rule struct {
	good   client.Object
	change func(client.Object)
	want   string
}

// onModel makes a rule about a TryOnModel out of a good spec and a change of it.
func onModel(good, bad func(*v1alpha1.TryOnModel), want string) rule {
	m := model()
	good(m)
	return rule{good: m, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnModel)) }, want: want}
}

func onDeployment(good, bad func(*v1alpha1.TryOnDeployment), want string) rule {
	d := deployment()
	good(d)
	return rule{good: d, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnDeployment)) }, want: want}
}

func onMethod(good, bad func(*v1alpha1.TryOnMethod), want string) rule {
	m := method()
	good(m)
	return rule{good: m, change: func(o client.Object) { bad(o.(*v1alpha1.TryOnMethod)) }, want: want}
}

func model() *v1alpha1.TryOnModel {
	return &v1alpha1.TryOnModel{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tops"},
		Spec: v1alpha1.TryOnModelSpec{
			Method:  v1alpha1.MethodReference{Name: "pf-afn"},
			Dataset: v1alpha1.DatasetSpec{Source: v1alpha1.BlobSource{URI: "pvc://data/tops"}, License: "CC0-1.0"},
		},
	}
}

func deployment() *v1alpha1.TryOnDeployment {
	return &v1alpha1.TryOnDeployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "storefront"},
		Spec:       v1alpha1.TryOnDeploymentSpec{Model: v1alpha1.ServedModel{Name: "tops"}},
	}
}

func method() *v1alpha1.TryOnMethod {
	stage := func(name string) v1alpha1.MethodStage {
		return v1alpha1.MethodStage{Name: name, Image: "trainer", Command: []string{"python3"}}
	}
	return &v1alpha1.TryOnMethod{
		ObjectMeta: metav1.ObjectMeta{Name: "mine"},
		Spec: v1alpha1.TryOnMethodSpec{
			License: "Apache-2.0",
			Stages:  []v1alpha1.MethodStage{stage("teacher"), stage("student")},
			Serving: v1alpha1.MethodServing{Stage: "student", Signature: "tryon/v1"},
		},
	}
}

func gate(min, max, gain string) v1alpha1.MetricGate {
	g := v1alpha1.MetricGate{Metric: v1alpha1.MetricSSIM}
	for value, field := range map[string]**v1alpha1.Decimal{min: &g.Min, max: &g.Max, gain: &g.MinGain} {
		if value != "" {
			*field = ptr.To(v1alpha1.Decimal(value))
		}
	}
	return g
}

func gates(g ...v1alpha1.MetricGate) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Gates = g }
}

func source(uri string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Source.URI = uri }
}

func checks(c ...v1alpha1.CheckOverride) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.DataTests.Checks = c }
}

func resourcesOf(name corev1.ResourceName) *v1alpha1.ResourceRequirements {
	return &v1alpha1.ResourceRequirements{Limits: corev1.ResourceList{name: resource.MustParse("1")}}
}

func stageResources(name corev1.ResourceName) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) {
		m.Spec.Training.Stages = []v1alpha1.StageOverride{{Name: "teacher", Resources: resourcesOf(name)}}
	}
}

// dataResources and evaluationResources are of memory, a request and a limit; an empty one is none.
func dataResources(request, limit string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Resources = memory(request, limit) }
}

func evaluationResources(request, limit string) func(*v1alpha1.TryOnModel) {
	return func(m *v1alpha1.TryOnModel) { m.Spec.Evaluation.Resources = memory(request, limit) }
}

func memory(request, limit string) *v1alpha1.ResourceRequirements {
	r := &v1alpha1.ResourceRequirements{}
	for quantity, list := range map[string]*corev1.ResourceList{request: &r.Requests, limit: &r.Limits} {
		if quantity != "" {
			*list = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
		}
	}
	return r
}

func rules() map[string]rule {
	nothing := func(*v1alpha1.TryOnModel) {}
	all := modelRules(nothing)
	for name, r := range deploymentRules() {
		all[name] = r
	}
	for name, r := range judgementRules() {
		all[name] = r
	}
	for name, r := range scalingRules() {
		all[name] = r
	}
	for name, r := range methodRules() {
		all[name] = r
	}
	for name, r := range captureRules() {
		all[name] = r
	}
	return all
}

func modelRules(nothing func(*v1alpha1.TryOnModel)) map[string]rule {
	return map[string]rule{
		"a model's name is short":              onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Name = strings.Repeat("a", 41) }, "at most 40 characters"),
		"a model's name can begin a Service's": onModel(func(m *v1alpha1.TryOnModel) { m.Name = "tops-2026" }, func(m *v1alpha1.TryOnModel) { m.Name = "2026-tops" }, "must begin with a letter"),
		"a model's name has no dots":           onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Name = "tops.eu" }, "lower-case letters, digits and '-'"),
		"a method is named":                    onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Method.Name = "" }, "spec.method"),
		"a license is given":                   onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.License = "" }, "license"),
		"a source has a known scheme": onModel(source("s3://vton/zalando?endpoint=https://minio.example"), source("https://example.com/x.zip"),
			"must be pvc://<claim>/<path> or s3://<bucket>/<prefix>"),
		"a claim's name is in lower case": onModel(source("pvc://my-data.2026/a/B"), source("pvc://My_Data/a"), "only lower-case letters, digits"),
		"an endpoint is a URL": onModel(source("s3://vton/zalando?region=eu-1&endpoint=http://10.0.0.7:9000"), source("s3://vton/zalando?endpoint=minio"),
			"endpoint is a URL"),
		"a source stays below its root": onModel(source("pvc://data/a/b"), source("pvc://data/../etc"), "must not contain '..'"),
		"a secret goes with s3 only": onModel(func(m *v1alpha1.TryOnModel) {
			source("s3://vton/a")(m)
			m.Spec.Dataset.Source.SecretRef = v1alpha1.SecretReference{Name: "s3"}
		}, source("pvc://data/tops"), "secretRef takes effect with s3:// only"),
		"a digest is sha256":               onModel(func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Digest = digest }, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Digest = "md5:00" }, "spec.dataset.digest"),
		"a layout is known":                onModel(nothing, func(m *v1alpha1.TryOnModel) { m.Spec.Dataset.Layout = "Folder" }, "VITONHD"),
		"a backend is known":               onModel(func(m *v1alpha1.TryOnModel) { m.Spec.Training.Backend = v1alpha1.BackendPyTorchJob }, func(m *v1alpha1.TryOnModel) { m.Spec.Training.Backend = "Ray" }, "PyTorchJob"),
		"a gate bounds something":          onModel(gates(gate("0.8", "", "")), gates(gate("", "", "")), "set at least one of min, max and minGain"),
		"a gate's bounds are in order":     onModel(gates(gate("0.8", "0.9", "")), gates(gate("0.9", "0.8", "")), "min must not be above max"),
		"a bound can be kept":              onModel(gates(gate("-1", "1.0", "0.15")), gates(gate("87", "", "")), "write 0.87 for 87 percent"),
		"a gain can be had":                onModel(gates(gate("", "", "1")), gates(gate("", "", "1.5")), "write 0.87 for 87 percent"),
		"decibels are above one":           onModel(gates(v1alpha1.MetricGate{Metric: v1alpha1.MetricPSNR, Min: ptr.To(v1alpha1.Decimal("22"))}), gates(v1alpha1.MetricGate{Metric: v1alpha1.MetricL1, Min: ptr.To(v1alpha1.Decimal("22"))}), "lie between 0 and 1"),
		"a bound is a decimal":             onModel(gates(gate("", "", "0.15")), gates(gate("", "", "1e9")), "minGain"),
		"a check is changed by something":  onModel(checks(v1alpha1.CheckOverride{Name: "blur", Severity: "Warn"}), checks(v1alpha1.CheckOverride{Name: "blur"}), "set severity, budget or both"),
		"a budget is a percentage":         onModel(checks(v1alpha1.CheckOverride{Name: "blur", Budget: "1%"}), checks(v1alpha1.CheckOverride{Name: "blur", Budget: "101%"}), "must be a percentage from 0% to 100%"),
		"data work keeps to its limit":     onModel(dataResources("1024Mi", "1Gi"), dataResources("2Gi", "1Gi"), "a request must not be above its limit"),
		"data work takes something":        onModel(dataResources("", "16Gi"), dataResources("", "-1Gi"), "must not be negative"),
		"an evaluation keeps to its limit": onModel(evaluationResources("900000", "1M"), evaluationResources("2000000", "1M"), "a request must not be above its limit"),
		"an evaluation takes something":    onModel(evaluationResources("1Gi", ""), evaluationResources("-1", ""), "must not be negative"),
		"GPUs of an override are counted":  onModel(stageResources(corev1.ResourceMemory), stageResources("nvidia.com/gpu"), "ask for GPUs with gpusPerNode"),
		"a check's name is in lower case":  onModel(checks(v1alpha1.CheckOverride{Name: "train-test-leak", Severity: "Off"}), checks(v1alpha1.CheckOverride{Name: "Train_Leak", Severity: "Off"}), "must be lower-case words"),
	}
}

func params(name, value string) func(*v1alpha1.TryOnMethod) {
	return func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Params = map[string]string{name: value} }
}

func methodRules() map[string]rule {
	nothing := func(*v1alpha1.TryOnMethod) {}
	return map[string]rule{
		"a served stage exists":    onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Serving.Stage = "nobody" }, "serving.stage must name one of the stages"),
		"initFrom names a stage":   onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].InitFrom = "teacher" }, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].InitFrom = "student" }, "initFrom must name another stage"),
		"freezeFrom names a stage": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].FreezeFrom = []string{"teacher"} }, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[1].FreezeFrom = []string{"nobody"} }, "freezeFrom must name other stages"),
		"a health check bounds": onMethod(func(m *v1alpha1.TryOnMethod) {
			m.Spec.Stages[0].HealthChecks = []v1alpha1.HealthCheck{{Metric: "loss", Max: ptr.To[v1alpha1.Decimal]("9")}}
		}, func(m *v1alpha1.TryOnMethod) {
			m.Spec.Stages[0].HealthChecks = []v1alpha1.HealthCheck{{Metric: "loss"}}
		}, "set min, max or both"),
		"a parameter fits into the environment": onMethod(params("steps", strings.Repeat("é", 256)), params("steps", strings.Repeat("1", 257)), "its value 256"),
		"a parameter's name is short":           onMethod(params(strings.Repeat("s", 63), "1"), params(strings.Repeat("s", 64), "1"), "at most 63 characters"),
		"a signature is known":                  onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Serving.Signature = "tryon/v9" }, "tryon/v1"),
		"a stage's image is a reference": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Image = "registry.example/vton/pf_afn:1.2-rc.1" },
			func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Image = "Trainer: latest" }, "must be an image reference, [registry[:port]/]name[:tag]"),
		"a stage's name is in lower case": onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Name = "Teacher" }, "must be lower-case letters, digits and '-'"),
		"GPUs of a stage are counted": onMethod(func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Resources = resourcesOf(corev1.ResourceCPU) },
			func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Resources = resourcesOf("nvidia.com/gpu") }, "ask for GPUs with gpusPerNode"),
		"a command is given": onMethod(nothing, func(m *v1alpha1.TryOnMethod) { m.Spec.Stages[0].Command = nil }, "command"),
	}
}

func TestTheAPI(t *testing.T) {
	config := apitest.Start(t)
	c := apitest.Client(t, config)
	t.Run("each rule takes what is right and says what is wrong", func(t *testing.T) { checkRules(t, c) })
	t.Run("records never change", func(t *testing.T) { checkRecords(t, c) })
	t.Run("defaults are set", func(t *testing.T) { checkDefaults(t, c) })
	t.Run("captures have defaults where they are wanted", func(t *testing.T) { checkCaptureDefaults(t, c) })
	t.Run("kubectl get tells the story", func(t *testing.T) { checkColumns(t, config) })
}

func checkRules(t *testing.T, c client.Client) {
	for name, r := range rules() {
		t.Run(name, func(t *testing.T) {
			if err := c.Create(t.Context(), r.good.DeepCopyObject().(client.Object), client.DryRunAll); err != nil {
				t.Errorf("the right object was refused: %v", err)
			}
			wrong := r.good.DeepCopyObject().(client.Object)
			r.change(wrong)
			err := c.Create(t.Context(), wrong, client.DryRunAll)
			if err == nil {
				t.Fatal("the wrong object was taken")
			}
			if !strings.Contains(err.Error(), r.want) {
				t.Errorf("the message does not say %q: %v", r.want, err)
			}
		})
	}
}

func checkRecords(t *testing.T, c client.Client) {
	dataset := &v1alpha1.TryOnDatasetVersion{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "ds-1"},
		Spec: v1alpha1.TryOnDatasetVersionSpec{
			Source: v1alpha1.BlobSource{URI: "pvc://data/tops"}, Layout: v1alpha1.LayoutVITONHD, Digest: digest, License: "CC0-1.0",
			Contents: v1alpha1.DatasetContents{Files: ptr.To[int64](3)},
		},
	}
	version := &v1alpha1.TryOnModelVersion{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "tops-v1"},
		Spec: v1alpha1.TryOnModelVersionSpec{
			Model: v1alpha1.ModelReference{Name: "tops"}, Version: 1, Method: "mine", Licenses: []string{"CC0-1.0"}, Backend: v1alpha1.BackendJob,
			Dataset: v1alpha1.VersionDataset{Name: "ds-1", Digest: digest}, Stages: method().Spec.Stages, Serving: method().Spec.Serving,
		},
	}
	changes := map[client.Object]func(){
		dataset: func() { dataset.Spec.License = "MIT" },
		version: func() { version.Spec.Version = 2 },
	}
	for record, change := range changes {
		t.Run(fmt.Sprintf("%T", record), func(t *testing.T) {
			if err := c.Create(t.Context(), record); err != nil {
				t.Fatal(err)
			}
			record.SetLabels(map[string]string{"team": "tops"})
			if err := c.Update(t.Context(), record); err != nil {
				t.Errorf("a label could not be added: %v", err)
			}
			change()
			if err := c.Update(t.Context(), record); err == nil || !strings.Contains(err.Error(), "is an immutable record; change the TryOnModel") {
				t.Errorf("a changed record got %v, want the message about immutable records", err)
			}
		})
	}
}

func checkDefaults(t *testing.T, c client.Client) {
	m, d := model(), deployment()
	d.Spec.Scaling.MaxReplicas = 3
	for _, obj := range []client.Object{m, d} {
		if err := c.Create(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	if m.Spec.Dataset.Layout != v1alpha1.LayoutVITONHD {
		t.Errorf("layout is %q, want VITONHD", m.Spec.Dataset.Layout)
	}
	if d.Spec.Replicas != 1 {
		t.Errorf("replicas are %v, want 1", d.Spec.Replicas)
	}
	lasting := func(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
	want := v1alpha1.ScalingSpec{
		MinReplicas: 1, MaxReplicas: 3, TargetBacklog: lasting(4 * time.Second), UtilisationPercent: 75,
		StableWindow: lasting(time.Minute), ScaleDownDelay: lasting(5 * time.Minute),
	}
	if diff := cmp.Diff(want, d.Spec.Scaling); diff != "" {
		t.Errorf("scaling (-want +got):\n%s", diff)
	}
}
