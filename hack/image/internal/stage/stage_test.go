package stage

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
)

// realise carries out the last stage of a Dockerfile over root and returns its folder.
func realise(t *testing.T, c *cache.Cache, root, dockerfile string, out *bytes.Buffer) (string, error) {
	t.Helper()
	r, err := recipe.Parse([]byte(dockerfile), recipe.Platform{OS: "linux", Arch: "amd64"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := buildctx.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	runner := &Runner{Cache: c, Context: files, Output: out}
	return runner.Realise(context.Background(), r.Stages[len(r.Stages)-1])
}

func newCache(t *testing.T) *cache.Cache {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAStageRunsOnceForTheSameInputAndAgainForAnother(t *testing.T) {
	c, root, out := newCache(t), t.TempDir(), &bytes.Buffer{}
	text := "FROM scratch AS s\nWORKDIR /w\nCOPY in .\nRUN echo ran; cat in > copy\n"
	for i, content := range []string{"a", "a", "b"} {
		if err := os.WriteFile(filepath.Join(root, "in"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		dir, err := realise(t, c, root, text, out)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "w/copy")); err != nil || string(got) != content {
			t.Errorf("pass %d: got %q, %v", i, got, err)
		}
	}
	if n := strings.Count(out.String(), "ran"); n != 2 {
		t.Errorf("ran %d times, want 2", n)
	}
}

func TestAnotherRunLineOrVariableMakesTheStageAnew(t *testing.T) {
	c, root, out := newCache(t), t.TempDir(), &bytes.Buffer{}
	for _, text := range []string{
		"FROM scratch AS s\nENV A=1\nRUN echo ran\n",
		"FROM scratch AS s\nENV A=2\nRUN echo ran\n",
		"FROM scratch AS s\nENV A=2\nRUN echo  ran\n",
		"FROM scratch AS s\nENV A=1\nRUN echo ran\n",
	} {
		if _, err := realise(t, c, root, text, out); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "ran"); n != 3 {
		t.Errorf("ran %d times, want 3", n)
	}
}

func TestAStageSeesItsVariablesOverTheHosts(t *testing.T) {
	t.Setenv("GREETING", "host")
	out := &bytes.Buffer{}
	if _, err := realise(t, newCache(t), t.TempDir(), "FROM scratch AS s\nWORKDIR /a/b\nENV GREETING=stage\nRUN echo $GREETING $(basename $PWD)\n", out); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(out.String()); got != "stage b" {
		t.Errorf("got %q", got)
	}
}

func TestAGoStageBuildsAProgramFromTheContext(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.test/tiny\n\ngo 1.24\n",
		"main.go": "package main\n\nfunc main() { println(\"tiny\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := "FROM golang:1 AS s\nWORKDIR /src\nENV GOFLAGS=-trimpath GOWORK=off CGO_ENABLED=0\nCOPY . .\nRUN go build -buildvcs=false -ldflags=-s -o out/tiny .\n"
	var programs [][]byte
	for range 2 {
		dir, err := realise(t, newCache(t), root, text, &bytes.Buffer{})
		if err != nil {
			t.Fatal(err)
		}
		program, err := os.ReadFile(filepath.Join(dir, "src/out/tiny"))
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, program)
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("two builds in different folders differ")
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var out tail
	for range 1000 {
		if _, err := out.Write([]byte("0123456789\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := out.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); len(got) > tailSize || !strings.HasSuffix(got, "9\nend") {
		t.Errorf("%d bytes, ending %q", len(got), got[len(got)-10:])
	}
}
