package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/hack/kube"
	"github.com/braincreators/tryon-operator/hack/shoppers"
	"github.com/braincreators/tryon-operator/internal/servingpod"
)

// The photos are drawn with another seed than the dataset, and larger: neither the person nor the garment was seen in training. Of the drawn
// pairs one is sent, counted from 0, whose arms hang down: a model this small does badly with arms before the body.
const (
	photoSeed   = "3"
	photoCount  = "10"
	photoPair   = 2
	photoHeight = "768"
	photoWidth  = "576"
)

func (d *demo) tryOn(ctx context.Context, say func(string)) (string, error) {
	photos := filepath.Join(d.out, "photos")
	if err := d.command(ctx, "photos", say, "go", "run", "./cmd/worker", "synth", "--out", photos, "--force", "--seed", photoSeed,
		"--train", "0", "--test", photoCount, "--height", photoHeight, "--width", photoWidth); err != nil {
		return "", err
	}
	person, garment, err := unpaired(photos, photoPair)
	if err != nil {
		return "", err
	}
	say("POST /v1/tryon")
	var wish shoppers.Wish
	if wish.Person, err = os.ReadFile(person); err != nil {
		return "", fmt.Errorf("reading picture: %w", err)
	}
	if wish.Garment, err = os.ReadFile(garment); err != nil {
		return "", fmt.Errorf("reading picture: %w", err)
	}
	begin := time.Now()
	reply, err := shoppers.Ask(ctx, d.kube, deploymentName, wish)
	if err != nil {
		return "", err
	}
	took := time.Since(begin)
	if err := os.WriteFile(filepath.Join(d.out, "tryon.png"), reply, 0o644); err != nil {
		return "", fmt.Errorf("writing picture: %w", err)
	}
	if err := sideBySide(filepath.Join(d.out, "tryon-sheet.png"), person, garment, filepath.Join(d.out, "tryon.png")); err != nil {
		return "", err
	}
	return fmt.Sprintf("answered in %d ms: out/demo/tryon.png", took.Milliseconds()), copyFile(garment, filepath.Join(d.out, "garment.png"))
}

// unpaired gives the files of a test row, counted from 0: a person, and a garment that the person does not wear.
func unpaired(dataset string, row int) (person, garment string, err error) {
	list, err := os.ReadFile(filepath.Join(dataset, "test_pairs.txt"))
	if err != nil {
		return "", "", fmt.Errorf("reading pairs: %w", err)
	}
	fields := strings.Fields(string(list))
	if len(fields) < 2*row+2 {
		return "", "", fmt.Errorf("reading pairs: there are %d, pair %d is wanted", len(fields)/2, row+1)
	}
	return filepath.Join(dataset, "test", "image", fields[2*row]), filepath.Join(dataset, "test", "cloth", fields[2*row+1]), nil
}

// sideBySide writes pictures of one height next to each other.
func sideBySide(to string, paths ...string) error {
	var sheet *image.NRGBA
	x := 0
	for _, path := range paths {
		picture, err := readPNG(path)
		if err != nil {
			return err
		}
		b := picture.Bounds()
		if sheet == nil {
			sheet = image.NewNRGBA(image.Rect(0, 0, b.Dx()*len(paths), b.Dy()))
		}
		draw.Draw(sheet, image.Rect(x, 0, x+b.Dx(), b.Dy()), picture, b.Min, draw.Src)
		x += b.Dx()
	}
	var out bytes.Buffer
	if err := png.Encode(&out, sheet); err != nil {
		return fmt.Errorf("encoding sheet: %w", err)
	}
	if err := os.WriteFile(to, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("writing sheet: %w", err)
	}
	return nil
}

func readPNG(path string) (image.Image, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading picture: %w", err)
	}
	picture, err := png.Decode(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("decoding %s: %w", filepath.Base(path), err)
	}
	return picture, nil
}

func copyFile(from, to string) error {
	body, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	if err := os.WriteFile(to, body, 0o644); err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return nil
}

// fetchReports reads the reports out of the artefact store through a pod that serves it read-only.
func (d *demo) fetchReports(ctx context.Context, say func(string)) (string, error) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: "reports"}}
	// A pod of an earlier run would be restarted with the new image, and be called ready meanwhile.
	if err := d.kube.Delete(ctx, pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("removing the reports' pod of an earlier run: %w", err)
	}
	if err := d.applySample(ctx, "demo/reports.yaml"); err != nil {
		return "", err
	}
	err := kube.Await(ctx, d.kube, pod, 2*time.Minute, func(p *corev1.Pod) (bool, error) {
		return servingpod.Ready(p), nil
	})
	if err != nil {
		return "", err
	}
	files, err := d.reportFiles(ctx)
	if err != nil {
		return "", err
	}
	for to, from := range files {
		say(to)
		body, err := d.kube.Proxy(ctx, kube.Request{Method: http.MethodGet, Target: "pods/reports:8080", Path: from})
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(d.out, to), body, 0o644); err != nil {
			return "", fmt.Errorf("writing report: %w", err)
		}
	}
	return "out/demo/reports/data.html, out/demo/reports/evaluation.html, out/demo/contact-sheet.png", nil
}

// reportFiles maps files of out/demo to documents of the store.
func (d *demo) reportFiles(ctx context.Context) (map[string]string, error) {
	model := &v1alpha1.TryOnModel{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: modelName}}
	always := func(*v1alpha1.TryOnModel) (bool, error) { return true, nil }
	if err := kube.Await(ctx, d.kube, model, time.Minute, always); err != nil {
		return nil, err
	}
	version := &v1alpha1.TryOnModelVersion{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: model.Status.ReadyVersion}}
	if err := kube.Await(ctx, d.kube, version, time.Minute, func(*v1alpha1.TryOnModelVersion) (bool, error) { return true, nil }); err != nil {
		return nil, err
	}
	dataset := &v1alpha1.TryOnDatasetVersion{ObjectMeta: metav1.ObjectMeta{Namespace: kube.Namespace, Name: version.Spec.Dataset.Name}}
	if err := kube.Await(ctx, d.kube, dataset, time.Minute, func(*v1alpha1.TryOnDatasetVersion) (bool, error) { return true, nil }); err != nil {
		return nil, err
	}
	if dataset.Status.Tests == nil || dataset.Status.Tests.Report == nil || version.Status.Evaluation == nil || version.Status.Evaluation.Report == nil {
		return nil, fmt.Errorf("the records %s and %s name no reports", dataset.Name, version.Name)
	}
	data, evaluation := dataset.Status.Tests.Report.URI, version.Status.Evaluation.Report.URI
	return map[string]string{
		"reports/data.html":       strings.TrimSuffix(data, ".json") + ".html",
		"reports/evaluation.html": strings.TrimSuffix(evaluation, ".json") + ".html",
		"contact-sheet.png":       filepath.Dir(evaluation) + "/contact-sheet.png",
	}, nil
}
