package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
)

// sample reads one of the demo's manifests and puts in the images of this installation.
func (d *demo) sample(name string) ([]byte, error) {
	body, err := os.ReadFile(filepath.Join(d.root, "config", "samples", name))
	if err != nil {
		return nil, fmt.Errorf("reading sample: %w", err)
	}
	return bytes.ReplaceAll(body, []byte("tryon-worker:latest"), []byte(d.images["worker"])), nil
}

func (d *demo) applySample(ctx context.Context, name string) error {
	body, err := d.sample(name)
	if err != nil {
		return err
	}
	return d.kube.ApplyYAML(ctx, body)
}

func (d *demo) makeDataset(ctx context.Context, _ func(string)) (string, error) {
	if err := d.applySample(ctx, "demo/namespace.yaml"); err != nil {
		return "", err
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "draw-tops"}}
	if d.kube.Get(ctx, client.ObjectKeyFromObject(job), job) == nil && job.Status.Succeeded > 0 {
		return "pvc://vton-demo/tops, from an earlier run", nil
	}
	if err := d.applySample(ctx, "demo/dataset.yaml"); err != nil {
		return "", err
	}
	err := kube.Await(ctx, d.kube, job, 10*time.Minute, func(j *batchv1.Job) (bool, error) {
		for _, c := range j.Status.Conditions {
			if c.Type == batchv1.JobFailed && c.Status == "True" {
				return false, fmt.Errorf("the Job that draws the dataset failed: %s; kubectl -n %s logs job/%s", c.Message, kube.Namespace, j.Name)
			}
		}
		return j.Status.Succeeded > 0, nil
	})
	if err != nil {
		return "", err
	}
	return "pvc://vton-demo/tops, with exact truth", nil
}

func (d *demo) trainModel(ctx context.Context, say func(string)) (string, error) {
	if err := d.applySample(ctx, "tryonmodel.yaml"); err != nil {
		return "", err
	}
	model := &v1alpha1.TryOnModel{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: modelName}}
	err := kube.Await(ctx, d.kube, model, 60*time.Minute, func(m *v1alpha1.TryOnModel) (bool, error) {
		ready, reason, message := kube.Readiness(m.Generation, m.Status.Conditions)
		say(stageNote(reason, m.Status.Progress, message))
		if stopped(reason) {
			return false, fmt.Errorf("%s stopped: %s: %s", modelName, reason, message)
		}
		return ready, nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s  %s", model.Status.ReadyVersion, model.Status.Score), nil
}

func (d *demo) deploy(ctx context.Context, say func(string)) (string, error) {
	if err := d.applySample(ctx, "tryondeployment.yaml"); err != nil {
		return "", err
	}
	tod := &v1alpha1.TryOnDeployment{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: deploymentName}}
	err := kube.Await(ctx, d.kube, tod, 15*time.Minute, func(t *v1alpha1.TryOnDeployment) (bool, error) {
		ready, reason, message := kube.Readiness(t.Generation, t.Status.Conditions)
		say(stageNote(reason, t.Status.Pods, message))
		return ready, nil
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s serves %s at %s", tod.Name, tod.Status.Stable, tod.Status.URL), nil
}

// stopped tells whether a stage is one that only a person can leave.
func stopped(reason string) bool {
	switch reason {
	case v1alpha1.ReasonPinFailed, v1alpha1.ReasonDataTestsFailed, v1alpha1.ReasonTrainingFailed, v1alpha1.ReasonGateFailed,
		v1alpha1.ReasonMethodNotFound, v1alpha1.ReasonStageNotFound, v1alpha1.ReasonPublishFailed, v1alpha1.ReasonNotOwned:
		return true
	}
	return false
}

func stageNote(reason, progress, message string) string {
	parts := []string{reason}
	if progress != "" {
		parts = append(parts, progress)
	} else if message != "" {
		parts = append(parts, message)
	}
	return strings.Join(parts, "  ")
}

// whatNext tells what was decided and why, and what to try.
func (d *demo) whatNext(ctx context.Context) error {
	if err := d.writeNext(); err != nil {
		return err
	}
	table, err := d.kube.Table(ctx, "tryondeployments")
	if err != nil {
		return err
	}
	fmt.Printf(`
What was decided on live requests, with nobody touching anything:
  %[5]s

kubectl -n %[2]s get tod
%[6]s
The picture:  out/demo/tryon.png          (before, garment and after: out/demo/tryon-sheet.png)
The reports:  out/demo/reports/data.html, out/demo/reports/evaluation.html, out/demo/contact-sheet.png
              out/demo/%[4]s     (why the bad version was rejected)

What to try next:
  export KUBECONFIG=%[1]s%[7]s
  kubectl -n %[2]s get tom,tod,tomv,todv -o wide
  kubectl -n %[2]s get tod %[3]s -o yaml                  # judgement, rejected and history in its status

A photo of your own (from head to hips, before a plain background):
  kubectl -n %[2]s port-forward service/%[3]s 8080 &      # ends with the pod that it found; start it again after a rollout
  curl --fail-with-body -F person=@me.jpg -F garment=@out/demo/garment.png http://127.0.0.1:8080/v1/tryon -o me-dressed.png

A broken dataset, which the data unit tests stop before any training pod exists, in about a minute:
  kubectl -n %[2]s apply --server-side -f out/demo/next/broken-dataset.yaml
  kubectl -n %[2]s get tom leaky -o wide --watch

A second version, which trains only the stage that changed, for some minutes, and then takes over step by step:
  kubectl -n %[2]s apply --server-side -f out/demo/next/second-version.yaml
  kubectl -n %[2]s get tod %[3]s -o wide --watch

The next version waits in shadow until enough requests came to judge it:
  kubectl -n %[2]s apply --server-side -f out/demo/next/judged-deployment.yaml

All reports, those of the above too:
  kubectl -n %[2]s port-forward pod/reports 8081:8080 &      # then http://127.0.0.1:8081/
`, d.kubeconfig, kube.Namespace, deploymentName, shadowReport, strings.Join(d.decisions, "\n  "), table, d.kubectlHint(ctx))
	return nil
}

// writeNext leaves the manifests that the last lines speak of.
func (d *demo) writeNext() error {
	dir := filepath.Join(d.out, "next")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making folder for the next manifests: %w", err)
	}
	var errs []error
	for _, name := range []string{"second-version.yaml", "broken-dataset.yaml", "judged-deployment.yaml"} {
		body, err := d.sample("demo/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), body, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// kubectlHint gives a line that makes kubectl known where there is none: the local cluster was built with one.
func (d *demo) kubectlHint(ctx context.Context) string {
	if _, err := exec.LookPath("kubectl"); err == nil || d.cluster != "local" {
		return ""
	}
	build, err := d.output(ctx, "go", "-C", "hack/cluster", "run", ".", "build")
	if err != nil {
		return ""
	}
	return "\n  alias kubectl=" + filepath.Join(build, "bin", "kubectl")
}
