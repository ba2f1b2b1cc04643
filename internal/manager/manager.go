package manager

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io/fs"

	kubeflow "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/controllers/datasetversion"
	"github.com/braincreators/tryon-operator/controllers/modelversion"
	"github.com/braincreators/tryon-operator/controllers/tryondeployment"
	"github.com/braincreators/tryon-operator/controllers/tryonmodel"
	"github.com/braincreators/tryon-operator/internal/apply"
	"github.com/braincreators/tryon-operator/internal/controlclient"
	"github.com/braincreators/tryon-operator/internal/controlkey"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/runner"
	"github.com/braincreators/tryon-operator/internal/serving"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=get;create;update;patch,namespace=tryon-system
// +kubebuilder:rbac:groups="",resources=events,verbs=create;patch,namespace=tryon-system

// leaderElectionID names the Lease that managers of one installation contend for.
const leaderElectionID = "tryon-operator"

// Scheme knows every kind that the manager reads or writes.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, kubeflow.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("building scheme: %w", err)
		}
	}
	return scheme, nil
}

// Run runs the operator against the cluster of config until ctx ends. methods holds the manifests of the built-in methods.
func Run(ctx context.Context, config *rest.Config, options Options, methods fs.FS) error {
	mgr, err := newManager(config, options)
	if err != nil {
		return err
	}
	live, err := client.New(config, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("making live client: %w", err)
	}
	key, err := controlkey.Ensure(ctx, live, live, options.Namespace)
	if err != nil {
		return fmt.Errorf("ensuring control key: %w", err)
	}
	if err := setUpControllers(mgr, live, options, key); err != nil {
		return err
	}
	builtIn, err := readMethods(methods)
	if err != nil {
		return err
	}
	if err := mgr.Add(&methodInstaller{client: mgr.GetClient(), scheme: mgr.GetScheme(), methods: builtIn}); err != nil {
		return fmt.Errorf("adding methods: %w", err)
	}
	if err := mgr.Add(&metricsExporter{objects: mgr.GetCache()}); err != nil {
		return fmt.Errorf("adding metrics: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running manager: %w", err)
	}
	return nil
}

func newManager(config *rest.Config, options Options) (ctrl.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	served, err := metricsOptions(options)
	if err != nil {
		return nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Cache:                         cacheOptions(),
		NewClient:                     newClient,
		Metrics:                       served,
		HealthProbeBindAddress:        options.HealthProbeBindAddress,
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       options.Namespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    ctrlconfig.Controller{SkipNameValidation: &options.sameProcess},
	})
	if err != nil {
		return nil, fmt.Errorf("making manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("adding readiness check: %w", err)
	}
	return mgr, nil
}

func setUpControllers(mgr ctrl.Manager, live client.Client, options Options, key ed25519.PrivateKey) error {
	now := clock.RealClock{}
	run := &runner.Runner{
		Cached: mgr.GetClient(), Live: live, Writer: live, Clock: now,
		Applier: apply.New(mgr.GetClient(), mgr.GetScheme()),
		Config:  resources.Config{WorkerImage: options.WorkerImage, RuntimeImage: options.RuntimeImage, Store: options.Store, Namespace: options.Namespace},
	}
	recorder := mgr.GetEventRecorder(names.FieldManager)
	for _, c := range []interface{ SetupWithManager(mgr ctrl.Manager) error }{
		&tryonmodel.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: now, Runner: run, TrainerImage: options.TrainerImage},
		&datasetversion.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: now, Runner: run},
		&modelversion.Reconciler{Client: mgr.GetClient(), Recorder: recorder, Clock: now, Runner: run, Progress: modelversion.NewProgressPoller(now)},
		&tryondeployment.Reconciler{
			Client: mgr.GetClient(), Live: live, Recorder: recorder, Clock: now, Pods: controlclient.New(key, now.Now), Runner: run,
			Serving: serving.Config{
				Images: serving.Images{Worker: options.WorkerImage, Sidecar: options.SidecarImage, Runtime: options.RuntimeImage},
				Store:  options.Store, Key: publicOf(key), Namespace: options.Namespace,
			},
		},
	} {
		if err := c.SetupWithManager(mgr); err != nil {
			return fmt.Errorf("setting up %T: %w", c, err)
		}
	}
	return nil
}

// publicOf gives the half of the key that serving pods may have.
func publicOf(key ed25519.PrivateKey) ed25519.PublicKey {
	public, _ := key.Public().(ed25519.PublicKey)
	return public
}
