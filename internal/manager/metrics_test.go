package manager

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certutil "k8s.io/client-go/util/cert"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// freeAddress is one of this machine at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// certificate makes one for the address, and gives its folder and a client that trusts nothing else.
func certificate(t *testing.T, address string) (string, *http.Client) {
	t.Helper()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := certutil.GenerateSelfSignedCertKey(host, []net.IP{net.ParseIP(host)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, body := range map[string][]byte{corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: key} {
		if err := os.WriteFile(filepath.Join(folder, name), body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}
	t.Cleanup(transport.CloseIdleConnections)
	return folder, &http.Client{Transport: transport}
}

// account makes a service account and gives its token. It may scrape if it is to.
func (w *world) account(name string, mayScrape bool) string {
	w.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.system}}
	w.create(account)
	if mayScrape {
		w.create(&rbacv1.ClusterRole{
			ObjectMeta: metav1.ObjectMeta{Name: w.system + "-metrics-reader"},
			Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
		})
		w.create(&rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: w.system + "-metrics-reader"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.system + "-metrics-reader"},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: name, Namespace: w.system}},
		})
	}
	request := &authenticationv1.TokenRequest{}
	if err := w.client.SubResource("token").Create(w.ctx, account, request); err != nil {
		w.t.Fatalf("asking for a token: %v", err)
	}
	return request.Status.Token
}

// scrape asks for the metrics as the holder of a token; of nobody when it is empty.
func (w *world) scrape(c *http.Client, token string) (int, string, error) {
	request, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "https://"+w.metrics+"/metrics", nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func metricsAreForThoseWhoMayReadThem(w *world) {
	t := w.t
	w.metrics = freeAddress(t)
	var prometheus *http.Client
	w.certificate, prometheus = certificate(t, w.metrics)
	able, unable := w.account("prometheus", true), w.account("curious", false)
	w.startManager()
	w.create(w.model("tops"))
	w.reason(&v1alpha1.TryOnModel{}, "tops", v1alpha1.ReasonPinning)
	line := regexp.MustCompile(fmt.Sprintf(`(?m)^tryon_condition\{attention="false",condition="Ready",kind="TryOnModel",name="tops",namespace="%s",reason="Pinning",status="False"\} 1$`, w.namespace))
	w.eventually("scraping", func() error {
		code, body, err := w.scrape(prometheus, able)
		if code != http.StatusOK || !line.MatchString(body) || !strings.Contains(body, "controller_runtime_reconcile_total") {
			return errors.Join(err, fmt.Errorf("%d, without %s:\n%.500s", code, line, body))
		}
		return nil
	})
	// A token that the cluster does not know is an error of controller-runtime's filter, not an answer.
	for token, want := range map[string]int{"": http.StatusUnauthorized, "made up": http.StatusInternalServerError, unable: http.StatusForbidden} {
		if code, body, err := w.scrape(prometheus, token); code != want || strings.Contains(body, "tryon_") {
			t.Errorf("a scrape with the token %.12q gets %d, %v, want %d:\n%.200s", token, code, err, want, body)
		}
	}
	for _, want := range []string{`tryon_evidence_dropped_total{reason="TooFast"}`, `tryon_rollouts_total{outcome="Promoted"}`, `tryon_job_retries_total{work="stage"}`} {
		if _, body, err := w.scrape(prometheus, able); !strings.Contains(body, want) {
			t.Errorf("there is no %s, %v", want, err)
		}
	}
	if response, err := http.Get("http://" + w.metrics + "/metrics"); err == nil {
		defer response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Error("plain HTTP is answered")
		}
	}
}

func TestACertificateThatIsNotThereIsNotReplacedInSilence(t *testing.T) {
	if _, err := metricsOptions(Options{MetricsSecure: true, MetricsCertDir: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that wraps %v", err, fs.ErrNotExist)
	}
	if served, err := metricsOptions(Options{MetricsSecure: true}); err != nil || !served.SecureServing || served.FilterProvider == nil {
		t.Errorf("by default %+v, %v", served, err)
	}
	if served, err := metricsOptions(Options{}); err != nil || served.SecureServing || served.FilterProvider != nil {
		t.Errorf("by plain HTTP %+v, %v", served, err)
	}
}
