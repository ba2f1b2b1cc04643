package artefact

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func fileNamed(paths ...string) []File {
	files := make([]File, 0, len(paths))
	for _, path := range paths {
		files = append(files, File{Path: path, SHA256: strings.Repeat("a", 64)})
	}
	return files
}

func TestAManifestWithUnsafePathsIsRefused(t *testing.T) {
	deep := strings.Repeat("a/", maxPathDepth) + "a"
	for _, paths := range [][]string{
		{"../x"}, {"/etc/passwd"}, {"a/../../x"}, {`..\x`}, {`C:\x`}, {"c:x"}, {""}, {"."}, {"a//b"}, {"a/"}, {"a/./b"}, {"a\x00b"}, {"a\nb"},
		{"a\u202eb"}, {"a\u200bb"}, {strings.Repeat("a", 256)}, {strings.Repeat("a/", 600) + "a"}, {deep},
		{"A", "a"}, {"a", "a/b"}, {"A/b", "a/c"}, {"a", "A/b"}, {"A", "a/b"},
	} {
		body, err := encodeManifest(fileNamed(paths...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeManifest(body, Limits{}); !errors.Is(err, ErrUnsafePath) && !errors.Is(err, ErrNotATree) {
			t.Errorf("%.60q: %v, want a refusal", paths, err)
		}
	}
}

func TestAManifestThatIsNotCanonicalIsRefused(t *testing.T) {
	digest := strings.Repeat("a", 64)
	entry := func(path string, size any) string {
		return fmt.Sprintf(`{"path":%q,"size":%v,"sha256":%q}`, path, size, digest)
	}
	cases := map[string]string{
		"white space":       `{"schema":"tryon.tree/v1", "files":[]}`,
		"final newline":     `{"schema":"tryon.tree/v1","files":[]}` + "\n",
		"null files":        `{"schema":"tryon.tree/v1","files":null}`,
		"another schema":    `{"schema":"tryon.tree/v2","files":[]}`,
		"unknown field":     `{"schema":"tryon.tree/v1","files":[],"mode":1}`,
		"trailing":          `{"schema":"tryon.tree/v1","files":[]}{}`,
		"field order":       `{"files":[],"schema":"tryon.tree/v1"}`,
		"not sorted":        `{"schema":"tryon.tree/v1","files":[` + entry("b", 1) + "," + entry("a", 1) + `]}`,
		"named twice":       `{"schema":"tryon.tree/v1","files":[` + entry("a", 1) + "," + entry("a", 1) + `]}`,
		"negative size":     `{"schema":"tryon.tree/v1","files":[` + entry("a", -1) + `]}`,
		"fraction":          `{"schema":"tryon.tree/v1","files":[` + entry("a", 1.5) + `]}`,
		"2^63":              `{"schema":"tryon.tree/v1","files":[` + entry("a", "9223372036854775808") + `]}`,
		"prefixed digest":   strings.Replace(`{"schema":"tryon.tree/v1","files":[`+entry("a", 1)+`]}`, digest, "sha256:"+digest, 1),
		"short digest":      strings.Replace(`{"schema":"tryon.tree/v1","files":[`+entry("a", 1)+`]}`, digest, digest[1:], 1),
		"upper-case digest": strings.Replace(`{"schema":"tryon.tree/v1","files":[`+entry("a", 1)+`]}`, digest, strings.ToUpper(digest), 1),
		"an array":          `[]`,
		"nothing":           ``,
		"a pickle":          "\x80\x04\x95",
	}
	for name, body := range cases {
		if _, err := decodeManifest([]byte(body), Limits{}); !errors.Is(err, ErrNotATree) {
			t.Errorf("%s: %v, want ErrNotATree", name, err)
		}
	}
	if _, err := decodeManifest([]byte(`{"schema":"tryon.tree/v1","files":[]}`), Limits{}); err != nil {
		t.Errorf("the empty tree: %v", err)
	}
}

func TestSizesThatOverflowTogetherAreRefused(t *testing.T) {
	files := fileNamed("a", "b")
	files[0].Size, files[1].Size = 1<<62, 1<<62
	body, err := encodeManifest(files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeManifest(body, Limits{Bytes: 1<<63 - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("decodeManifest: %v, want ErrTooLarge", err)
	}
}

func TestAnExistingTargetIsFilledInPlace(t *testing.T) {
	s, digest := storeWith(t, map[string]string{"model.onnx": "m", "golden/index.json": "{}"})
	target := t.TempDir()
	// What a download leaves that was killed between two renames.
	mustWrite(t, filepath.Join(target, stagingPrefix+"123", "model.onnx"), "half")
	mustWrite(t, filepath.Join(target, "golden", "index.json"), "old")
	mustWrite(t, filepath.Join(target, "golden", "stale.png"), "old")
	if _, err := s.GetTree(t.Context(), digest, target, Limits{}); err != nil {
		t.Fatal(err)
	}
	paths, err := listFolder(target)
	if got := strings.Join(paths, " "); err != nil || got != "golden/index.json model.onnx" {
		t.Errorf("target holds %q, %v", got, err)
	}
	body, err := os.ReadFile(filepath.Join(target, "golden", "index.json"))
	if err != nil || string(body) != "{}" {
		t.Errorf("index.json = %q, %v", body, err)
	}
}

func TestAnExistingTargetWithForeignFilesIsRefused(t *testing.T) {
	s, digest := storeWith(t, map[string]string{"model.onnx": "m"})
	target := t.TempDir()
	mustWrite(t, filepath.Join(target, "notes.txt"), "mine")
	if _, err := s.GetTree(t.Context(), digest, target, Limits{}); !errors.Is(err, ErrOccupied) {
		t.Errorf("GetTree: %v, want ErrOccupied", err)
	}
	paths, err := listFolder(target)
	if err != nil || len(paths) != 1 {
		t.Errorf("target holds %q, %v", paths, err)
	}
}

func TestLinksInTheTargetAreNotFollowed(t *testing.T) {
	s, digest := storeWith(t, map[string]string{"golden/a": "m"})
	target, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(target, "golden")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetTree(t.Context(), digest, target, Limits{}); err != nil {
		t.Fatal(err)
	}
	if paths, err := listFolder(outside); err != nil || len(paths) != 0 {
		t.Errorf("written outside the target: %q, %v", paths, err)
	}
}

func storeWith(t *testing.T, files map[string]string) (*Store, string) {
	t.Helper()
	s, err := Open(t.Context(), "file://"+t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, body := range files {
		mustWrite(t, filepath.Join(dir, filepath.FromSlash(name)), body)
	}
	tree, err := s.PutTree(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return s, tree.Digest
}

func mustWrite(t *testing.T, path, body string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzDecodeManifest(f *testing.F) {
	good, err := encodeManifest(fileNamed("a", "b/c"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"schema":"tryon.tree/v1","files":[{"path":"../x","size":1,"sha256":""}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, err := decodeManifest(body, Limits{})
		if err != nil {
			return
		}
		again, err := json.Marshal(manifest{Schema: treeSchema, Files: tree.Files})
		if err != nil {
			t.Fatal(err)
		}
		if len(tree.Files) > 0 && !json.Valid(again) {
			t.Errorf("accepted %q", body)
		}
		for _, file := range tree.Files {
			if !filepath.IsLocal(filepath.FromSlash(file.Path)) {
				t.Errorf("accepted path %q", file.Path)
			}
		}
	})
}
