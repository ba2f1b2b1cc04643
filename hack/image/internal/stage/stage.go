package stage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/braincreators/tryon-operator/hack/image/internal/buildctx"
	"github.com/braincreators/tryon-operator/hack/image/internal/cache"
	"github.com/braincreators/tryon-operator/hack/image/internal/host"
	"github.com/braincreators/tryon-operator/hack/image/internal/progress"
	"github.com/braincreators/tryon-operator/hack/image/internal/recipe"
)

// format is part of every key: a change of how stages are carried out makes them anew.
const format = "stage/v1"

// Runner carries out build stages.
type Runner struct {
	Cache   *cache.Cache
	Context *buildctx.Context
	Log     *progress.Log
	// Output receives what RUN lines print.
	Output io.Writer
}

// RunError says which line of a build stage did not work.
type RunError struct {
	Stage, Command string
	Err            error
	Output         string
}

// Error has the end of the command's output.
func (e *RunError) Error() string {
	return fmt.Sprintf("stage %s: RUN %s: %v\n%s", e.Stage, e.Command, e.Err, e.Output)
}

// Unwrap is the cause.
func (e *RunError) Unwrap() error { return e.Err }

// tools are what a build base stands for on the host, by repository prefix: the programs that must be there, those that are
// installed when they are not, and a command whose output belongs to the key because another version would make other files.
var tools = []struct {
	repository string
	programs   []string
	packages   map[string][]string
	version    []string
}{
	{"golang:", []string{"go"}, map[string][]string{"gcc": {"gcc", "libc6-dev"}}, []string{"go", "env", "GOVERSION", "GOFLAGS", "GOEXPERIMENT"}},
	{"node:", []string{"npm", "tar", "sha256sum"}, nil, nil},
}

// copied is a COPY step with the files it takes.
type copied struct {
	files []buildctx.File
	step  *recipe.Copy
}

// Realise returns the folder that holds the file system of s after its last line.
func (r *Runner) Realise(ctx context.Context, s *recipe.Stage) (string, error) {
	version, err := r.tools(ctx, s)
	if err != nil {
		return "", fmt.Errorf("stage %s: %w", s.Name, err)
	}
	var steps []recipe.Step
	for _, c := range s.Chain() {
		steps = append(steps, c.Steps...)
	}
	copies := map[int]copied{}
	parts := []any{format, version}
	for i, step := range steps {
		if step.Copy == nil {
			parts = append(parts, step.Run)
			continue
		}
		files, err := r.Files(ctx, step.Copy)
		if err != nil {
			return "", fmt.Errorf("stage %s: line %d: %w", s.Name, step.Line, err)
		}
		copies[i] = copied{files, step.Copy}
		parts = append(parts, files)
	}
	return r.Cache.Fill("stages", s.Name, cache.Key(parts), func(dir string) error {
		for i, step := range steps {
			if step.Copy != nil {
				if err := r.copy(dir, copies[i]); err != nil {
					return fmt.Errorf("stage %s: line %d: %w", s.Name, step.Line, err)
				}
			} else if err := r.run(ctx, dir, s, step.Run); err != nil {
				return err
			}
		}
		return nil
	})
}

// Files lists what a COPY takes, with paths relative to the image's root, sources on the host and chmod applied.
func (r *Runner) Files(ctx context.Context, c *recipe.Copy) ([]buildctx.File, error) {
	var root string
	if c.From != nil {
		var err error
		if root, err = r.Realise(ctx, c.From); err != nil {
			return nil, err
		}
	}
	var all []buildctx.File
	for _, source := range c.Sources {
		files, single, err := r.source(root, source)
		if err != nil {
			return nil, err
		}
		all = append(all, buildctx.Destination(files, c.Dest, c.IntoDir, single)...)
	}
	for i := range all {
		if c.Mode != 0 && all[i].Target == "" {
			all[i].Mode = c.Mode
		}
	}
	return all, nil
}

func (r *Runner) source(root, source string) (files []buildctx.File, single bool, err error) {
	if root == "" {
		files, err = r.Context.Select(source)
	} else {
		files, err = buildctx.Tree(filepath.Join(root, filepath.FromSlash(filepath.Clean("/"+source))), source, buildctx.All)
	}
	if err != nil {
		return nil, false, err
	}
	info, err := os.Lstat(files[0].Source)
	single = err == nil && !info.IsDir() && len(files) == 1 && filepath.Base(files[0].Source) == filepath.Base(source)
	return files, single, err
}

func (r *Runner) copy(dir string, c copied) error {
	return buildctx.Copy(c.files, dir)
}

// run runs one line with a shell in the scratch folder, under the host's variables and those of the stage.
func (r *Runner) run(ctx context.Context, root string, s *recipe.Stage, line *recipe.Run) error {
	workdir := filepath.Join(root, filepath.FromSlash(line.Workdir))
	if err := os.MkdirAll(workdir, 0o755); err != nil {
		return fmt.Errorf("stage %s: %w", s.Name, err)
	}
	short := strings.Join(strings.Fields(line.Line), " ")
	if len(short) > 100 {
		short = short[:100] + "…"
	}
	defer r.Log.Begin(s.Name+": "+short, typical(line.Line))()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", line.Line)
	cmd.Dir = workdir
	cmd.Env = os.Environ()
	for k, v := range line.Env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	// PWD would otherwise name the caller's folder, and go trusts it when it is the same place.
	cmd.Env = append(cmd.Env, "PWD="+workdir)
	tail := &tail{}
	cmd.Stdout = io.MultiWriter(r.Output, tail)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Run(); err != nil {
		return &RunError{Stage: s.Name, Command: short, Err: err, Output: tail.String()}
	}
	return nil
}

func typical(line string) string {
	switch {
	case strings.Contains(line, "go build"):
		return "2s, or 1 to 3 min when nothing is compiled yet"
	case strings.Contains(line, "npm pack"):
		return "10s, once"
	default:
		return "1s"
	}
}

// tools checks that the host has what the stage's base stands for, and returns what belongs to the key.
func (r *Runner) tools(ctx context.Context, s *recipe.Stage) (string, error) {
	base := s.Root().Base
	if base == "scratch" {
		return "", nil
	}
	for _, t := range tools {
		if !strings.HasPrefix(base, t.repository) {
			continue
		}
		for _, p := range t.programs {
			if _, err := exec.LookPath(p); err != nil {
				return "", fmt.Errorf("its base %s stands for %s on the host: %w", base, p, err)
			}
		}
		for program, packages := range t.packages {
			if err := host.Ensure(ctx, program, packages...); err != nil {
				return "", err
			}
		}
		if t.version == nil {
			return "", nil
		}
		out, err := exec.CommandContext(ctx, t.version[0], t.version[1:]...).Output()
		if err != nil {
			return "", fmt.Errorf("asking %s for its version: %w", t.version[0], err)
		}
		return string(out), nil
	}
	return "", fmt.Errorf("its base %s stands for no known tools: build it with a container engine", base)
}

// tail keeps the end of what is written to it.
type tail struct {
	buf bytes.Buffer
}

const tailSize = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.buf.Write(p)
	if over := t.buf.Len() - 2*tailSize; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	text := t.buf.Bytes()
	if len(text) > tailSize {
		text = text[len(text)-tailSize:]
	}
	return strings.TrimSpace(string(text))
}
