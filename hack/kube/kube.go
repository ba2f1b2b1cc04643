// Package kube is how the demo and the end-to-end tests talk to their cluster.
package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-logr/logr"
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
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Namespace in which the demo and the end-to-end tests work.
const Namespace = "vton"

// OperatorNamespace is where the demo installs the operator.
const OperatorNamespace = "tryon-system"

// fieldOwner is that of kubectl apply --server-side, so that a person can go on with what the demo applied and meets no conflict.
const fieldOwner = client.FieldOwner("kubectl")

// Cluster is a connection to a cluster.
type Cluster struct {
	client.Client
	config *rest.Config
	http   *http.Client
}

// Connect connects to the cluster of a kubeconfig file.
func Connect(kubeconfig string) (*Cluster, error) {
	// controller-runtime prints a stack trace when nobody says where its log goes.
	log.SetLogger(logr.Discard())
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
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("making transport: %w", err)
	}
	return &Cluster{Client: c, config: config, http: &http.Client{Transport: transport, Timeout: 2 * time.Minute}}, nil
}

// Config is the connection's configuration.
func (k *Cluster) Config() *rest.Config { return k.config }

// Describe gives the cluster's version and size in a few words.
func (k *Cluster) Describe(ctx context.Context) (string, error) {
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

// ApplyYAML applies every document of a manifest; what names no namespace goes into Namespace.
func (k *Cluster) ApplyYAML(ctx context.Context, manifest []byte) error {
	for _, doc := range bytes.Split(manifest, []byte("\n---\n")) {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(doc, &u.Object); err != nil {
			return fmt.Errorf("reading manifest: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if u.GetNamespace() == "" && u.GetKind() != "Namespace" {
			u.SetNamespace(Namespace)
		}
		if err := k.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership); err != nil {
			return fmt.Errorf("applying %s %s: %w", u.GetKind(), u.GetName(), err)
		}
	}
	return nil
}

// Await reads an object every second until ready says so; an error of ready ends the wait.
func Await[T client.Object](ctx context.Context, k *Cluster, obj T, limit time.Duration, ready func(T) (bool, error)) error {
	key := client.ObjectKeyFromObject(obj)
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, limit, true, func(ctx context.Context) (bool, error) {
		if err := k.Get(ctx, key, obj); err != nil {
			last = fmt.Errorf("reading it: %w", err)
			return false, nil
		}
		last = nil
		return ready(obj)
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return errors.Join(fmt.Errorf("%s %s was not ready within %s", obj.GetObjectKind().GroupVersionKind().Kind, key.Name, limit), last)
	}
	return err
}

// Request is sent through the API server to a Service or pod of Namespace.
type Request struct {
	Method string
	// Target is "services/name:port" or "pods/name:port".
	Target string
	Path   string
	Header http.Header
	Body   io.Reader
}

// AnswerError is an answer other than 200.
type AnswerError struct {
	Status int
	Body   string
}

// Error tells the status and the beginning of the body.
func (e *AnswerError) Error() string {
	return fmt.Sprintf("answered %d %s: %.400s", e.Status, http.StatusText(e.Status), e.Body)
}

// Proxy sends a request and gives the body of a 200; any other answer is an *AnswerError.
func (k *Cluster) Proxy(ctx context.Context, r Request) ([]byte, error) {
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/%s/proxy/%s", k.config.Host, Namespace, r.Target, r.Path)
	req, err := http.NewRequestWithContext(ctx, r.Method, url, r.Body)
	if err != nil {
		return nil, fmt.Errorf("making request: %w", err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	res, err := k.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("sending request: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	const limit = 64 << 20
	reply, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("reading reply: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, &AnswerError{Status: res.StatusCode, Body: string(reply)}
	}
	return reply, nil
}

// RemoveNamespace deletes a namespace and waits until it is gone.
func (k *Cluster) RemoveNamespace(ctx context.Context, name string) error {
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

// Readiness reads a Ready condition of the current generation.
func Readiness(generation int64, conditions []metav1.Condition) (ready bool, reason, message string) {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if c == nil || c.ObservedGeneration != generation {
		return false, "Waiting", "for the operator"
	}
	return c.Status == metav1.ConditionTrue, c.Reason, c.Message
}
