package manager

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/braincreators/tryon-operator/internal/metrics"
)

// metricsOptions says how metrics are served. The rights that the review of tokens takes are the chart's, which has them only where it is on.
func metricsOptions(o Options) (metricsserver.Options, error) {
	served := metricsserver.Options{BindAddress: o.MetricsBindAddress}
	if !o.MetricsSecure {
		return served, nil
	}
	served.SecureServing, served.FilterProvider, served.CertDir = true, filters.WithAuthenticationAndAuthorization, o.MetricsCertDir
	if o.MetricsCertDir == "" {
		return served, nil
	}
	// The server would make a certificate of its own where files are missing, and nobody would know why theirs is not served.
	_, err := tls.LoadX509KeyPair(filepath.Join(o.MetricsCertDir, corev1.TLSCertKey), filepath.Join(o.MetricsCertDir, corev1.TLSPrivateKeyKey))
	if err != nil {
		return served, fmt.Errorf("reading certificate of metrics: %w", err)
	}
	return served, nil
}

// metricsExporter adds the operator's metrics to what is served while the manager leads: one that stands by would tell the same once more, and
// knows of no event.
type metricsExporter struct {
	objects client.Reader
}

// Start exports until ctx ends.
func (e *metricsExporter) Start(ctx context.Context) error {
	collector := metrics.NewCollector(ctx, e.objects)
	if err := ctrlmetrics.Registry.Register(collector); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	<-ctx.Done()
	ctrlmetrics.Registry.Unregister(collector)
	return nil
}

// NeedLeaderElection says that only the manager that leads exports.
func (e *metricsExporter) NeedLeaderElection() bool { return true }
