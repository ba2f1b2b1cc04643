package manager

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/braincreators/tryon-operator/internal/resources"
)

// Options are the manager's flags, read once.
type Options struct {
	WorkerImage, SidecarImage, RuntimeImage, TrainerImage string
	Store                                                 resources.Store
	// Namespace is the manager's own.
	Namespace          string
	MetricsBindAddress string
	// MetricsSecure has metrics served by HTTPS, to those only who may get /metrics. MetricsCertDir holds tls.crt and tls.key for that; with
	// none the manager makes a certificate.
	MetricsSecure          bool
	MetricsCertDir         string
	HealthProbeBindAddress string
	LeaderElect            bool

	// sameProcess lets several managers run in one process, one after the other, as tests of a restart do.
	sameProcess bool
}

// ErrUsage says that the flags make no sense; it has been explained on the given writer.
var ErrUsage = errors.New("usage")

// Parse reads the command line.
func Parse(args []string, out io.Writer) (Options, error) {
	var o Options
	var store, size, class, mode, secret string
	flags := flag.NewFlagSet("tryon-manager", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.WorkerImage, "worker-image", "", "image of the worker pods (required)")
	flags.StringVar(&o.SidecarImage, "sidecar-image", "", "image of the serving sidecar (required)")
	flags.StringVar(&o.RuntimeImage, "runtime-image", "", "image of the built-in model server (required)")
	flags.StringVar(&o.TrainerImage, "trainer-image", "", "image that a method's image \"trainer\" stands for (required)")
	flags.StringVar(&store, "artefact-store", "pvc://tryon-artefacts", "where artefacts lie: pvc://<claim> in the namespace of each model, or s3://<bucket>/<prefix>?endpoint=…")
	flags.StringVar(&size, "store-size", "20Gi", "size of a claim that the manager makes for a pvc:// store")
	flags.StringVar(&class, "store-class", "", "storage class of that claim; the cluster's default when empty")
	flags.StringVar(&mode, "store-access-mode", string(corev1.ReadWriteOnce), "access mode of that claim: ReadWriteOnce on one node, ReadWriteMany on several")
	flags.StringVar(&secret, "store-secret", "", "Secret in the namespace of each model with the AWS_* keys of an s3:// store")
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "the manager's own namespace; POD_NAMESPACE when not set")
	flags.StringVar(&o.MetricsBindAddress, "metrics-bind-address", ":8443", "where metrics are served; 0 switches them off")
	flags.BoolVar(&o.MetricsSecure, "metrics-secure", true, "serve metrics by HTTPS, to those only who may get the non-resource URL /metrics")
	flags.StringVar(&o.MetricsCertDir, "metrics-cert-dir", "", "folder with tls.crt and tls.key of the metrics; the manager makes a certificate when empty")
	flags.StringVar(&o.HealthProbeBindAddress, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served; 0 switches them off")
	flags.BoolVar(&o.LeaderElect, "leader-elect", false, "let only one of several managers act")
	if err := flags.Parse(args); err != nil {
		return o, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%w: unexpected argument %q", ErrUsage, flags.Arg(0))
	}
	var err error
	if o.Store, err = parseStore(store, size, class, mode, secret); err != nil {
		return o, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return o, o.check()
}

func parseStore(uri, size, class, mode, secret string) (resources.Store, error) {
	store, err := resources.ParseStore(uri)
	if err != nil {
		return store, err
	}
	if store.Size, err = resource.ParseQuantity(size); err != nil {
		return store, fmt.Errorf("--store-size: %w", err)
	}
	if store.Claim != "" && secret != "" {
		return store, errors.New("--store-secret takes effect with an s3:// store only")
	}
	switch store.AccessMode = corev1.PersistentVolumeAccessMode(mode); store.AccessMode {
	case corev1.ReadWriteOnce, corev1.ReadWriteMany:
	default:
		return store, fmt.Errorf("--store-access-mode: %q is neither ReadWriteOnce nor ReadWriteMany", mode)
	}
	store.Class, store.Secret = class, secret
	return store, nil
}

func (o Options) check() error {
	for _, f := range []struct{ name, value string }{
		{"--worker-image", o.WorkerImage},
		{"--sidecar-image", o.SidecarImage},
		{"--runtime-image", o.RuntimeImage},
		{"--trainer-image", o.TrainerImage},
		{"--namespace", o.Namespace},
	} {
		if f.value == "" {
			return fmt.Errorf("%w: %s is required", ErrUsage, f.name)
		}
	}
	if o.MetricsCertDir != "" && !o.MetricsSecure {
		return fmt.Errorf("%w: --metrics-cert-dir takes effect with --metrics-secure only", ErrUsage)
	}
	return nil
}
