package manager

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/names"
)

// readMethods reads the built-in methods strictly.
func readMethods(files fs.FS) ([]v1alpha1.TryOnMethod, error) {
	paths, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("finding methods: %w", err)
	}
	var methods []v1alpha1.TryOnMethod
	for _, p := range paths {
		body, err := fs.ReadFile(files, p)
		if err != nil {
			return nil, fmt.Errorf("reading method %s: %w", path.Base(p), err)
		}
		var method v1alpha1.TryOnMethod
		if err := yaml.UnmarshalStrict(body, &method); err != nil {
			return nil, fmt.Errorf("decoding method %s: %w", path.Base(p), err)
		}
		if method.Name == "" || method.Kind != "TryOnMethod" || method.APIVersion != v1alpha1.GroupVersion.String() {
			return nil, fmt.Errorf("decoding method %s: not a TryOnMethod of %s with a name", path.Base(p), v1alpha1.GroupVersion)
		}
		methods = append(methods, method)
	}
	return methods, nil
}

// methodInstaller applies the built-in methods when the manager begins to lead.
type methodInstaller struct {
	client  client.Client
	scheme  *runtime.Scheme
	methods []v1alpha1.TryOnMethod
}

// +kubebuilder:rbac:groups=tryon.braincreators.com,resources=tryonmethods,verbs=get;create;patch

// The pauses between tries to apply methods that the cluster refused.
const (
	firstPause = time.Second
	maxPause   = 5 * time.Minute
)

// Start applies each of them once; what the cluster refuses is tried again with growing pauses. An admission rule about methods, or an
// API server that is busy, must not stop an operator whose work goes on without them.
func (m *methodInstaller) Start(ctx context.Context) error {
	applier, left := apply.New(m.client, m.scheme), m.methods
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		if left = m.installAll(ctx, applier, left); len(left) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// installAll applies methods and gives those that were refused.
func (m *methodInstaller) installAll(ctx context.Context, applier *apply.Applier, methods []v1alpha1.TryOnMethod) []v1alpha1.TryOnMethod {
	var refused []v1alpha1.TryOnMethod
	for i := range methods {
		method := methods[i].DeepCopy()
		if method.Labels == nil {
			method.Labels = map[string]string{}
		}
		for k, v := range names.Labels() {
			method.Labels[k] = v
		}
		if err := m.install(ctx, applier, method); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Applying a built-in method is tried again", "TryOnMethod", klog.KObj(method))
			refused = append(refused, methods[i])
		}
	}
	return refused
}

// NeedLeaderElection keeps two managers of different versions from applying in turns.
func (m *methodInstaller) NeedLeaderElection() bool { return true }

// install applies one method. One of the same name that somebody else made is left alone and logged: it is theirs to choose.
func (m *methodInstaller) install(ctx context.Context, applier *apply.Applier, method *v1alpha1.TryOnMethod) error {
	err := applier.ApplyShared(ctx, method)
	if errors.Is(err, apply.ErrNotOwned) {
		ctrl.LoggerFrom(ctx).Info("Leaving a method alone that somebody else made", "TryOnMethod", klog.KObj(method))
		return nil
	}
	if err != nil {
		return fmt.Errorf("applying method %s: %w", method.Name, err)
	}
	return nil
}
