package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"sigs.k8s.io/yaml"
)

// odd is a folder that must be quoted in each of the formats.
const odd = `/state/with "quotes" # and: more`

func rendered(t *testing.T, state string) (Layout, map[string][]byte) {
	t.Helper()
	layout := Layout{State: t.TempDir(), Build: "/build"}
	if err := layout.MakeCertificates(); err != nil {
		t.Fatal(err)
	}
	pki := layout.PKI()
	if state != "" {
		layout.State = filepath.Join(layout.State, state)
		if err := os.MkdirAll(layout.State, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(string(pki), layout.Path("pki")); err != nil {
			t.Fatal(err)
		}
	}
	files, err := layout.Render(Host{ResolvConf: "/etc/resolv.conf", Snapshotter: "overlayfs"})
	if err != nil {
		t.Fatal(err)
	}
	return layout, files
}

func TestEveryConfigurationFileIsWellFormedWhateverTheFoldersName(t *testing.T) {
	_, files := rendered(t, odd)
	for path, content := range files {
		var decoded map[string]any
		var err error
		switch filepath.Ext(path) {
		case ".toml":
			err = toml.Unmarshal(content, &decoded)
		case ".conflist":
			err = json.Unmarshal(content, &decoded)
		case ".yaml", ".kubeconfig":
			err = yaml.UnmarshalStrict(content, &decoded)
		case "":
			continue // CoreDNS's own format
		default:
			t.Errorf("no format known for %s", path)
		}
		if err != nil || len(decoded) == 0 {
			t.Errorf("%s: %v\n%s", path, err, content)
		}
	}
}

func TestPathsArriveInTheConfigurationUnchanged(t *testing.T) {
	layout, files := rendered(t, odd)
	var kubelet struct{ PodLogsDir, CgroupRoot string }
	if err := yaml.Unmarshal(files[layout.Path("config", "kubelet.yaml")], &kubelet); err != nil {
		t.Fatal(err)
	}
	if kubelet.PodLogsDir != layout.Path("logs", "pods") || kubelet.CgroupRoot != "/"+Cgroup {
		t.Errorf("kubelet's configuration has %+v", kubelet)
	}
	var containerd struct{ Root, State string }
	if err := toml.Unmarshal(files[layout.Path("config", "containerd.toml")], &containerd); err != nil {
		t.Fatal(err)
	}
	if containerd.Root != layout.Path("containerd") {
		t.Errorf("containerd's root is %q", containerd.Root)
	}
}

func TestEveryUserHasAKubeconfigOfItsOwn(t *testing.T) {
	layout, files := rendered(t, "")
	seen := map[string]string{}
	for user := range users {
		content := string(files[layout.Kubeconfig(user)])
		if !strings.Contains(content, APIServer) || !strings.Contains(content, "current-context: "+Context) {
			t.Errorf("kubeconfig of %s:\n%s", user, content)
		}
		if other, ok := seen[content]; ok {
			t.Errorf("%s and %s share a kubeconfig", user, other)
		}
		seen[content] = user
	}
}

func TestNoAddressIsUsedTwiceAndNothingListensToOtherMachines(t *testing.T) {
	owner := map[string]string{}
	for _, group := range (Layout{State: "/s", Build: "/b"}).Programs() {
		for _, program := range group {
			for _, address := range program.Listens {
				if other, ok := owner[address]; ok {
					t.Errorf("%s and %s both listen on %s", other, program.Name, address)
				}
				owner[address] = program.Name
				if !strings.HasPrefix(address, "127.0.0.1:") && !strings.HasPrefix(address, nodeAddress+":") {
					t.Errorf("%s listens on %s", program.Name, address)
				}
			}
		}
	}
}

func TestProgramsReferToFilesThatAreMade(t *testing.T) {
	layout, files := rendered(t, "")
	for _, group := range layout.Programs() {
		for _, program := range group {
			for _, argument := range program.Args {
				path := argument[strings.LastIndex(argument, "=")+1:]
				if !strings.HasPrefix(path, layout.State) {
					continue
				}
				_, isFile := files[path]
				_, err := os.Stat(path)
				isFolder := slices.ContainsFunc(layout.Folders(), func(folder string) bool {
					return strings.HasPrefix(folder, path) || strings.HasPrefix(path, folder+"/")
				})
				if !isFile && err != nil && !isFolder {
					t.Errorf("%s is told of %s, which nothing makes", program.Name, path)
				}
			}
		}
	}
}

func TestAFileIsReplacedWholeAndReadableByItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"first and long", "second"} {
		if err := WriteFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("got %q, %v", got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("files left: %v, %v", entries, err)
	}
}
