package parts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

// packageTime is how long one core of a small machine needs for one package of Kubernetes, measured.
const packageTime = 650 * time.Millisecond

func (b *Builder) compile(ctx context.Context, folder string, t target) error {
	flags := []string{"-trimpath", "-ldflags", t.ldflags}
	title := strings.TrimSuffix(filepath.Base(t.packages[0]), "/")
	if len(t.packages) > 1 {
		title = fmt.Sprintf("%s and %d more", title, len(t.packages)-1)
	}
	var total int
	err := b.Print.Do("fetching modules for "+title, 0, func(*progress.Step) error {
		var err error
		total, err = b.stale(ctx, flags, t.packages)
		return err
	})
	if err != nil {
		return err
	}
	usual := time.Duration(total)*packageTime/2 + 20*time.Second
	return b.Print.Do("compiling "+title, usual, func(step *progress.Step) error {
		args := slices.Concat([]string{"build", "-v", "-o", filepath.Join(folder, t.output) + slash(t.output)}, flags, t.packages)
		return count(b.command(ctx, args...), func(done int) { step.Detail("%d of %d packages", min(done, total), total) })
	})
}

// slash keeps the trailing slash that tells go build to write into a folder; filepath.Join drops it.
func slash(output string) string {
	if strings.HasSuffix(output, "/") {
		return "/"
	}
	return ""
}

// stale counts the packages that must be compiled, which downloads what their sources need.
func (b *Builder) stale(ctx context.Context, flags, packages []string) (int, error) {
	args := slices.Concat([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, flags, packages)
	command := b.command(ctx, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("listing packages: %w: %s", err, lastLines(stderr.Bytes(), 5))
	}
	return len(strings.Fields(string(out))), nil
}

// count runs go build -v and reports after each package that it names. Other lines are errors and end in the error.
func count(command *exec.Cmd, report func(done int)) error {
	stderr, err := command.StderrPipe()
	if err != nil {
		return fmt.Errorf("starting compiler: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("starting compiler: %w", err)
	}
	var tail []string
	done := 0
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		done++
		report(done)
		if tail = append(tail, scanner.Text()); len(tail) > 20 {
			tail = tail[1:]
		}
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("compiling: %w:\n%s", err, strings.Join(tail, "\n"))
	}
	return nil
}

func runQuietly(command *exec.Cmd) error {
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("running %s: %w:\n%s", strings.Join(command.Args, " "), err, lastLines(out, 20))
	}
	return nil
}

func lastLines(text []byte, count int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

func moduleFolder(document []byte) (string, error) {
	var module struct{ Dir, Error string }
	if err := json.Unmarshal(document, &module); err != nil {
		return "", fmt.Errorf("decoding module: %w", err)
	}
	if module.Dir == "" {
		return "", errors.New("downloading module: " + module.Error)
	}
	return module.Dir, nil
}
