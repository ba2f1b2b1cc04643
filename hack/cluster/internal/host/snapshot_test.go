package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferencesNameWhatIsLeftAndWhatIsMissing(t *testing.T) {
	before := Snapshot{"link": {"lo"}, "mount": {"/a", "/b"}}
	after := Snapshot{"link": {"lo", "veth1"}, "mount": {"/a"}}
	want := []string{"left link: veth1", "missing mount: /b"}
	if diff := cmp.Diff(want, before.Differences(after)); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
	if got := before.Differences(before); len(got) > 0 {
		t.Errorf("a snapshot differs from itself: %v", got)
	}
}

func TestFilesBelowFoldersAreListed(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "left")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := below([]string{folder, filepath.Join(folder, "absent")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{folder, file}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
