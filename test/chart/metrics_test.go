package chart

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/braincreators/tryon-operator/internal/metrics"
)

func TestMetricsAreServedOnThePortThatTheArgumentsNameAndTheNetworkOpens(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		port int32
		want []string
	}{
		"by default":         {nil, 8443, []string{"--metrics-bind-address=:8443", "--metrics-secure=true", "--metrics-cert-dir="}},
		"with a certificate": {[]string{"--set", "metrics.certificateSecret=tls"}, 8443, []string{"--metrics-secure=true", "--metrics-cert-dir=/metrics-certificate"}},
		"by plain HTTP":      {[]string{"--set", "metrics.secure=false"}, 8080, []string{"--metrics-bind-address=:8080", "--metrics-secure=false"}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, test.args...)
			pod := the[appsv1.Deployment](t, objects, "Deployment").Spec.Template.Spec
			for _, arg := range test.want {
				if !slices.Contains(pod.Containers[0].Args, arg) {
					t.Errorf("%v lacks %s", pod.Containers[0].Args, arg)
				}
			}
			if got := pod.Containers[0].Ports[0]; got.Name != "metrics" || got.ContainerPort != test.port {
				t.Errorf("the container's port is %+v, want %d", got, test.port)
			}
			service := the[corev1.Service](t, objects, "Service").Spec.Ports[0]
			policy := the[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy").Spec.Ingress[0].Ports[0]
			if service.Port != test.port || service.TargetPort.String() != "metrics" || policy.Port.String() != "metrics" {
				t.Errorf("Service %+v, network policy %s, want port %d of the container's metrics", service, policy.Port, test.port)
			}
		})
	}
}

func TestTheCertificateOfTheMetricsIsMountedFromItsSecret(t *testing.T) {
	pod := the[appsv1.Deployment](t, render(t, "--set", "metrics.certificateSecret=tls"), "Deployment").Spec.Template.Spec
	mounts := pod.Containers[0].VolumeMounts
	if len(pod.Volumes) != 1 || pod.Volumes[0].Secret == nil || pod.Volumes[0].Secret.SecretName != "tls" ||
		len(mounts) != 1 || mounts[0].MountPath != "/metrics-certificate" || !mounts[0].ReadOnly {
		t.Errorf("volumes %+v, mounts %+v", pod.Volumes, mounts)
	}
}

func TestMonitorsAreMadeOnlyWhenAskedFor(t *testing.T) {
	const monitors = "metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prometheus," +
		"metrics.prometheusRule.enabled=true,metrics.prometheusRule.labels.release=prometheus"
	endpoint := map[string]any{
		"port": "metrics", "honorLabels": true, "scheme": "https", "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"tlsConfig": map[string]any{"insecureSkipVerify": true},
	}
	verified := map[string]any{
		"port": "metrics", "honorLabels": true, "scheme": "https", "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token",
		"tlsConfig": map[string]any{
			"ca": map[string]any{"secret": map[string]any{"name": "tls", "key": "ca.crt"}}, "serverName": "tryon-manager-metrics.tryon-system.svc",
		},
	}
	for name, test := range map[string]struct {
		set  string
		want map[string]any
	}{
		"neither by default":            {"manager.replicas=1", nil},
		"a self-signed certificate":     {monitors, endpoint},
		"a certificate that is checked": {monitors + ",metrics.certificateSecret=tls", verified},
		"plain HTTP":                    {monitors + ",metrics.secure=false", map[string]any{"port": "metrics", "honorLabels": true}},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, "--set", test.set)
			made := slices.Concat(ofKind(objects, "ServiceMonitor"), ofKind(objects, "PrometheusRule"))
			if test.want == nil {
				if len(made) > 0 {
					t.Errorf("made are %v", made)
				}
				return
			}
			if len(made) != 2 || made[0].GetLabels()["release"] != "prometheus" || made[1].GetLabels()["release"] != "prometheus" {
				t.Fatalf("made are %v", made)
			}
			endpoints, _, err := unstructured.NestedSlice(made[0].Object, "spec", "endpoints")
			if diff := cmp.Diff([]any{test.want}, endpoints); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestTheMonitorFindsTheService(t *testing.T) {
	objects := render(t, "--set", "metrics.serviceMonitor.enabled=true")
	selected, _, err := unstructured.NestedStringMap(ofKind(objects, "ServiceMonitor")[0].Object, "spec", "selector", "matchLabels")
	if err != nil || len(selected) == 0 {
		t.Fatalf("selects %v, %v", selected, err)
	}
	labels := ofKind(objects, "Service")[0].GetLabels()
	for key, value := range selected {
		if labels[key] != value {
			t.Errorf("selects %s=%s, the Service has the labels %v", key, value, labels)
		}
	}
}

func TestAlertsAskForMetricsThatThereAre(t *testing.T) {
	var known []string
	for _, row := range metrics.Reference() {
		known = append(known, row.Name)
	}
	rules := ofKind(render(t, "--set", "metrics.prometheusRule.enabled=true"), "PrometheusRule")[0]
	groups, _, err := unstructured.NestedSlice(rules.Object, "spec", "groups")
	if err != nil || len(groups) != 1 {
		t.Fatalf("groups %v, %v", groups, err)
	}
	alerts := groups[0].(map[string]any)["rules"].([]any)
	if len(alerts) != 3 {
		t.Errorf("%d alerts, want 3", len(alerts))
	}
	for _, alert := range alerts {
		expr, summary := alert.(map[string]any)["expr"].(string), alert.(map[string]any)["annotations"].(map[string]any)["summary"].(string)
		asked := regexp.MustCompile(`tryon_\w+`).FindAllString(expr, -1)
		if len(asked) == 0 || !strings.Contains(summary, "{{ $") {
			t.Errorf("%q asks for nothing, or %q says nothing of it", expr, summary)
		}
		for _, name := range asked {
			if !slices.Contains(known, name) {
				t.Errorf("%q asks for %s, which is none of %v", expr, name, known)
			}
		}
	}
}
