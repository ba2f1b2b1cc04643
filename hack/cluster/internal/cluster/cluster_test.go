package cluster

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

func TestAFolderOfSomebodyElseIsNeverTaken(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := claim(state); err == nil || !strings.Contains(err.Error(), "TRYON_STATE") {
		t.Errorf("error = %v, want one that names the way out", err)
	}
}

func TestTheRecordSurvivesWriting(t *testing.T) {
	state := t.TempDir()
	want := record{Build: "/b", Kubeconfig: "/k", BootID: "1", GPUs: 2, Sysctls: map[string]string{"a/b": "1"}, Folders: []string{"/x"}}
	if err := want.write(state); err != nil {
		t.Fatal(err)
	}
	got, err := readRecord(state)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestOnlyResultsOfOurNetworkAreOurs(t *testing.T) {
	paths := []string{"/r/tryon-cluster-aa-eth0", "/r/cni-loopback-aa-lo", "/r/cni-loopback-bb-lo", "/r/podman-cc-eth0"}
	for name, test := range map[string]struct {
		all  bool
		want []string
	}{
		"a shared cache":       {want: []string{"/r/cni-loopback-aa-lo", "/r/tryon-cluster-aa-eth0"}},
		"a cache that we made": {all: true, want: []string{"/r/cni-loopback-aa-lo", "/r/cni-loopback-bb-lo", "/r/tryon-cluster-aa-eth0"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, networkResults(paths, test.all)); diff != "" {
				t.Errorf("ours (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutAClusterCommandsSayHowToStartOne(t *testing.T) {
	local := &Cluster{State: t.TempDir(), Print: &progress.Printer{Out: io.Discard}}
	for name, err := range map[string]error{
		"status": local.Status(t.Context(), io.Discard),
		"gpus":   local.GPUs(t.Context(), 1),
		"addon":  local.Addon(t.Context(), "training-operator"),
	} {
		if !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "make cluster") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func TestAnUnknownBuildNamesTheKnownOnes(t *testing.T) {
	_, err := (&Cluster{}).Build(t.Context(), "kubernetes")
	if err == nil || !strings.Contains(err.Error(), "training-operator") {
		t.Errorf("error = %v", err)
	}
}
