package config

import (
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"text/template"
)

//go:embed templates
var templateFiles embed.FS

// quote writes a string as JSON does, which YAML and TOML read as well.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"quote": func(text string) (string, error) {
		quoted, err := json.Marshal(text)
		return string(quoted), err
	},
}).ParseFS(templateFiles, "templates/*"))

// values are what the templates see.
type values struct {
	Layout
	Context, NodeName, NodeAddress, PodRange, PodGateway, ClusterDomain, Cgroup, Network string
	Registry, PauseImage, ResolvConf, Snapshotter, DNSHealth, DNSReady                   string
}

// Host is what the configuration depends on besides the layout.
type Host struct {
	ResolvConf  string // file that names the machine's name servers
	Snapshotter string // of containerd
}

// DetectHost reads what this machine offers. The folder of the state must exist.
func DetectHost(state string) (Host, error) {
	host := Host{ResolvConf: "/etc/resolv.conf", Snapshotter: "overlayfs"}
	const stub = "/run/systemd/resolve/resolv.conf" // /etc/resolv.conf then names a loopback address, useless in a pod
	if _, err := os.Stat(stub); err == nil {
		host.ResolvConf = stub
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(state, &stat); err != nil {
		return host, fmt.Errorf("reading file system of %s: %w", state, err)
	}
	const overlayMagic = 0x794c7630
	if stat.Type == overlayMagic {
		host.Snapshotter = "native" // an overlay cannot lie on an overlay
	}
	return host, nil
}

// Render returns the configuration files by path. It reads nothing but the certificates.
func (l Layout) Render(host Host) (map[string][]byte, error) {
	all := values{
		Layout: l, Context: Context, NodeName: NodeName, NodeAddress: nodeAddress, PodRange: podRange, PodGateway: podGateway,
		ClusterDomain: ClusterDomain, Cgroup: Cgroup, Network: Network, Registry: Registry, PauseImage: PauseImage,
		ResolvConf: host.ResolvConf, Snapshotter: host.Snapshotter, DNSHealth: dnsHealth, DNSReady: dnsReady,
	}
	files := map[string][]byte{}
	for _, name := range []string{"containerd.toml", "Corefile", "kubelet.yaml", "kube-proxy.yaml", "registry.yaml"} {
		content, err := render(name, all)
		if err != nil {
			return nil, err
		}
		files[l.Path("config", name)] = content
	}
	const network = "10-tryon.conflist"
	content, err := render(network, all)
	if err != nil {
		return nil, err
	}
	files[l.Path("config", "cni", network)] = content
	for user := range users {
		if files[l.Kubeconfig(user)], err = l.renderKubeconfig(user); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// AdminKubeconfig is the kubeconfig for people.
func (l Layout) AdminKubeconfig() ([]byte, error) { return l.renderKubeconfig(admin) }

func (l Layout) renderKubeconfig(user string) ([]byte, error) {
	encoded := map[string]string{"Context": Context, "User": users[user].CommonName, "APIServer": APIServer}
	folder := l.PKI()
	for field, path := range map[string]string{"CA": folder.Cert(authority), "Cert": folder.Cert(user), "Key": folder.Key(user)} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading certificate: %w", err)
		}
		encoded[field] = base64.StdEncoding.EncodeToString(content)
	}
	return render("kubeconfig", encoded)
}

func render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, data); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// WriteFile writes a file that only its owner can read, by a rename.
func WriteFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
