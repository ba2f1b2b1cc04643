package runtimetest

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/ort"
)

// LibraryEnv names the environment variable with the path of libonnxruntime.
const LibraryEnv = "TRYON_ORT_LIB"

// Library finds libonnxruntime, or ends the test with how to get it. Tests of the runtime are never skipped.
func Library(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(LibraryEnv); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("finding libonnxruntime: %v; set %s to its path", err, LibraryEnv)
	}
	path := filepath.Join(cache, "tryon-operator", "onnxruntime", "1.20.1", "libonnxruntime.so")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("libonnxruntime is missing: %v\nRun `go -C hack/image run . onnxruntime`, which fetches the pinned npm package onnxruntime-node@1.20.1, or set %s to the path of libonnxruntime 1.20.", err, LibraryEnv)
	}
	return path
}

// Server is a real runtime on loopback.
type Server struct {
	URL       string
	Dir       string
	Signature oip.Signature
	Model     *runtime.Model

	http *httptest.Server
}

// Start serves the graph until the test ends.
func Start(t testing.TB, g Graph, bounds runtime.Bounds) *Server {
	t.Helper()
	dir := t.TempDir()
	g.WriteWeights(t, dir)
	model := OpenModel(t, dir, bounds)
	weights, err := runtime.ReadWeights(dir, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Dir: dir, Signature: weights.Signature, Model: model}
	s.http = httptest.NewServer(runtime.NewServer(model, oip.Limits{}))
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// OpenModel loads the weights in dir.
func OpenModel(t testing.TB, dir string, bounds runtime.Bounds) *runtime.Model {
	t.Helper()
	weights, err := runtime.ReadWeights(dir, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	session, err := ort.Open(Library(t), weights, 1)
	if err != nil {
		t.Fatal(err)
	}
	model := runtime.NewModel(weights.Signature, session, bounds)
	t.Cleanup(func() {
		if err := model.Close(); err != nil {
			t.Error(err)
		}
	})
	return model
}

// Stop ends the server before the test does.
func (s *Server) Stop() { s.http.Close() }
