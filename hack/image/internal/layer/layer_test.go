package layer

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// root makes a small root file system with a link, a hard link, a set-user-ID program and a file of today.
func root(t *testing.T, packaged time.Time) string {
	t.Helper()
	dir := t.TempDir()
	steps := []error{
		os.MkdirAll(filepath.Join(dir, "usr/bin"), 0o755),
		os.WriteFile(filepath.Join(dir, "usr/bin/perl"), []byte("perl"), 0o755),
		os.Link(filepath.Join(dir, "usr/bin/perl"), filepath.Join(dir, "usr/bin/perl5")),
		os.Symlink("usr/bin", filepath.Join(dir, "bin")),
		os.WriteFile(filepath.Join(dir, "usr/bin/su"), []byte("su"), 0o755),
		os.Chmod(filepath.Join(dir, "usr/bin/su"), 0o755|fs.ModeSetuid),
		os.Chtimes(filepath.Join(dir, "usr/bin/perl"), packaged, packaged),
		os.WriteFile(filepath.Join(dir, "made-now"), nil, 0o644),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	return dir
}

func pack(t *testing.T, entries []Entry) *Packed {
	t.Helper()
	dir := t.TempDir()
	if err := Pack(dir, entries); err != nil {
		t.Fatal(err)
	}
	p, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// headers reads a layer back.
func headers(t *testing.T, p *Packed) map[string]*tar.Header {
	t.Helper()
	in, err := p.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out := map[string]*tar.Header{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = h
	}
}

func TestTheSameFilesMakeTheSameLayer(t *testing.T) {
	packaged := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	var digests []string
	for range 2 {
		entries, err := FromRoot(root(t, packaged), packaged.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		digest, err := pack(t, entries).Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
}

func TestTheOrderOfEntriesDoesNotMatter(t *testing.T) {
	a, b := Entry{Path: "x/a", Mode: 0o644, Content: "a"}, Entry{Path: "/x/b", Mode: 0o644, Content: "b"}
	one, err := pack(t, WithParents([]Entry{a, b})).Digest()
	if err != nil {
		t.Fatal(err)
	}
	two, err := pack(t, WithParents([]Entry{b, a})).Digest()
	if err != nil {
		t.Fatal(err)
	}
	if one != two {
		t.Errorf("%s and %s differ", one, two)
	}
}

func TestALayerIsValidAndKeepsLinksButNoPrivileges(t *testing.T) {
	packaged := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	entries, err := FromRoot(root(t, packaged), packaged.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p := pack(t, entries)
	if err := validate.Layer(p); err != nil {
		t.Errorf("the layer's digests or size are wrong: %v", err)
	}
	got := headers(t, p)
	type facts struct {
		Type byte
		Mode int64
		Link string
		Time int64
	}
	want := map[string]facts{
		"bin":           {tar.TypeSymlink, 0o777, "usr/bin", 0},
		"usr/":          {tar.TypeDir, 0o755, "", 0},
		"usr/bin/":      {tar.TypeDir, 0o755, "", 0},
		"usr/bin/perl":  {tar.TypeReg, 0o755, "", packaged.Unix()},
		"usr/bin/perl5": {tar.TypeLink, 0o755, "usr/bin/perl", packaged.Unix()},
		"usr/bin/su":    {tar.TypeReg, 0o755, "", 0},
		"made-now":      {tar.TypeReg, 0o644, "", 0},
	}
	have := map[string]facts{}
	for name, h := range got {
		have[name] = facts{h.Typeflag, h.Mode, h.Linkname, h.ModTime.Unix()}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func TestWithParentsAddsFoldersOnceAndKeepsTheLastOfAPath(t *testing.T) {
	got := WithParents([]Entry{
		{Path: "/a/b/c", Mode: 0o644, Content: "first"},
		{Path: "a/b/c", Mode: 0o600, Content: "last"},
		{Path: "a/b", Mode: fs.ModeDir | 0o700},
		{Path: "/"},
	})
	want := []Entry{
		{Path: "a", Mode: fs.ModeDir | 0o755},
		{Path: "a/b", Mode: fs.ModeDir | 0o700},
		{Path: "a/b/c", Mode: 0o600, Content: "last"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPackRefusesWhatHasNoPlaceInALayer(t *testing.T) {
	if err := Pack(t.TempDir(), []Entry{{Path: "pipe", Mode: fs.ModeNamedPipe}}); err == nil {
		t.Error("a named pipe was packed")
	}
	if err := Pack(t.TempDir(), []Entry{{Path: "gone", Mode: 0o644, Source: "/nonexistent/file"}}); err == nil {
		t.Error("a missing file was packed")
	}
}

func TestOpenRefusesAnIndexThatIsNoIndex(t *testing.T) {
	for name, text := range map[string]string{"not JSON": "{", "no digest": "{}", "half": `{"digest":"sha256:00"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, indexFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}
