package process

import (
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProbesTellReadyFromNotReady(t *testing.T) {
	status := http.StatusOK
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("etcd is missing"))
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	authority := filepath.Join(t.TempDir(), "ca.crt")
	encoded := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(authority, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	probes := map[string]Probe{"http": HTTP(plain.URL), "https": HTTPS(secure.URL, authority)}
	for name, probe := range probes {
		if err := probe(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	status = http.StatusInternalServerError
	for name, probe := range probes {
		if err := probe(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd is missing") {
			t.Errorf("%s: error = %v, want what the server says", name, err)
		}
	}
}

func TestASocketIsReadyWhileSomebodyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := Unix(path)(t.Context()); err == nil {
		t.Error("ready without a listener")
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := Unix(path)(t.Context()); err != nil {
		t.Error(err)
	}
}
