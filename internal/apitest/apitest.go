package apitest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	kftraining "github.com/kubeflow/training-operator/pkg/apis/kubeflow.org/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Start gives the configuration of a fresh kube-apiserver that serves our kinds; it stops with the test. extraCRDs are more
// folders or files of CRDs. It fails, never skips, where etcd and kube-apiserver cannot be found.
func Start(t testing.TB, extraCRDs ...string) *rest.Config {
	t.Helper()
	assets := findAssets(t)
	env := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     append([]string{filepath.Join(Root(t), "config", "crd", "bases")}, extraCRDs...),
		ErrorIfCRDPathMissing: true,
	}
	config, err := env.Start()
	if err != nil {
		t.Fatalf("starting kube-apiserver and etcd of %s: %v", assets, err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Errorf("stopping kube-apiserver and etcd: %v", err)
		}
	})
	return config
}

// Scheme knows our kinds, those of Kubernetes and those of the training-operator.
func Scheme(t testing.TB) *apiruntime.Scheme {
	t.Helper()
	scheme := apiruntime.NewScheme()
	for _, add := range []func(*apiruntime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme, kftraining.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatalf("making scheme: %v", err)
		}
	}
	return scheme
}

// Client reads and writes through config without a cache.
func Client(t testing.TB, config *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(config, client.Options{Scheme: Scheme(t)})
	if err != nil {
		t.Fatalf("making client: %v", err)
	}
	return c
}

// Root is the root folder of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		t.Fatal("the source file of this package is unknown")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// findAssets looks where KUBEBUILDER_ASSETS points, where setup-envtest puts them, and where hack/cluster builds them.
func findAssets(t testing.TB) string {
	t.Helper()
	var tried []string
	for _, pattern := range assetFolders() {
		matches, _ := filepath.Glob(pattern)
		for _, dir := range matches {
			if isProgram(filepath.Join(dir, "etcd")) && isProgram(filepath.Join(dir, "kube-apiserver")) {
				return dir
			}
		}
		tried = append(tried, pattern)
	}
	t.Fatalf("no etcd and kube-apiserver in any of %v; run 'make cluster-build', or set KUBEBUILDER_ASSETS", tried)
	return ""
}

func assetFolders() []string {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return []string{dir}
	}
	var folders []string
	if data, err := os.UserHomeDir(); err == nil {
		folders = append(folders, filepath.Join(data, ".local", "share", "kubebuilder-envtest", "k8s", "*"))
	}
	cache := os.Getenv("TRYON_CACHE")
	if cache == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			cache = filepath.Join(dir, "tryon-operator")
		}
	}
	return append(folders, filepath.Join(cache, "cluster", "*"), filepath.Join(cache, "cluster", "*", "*"))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
