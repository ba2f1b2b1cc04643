package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/braincreators/tryon-operator/hack/kube"
)

const (
	modelName      = "tops"
	deploymentName = "storefront"
)

// images are the references that the chart installs, by target.
type images map[string]string

// step is one line of the demo's screen and what is done for it. It returns the note for its finished line.
type step struct {
	title string
	note  string
	do    func(ctx context.Context, say func(string)) (string, error)
}

func bringUp(ctx context.Context, o options) error {
	d := &demo{options: o}
	steps := []step{
		{"Kubernetes", "starting", d.startCluster},
		{"Images", "building", d.pushImages},
		{"Operator", "installing the chart", d.installChart},
		{"Dataset", "drawing people and garments", d.makeDataset},
		{"Model", "pin, test, train, evaluate, publish", d.trainModel},
		{"Deployment", "pull weights, golden requests, serve", d.deploy},
		{"Try-on", "sending a photo and a garment", d.tryOn},
		{"Reports", "fetching", d.fetchReports},
		{"Bad version", "blurred pictures; shoppers ask", d.rejectBlurred},
		{"Good version", "trained a little longer; shoppers ask", d.promotePolished},
	}
	titles := make([]string, len(steps))
	for i, s := range steps {
		titles[i] = s.title
	}
	screen := newScreen(os.Stdout, titles...)
	stop, drawn := make(chan struct{}), make(chan struct{})
	go func() { defer close(drawn); screen.run(stop) }()
	err := runSteps(ctx, screen, steps)
	close(stop)
	<-drawn
	fmt.Printf("\nwhere the time went: %s\n", screen.times())
	if err != nil {
		return err
	}
	return d.whatNext(ctx)
}

func runSteps(ctx context.Context, screen *screen, steps []step) error {
	for i, s := range steps {
		screen.begin(i, s.note)
		note, err := s.do(ctx, func(note string) { screen.note(i, note) })
		screen.end(i, note, err)
		if err != nil {
			return fmt.Errorf("%s: %w", strings.ToLower(s.title), err)
		}
	}
	return nil
}

// demo is what the steps share.
type demo struct {
	options
	images images
	kube   *kube.Cluster
	// decisions on the versions that came, a line each.
	decisions []string
}

func (d *demo) startCluster(ctx context.Context, say func(string)) (string, error) {
	if d.cluster == "local" {
		say("one node out of published Go modules; the first build takes about 15 minutes, later starts seconds")
		// The first time, the trainer's base is downloaded for minutes: beside the compiling, which needs the network little.
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return d.command(ctx, "cluster", say, "go", "-C", "hack/cluster", "run", ".", "up") })
		group.Go(func() error {
			return d.command(ctx, "trainer-base", func(string) {}, "go", "-C", "hack/image", "run", ".", "rootfs", "trainer")
		})
		if err := group.Wait(); err != nil {
			return "", err
		}
	}
	cluster, err := kube.Connect(d.kubeconfig)
	if err != nil {
		return "", err
	}
	d.kube = cluster
	return cluster.Describe(ctx)
}

func (d *demo) pushImages(ctx context.Context, say func(string)) (string, error) {
	file := filepath.Join(d.root, "out", "images.json")
	build := []string{"push", "--registry", d.registry, "--digests", file}
	where := d.registry
	if d.cluster == "kind" {
		build, where = []string{"archive", "--dir", filepath.Join(d.out, "images"), "--digests", file}, "kind"
	}
	if err := d.command(ctx, "images", say, "go", append([]string{"-C", "hack/image", "run", "."}, build...)...); err != nil {
		return "", err
	}
	body, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading image digests: %w", err)
	}
	if err := json.Unmarshal(body, &d.images); err != nil {
		return "", fmt.Errorf("reading image digests: %w", err)
	}
	if d.cluster == "kind" {
		for target := range d.images {
			archive := filepath.Join(d.out, "images", target+".tar")
			if err := d.command(ctx, "images", say, "kind", "load", "image-archive", archive); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%d images in %s", len(d.images), where), nil
}

func (d *demo) installChart(ctx context.Context, say func(string)) (string, error) {
	helm, err := d.output(ctx, "hack/tools/install.sh", "helm")
	if err != nil {
		return "", err
	}
	args := []string{
		"upgrade", "--install", "tryon", "charts/tryon-operator", "--kubeconfig", d.kubeconfig,
		"--namespace", kube.OperatorNamespace, "--create-namespace", "--wait", "--timeout", "5m",
	}
	for target, ref := range d.images {
		args = append(args, "--set", "images."+target+"="+ref)
	}
	if err := d.command(ctx, "chart", say, strings.TrimSpace(helm), args...); err != nil {
		return "", err
	}
	return "chart tryon-operator in namespace " + kube.OperatorNamespace, nil
}

// command runs a program in the root folder; its output goes to a log, its last line beside the step.
func (d *demo) command(ctx context.Context, log string, say func(string), name string, args ...string) error {
	path := filepath.Join(d.out, log+".log")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening log: %w", err)
	}
	defer func() { _ = file.Close() }()
	tail := &tail{say: say}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Cancel, cmd.WaitDelay = d.root, func() error { return cmd.Process.Signal(os.Interrupt) }, 20*time.Second
	cmd.Stdout, cmd.Stderr = both{file, tail}, both{file, tail}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s: %w\n%s\nthe whole log: %s", name, err, strings.Join(tail.last(), "\n"), path)
	}
	return nil
}

// output gives the last line that a program prints.
func (d *demo) output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stderr = d.root, os.Stderr
	body, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("running %s: %w", name, err)
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	return lines[len(lines)-1], nil
}

func takeDown(ctx context.Context, o options) error {
	d := &demo{options: o}
	say := func(string) {}
	if o.cluster == "local" {
		fmt.Println("taking the cluster down, with everything in it")
		return d.command(ctx, "cluster", say, "go", "-C", "hack/cluster", "run", ".", "down")
	}
	cluster, err := kube.Connect(o.kubeconfig)
	if err != nil {
		return err
	}
	fmt.Printf("removing namespace %s and the chart\n", kube.Namespace)
	if err := cluster.RemoveNamespace(ctx, kube.Namespace); err != nil {
		return err
	}
	if err := removeMethods(ctx, cluster); err != nil {
		return err
	}
	helm, err := d.output(ctx, "hack/tools/install.sh", "helm")
	if err != nil {
		return err
	}
	if err := d.command(ctx, "chart", say, helm, "uninstall", "tryon", "--kubeconfig", o.kubeconfig, "--namespace", kube.OperatorNamespace, "--wait", "--ignore-not-found"); err != nil {
		return err
	}
	fmt.Printf(`The kinds stay, because others may use them, and so does the namespace %[1]s. To remove both, with every model and deployment that there is:
  kubectl delete crd -l app.kubernetes.io/name=tryon-operator
  kubectl delete namespace %[1]s
`, kube.OperatorNamespace)
	return nil
}
