package parts

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// Assets returns a folder that holds etcd and kube-apiserver: the one that KUBEBUILDER_ASSETS names, one that
// setup-envtest downloaded, or ours.
func (b *Builder) Assets(ctx context.Context) (string, error) {
	for _, folder := range assetFolders() {
		if complete(folder) {
			return filepath.Abs(folder)
		}
	}
	folder, err := b.Build(ctx)
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, "bin"), nil
}

// assetFolders lists where assets may be, the best first: of several downloads the newest version.
func assetFolders() []string {
	folders := []string{os.Getenv("KUBEBUILDER_ASSETS")}
	for _, variable := range []string{os.Getenv("XDG_DATA_HOME"), filepath.Join(os.Getenv("HOME"), ".local", "share")} {
		downloads, err := filepath.Glob(filepath.Join(variable, "kubebuilder-envtest", "k8s", "*-"+runtime.GOOS+"-"+runtime.GOARCH))
		if err != nil || variable == "" {
			continue // the pattern is ours, only a home with odd characters breaks it
		}
		slices.Sort(downloads)
		slices.Reverse(downloads)
		folders = append(folders, downloads...)
	}
	return append(folders, "/usr/local/kubebuilder/bin")
}

func complete(folder string) bool {
	for _, program := range []string{"etcd", "kube-apiserver"} {
		info, err := os.Stat(filepath.Join(folder, program))
		if folder == "" || err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}
