package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

const fieldOwner = client.FieldOwner("tryon-demo")

// kube talks to the demo's cluster.
type kube struct {
	client.Client
	config *rest.Config
}

func connect(kubeconfig string) (*kube, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("making scheme: %w", err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return &kube{Client: c, config: config}, nil
}

func (k *kube) describe(ctx context.Context) (string, error) {
	d, err := discovery.NewDiscoveryClientForConfig(k.config)
	if err != nil {
		return "", fmt.Errorf("connecting: %w", err)
	}
	version, err := d.ServerVersion()
	if err != nil {
		return "", fmt.Errorf("asking for the cluster's version: %w", err)
	}
	var nodes corev1.NodeList
	if err := k.List(ctx, &nodes); err != nil {
		return "", fmt.Errorf("listing nodes: %w", err)
	}
	return fmt.Sprintf("%s, %d node(s)", version.GitVersion, len(nodes.Items)), nil
}

// applyYAML applies every document of a manifest into the demo's namespace.
func (k *kube) applyYAML(ctx context.Context, manifest []byte) error {
	for _, doc := range splitYAML(manifest) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &u.Object); err != nil {
			return fmt.Errorf("reading manifest: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if u.GetNamespace() == "" && u.GetKind() != "Namespace" {
			u.SetNamespace(demoNamespace)
		}
		if err := k.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("applying %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

// await asks for an object until ready says so. ready returns what to tell meanwhile; an error of it ends the wait.
func await[T client.Object](ctx context.Context, k *kube, obj T, limit time.Duration, ready func(T) (bool, error)) error {
	key := client.ObjectKeyFromObject(obj)
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, limit, true, func(ctx context.Context) (bool, error) {
		if last = k.Get(ctx, key, obj); last != nil {
			return false, nil
		}
		return ready(obj)
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return errors.Join(fmt.Errorf("%s %s was not ready within %s", obj.GetObjectKind().GroupVersionKind().Kind, key.Name, limit), last)
	}
	return err
}

// proxy sends a request through the API server to a Service ("services/name:port") or pod ("pods/name:port") of the demo's namespace.
func (k *kube) proxy(ctx context.Context, method, target, path string, header http.Header, body io.Reader) ([]byte, http.Header, error) {
	transport, err := rest.TransportFor(k.config)
	if err != nil {
		return nil, nil, fmt.Errorf("making transport: %w", err)
	}
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/%s/proxy/%s", k.config.Host, demoNamespace, target, path)
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, nil, fmt.Errorf("making request: %w", err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	res, err := (&http.Client{Transport: transport, Timeout: 2 * time.Minute}).Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("sending request: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	const limit = 64 << 20
	reply, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return nil, nil, fmt.Errorf("reading reply: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s %s answered %s: %s", method, path, res.Status, clip(string(reply), 400))
	}
	return reply, res.Header, nil
}

func (k *kube) removeNamespace(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := k.Delete(ctx, namespace); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("deleting namespace %s: %w", name, err)
	}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(k.Get(ctx, client.ObjectKeyFromObject(namespace), namespace)), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for namespace %s to go: %w", name, err)
	}
	return nil
}

// readiness reads a Ready condition of the current generation.
func readiness(generation int64, conditions []metav1.Condition) (ready bool, reason, message string) {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if c == nil || c.ObservedGeneration != generation {
		return false, "Waiting", "for the operator"
	}
	return c.Status == metav1.ConditionTrue, c.Reason, c.Message
}
