package buildctx

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write makes files below a new folder; a content that starts with "-> " is a symbolic link.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := cutLink(content); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func cutLink(s string) (string, bool) {
	if len(s) > 3 && s[:3] == "-> " {
		return s[3:], true
	}
	return "", false
}

func paths(files []File) []string {
	var out []string
	for _, f := range files {
		out = append(out, f.Path)
	}
	return out
}

func TestSelectTakesWhatDockerignoreLetsThrough(t *testing.T) {
	root := write(t, map[string]string{
		".dockerignore":         "*\n!api\n!go.mod\n**/*_test.go\n**/tests\n",
		"go.mod":                "module x",
		"api/a.go":              "a",
		"api/a_test.go":         "t",
		"api/v1/tests/b.go":     "b",
		"api/v1/b.go":           "b",
		"api/v1/link":           "-> b.go",
		"docs/guide.md":         "d",
		".git/config":           "secret",
		"out/cluster/large.bin": "l",
	})
	c, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Select(".")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"api/a.go", "api/v1/b.go", "api/v1/link", "go.mod"}, paths(files)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	var missing *MissingError
	if _, err := c.Select("docs"); !errors.As(err, &missing) {
		t.Errorf("want a MissingError for an ignored folder, got %v", err)
	}
	if _, err := c.Select("nowhere"); !errors.As(err, &missing) {
		t.Errorf("want a MissingError, got %v", err)
	}
	if _, err := c.Select("../../etc/passwd"); !errors.As(err, &missing) {
		t.Errorf("a source outside of the context: want a MissingError, got %v", err)
	}
}

func TestCopyPlacesFilesWithTheirModesAndLinks(t *testing.T) {
	root := write(t, map[string]string{"d/run.sh": "#!", "d/link": "-> run.sh", "d/x/y": "y"})
	if err := os.Chmod(filepath.Join(root, "d/run.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	c, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Select("d")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Copy(Destination(files, "/opt/it", false, false), dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "opt/it/run.sh"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("run.sh: %v, %v", info, err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "opt/it/link")); err != nil || target != "run.sh" {
		t.Errorf("link: %q, %v", target, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "opt/it/x/y")); err != nil || string(text) != "y" {
		t.Errorf("x/y: %q, %v", text, err)
	}
}

func TestCopyRefusesAFileThatChangedSinceItWasListed(t *testing.T) {
	root := write(t, map[string]string{"a": "before"})
	c, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Select("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "a"), []byte("after"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Copy(files, t.TempDir()); err == nil {
		t.Error("the changed file was copied")
	}
}

func TestCopyRefusesAPathThatLeavesTheFolder(t *testing.T) {
	if err := Copy([]File{{Path: "../x", Mode: 0o644}}, t.TempDir()); err == nil {
		t.Error("the path was taken")
	}
}

func TestDestinationFollowsDockersRules(t *testing.T) {
	tests := map[string]struct {
		dest            string
		intoDir, single bool
		want            string
	}{
		"a file to a name":     {"/usr/lib/b", false, true, "usr/lib/b"},
		"a file into a folder": {"/usr/lib", true, true, "usr/lib/a"},
		"a folder's content":   {"/opt", false, false, "opt/a"},
		"the root":             {"/", true, true, "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Destination([]File{{Path: "a"}}, tt.dest, tt.intoDir, tt.single)
			if got[0].Path != tt.want {
				t.Errorf("got %s, want %s", got[0].Path, tt.want)
			}
		})
	}
}
