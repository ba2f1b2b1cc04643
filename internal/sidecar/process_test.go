package sidecar

import (
	"bufio"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
	"github.com/braincreators/tryon-operator/internal/sidecar/problem"
)

var servingLine = regexp.MustCompile(`Serving address=(\S+)`)

// startProcess runs the real binary and gives its address once it serves.
func startProcess(t *testing.T, binary, weights string) (address string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), binary, "--model-dir", weights, "--listen", "127.0.0.1:0", "--ort", runtimetest.Library(t))
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		if found := servingLine.FindStringSubmatch(lines.Text()); found != nil {
			go func() {
				for lines.Scan() {
				}
			}()
			return found[1], cmd
		}
		t.Log(lines.Text())
	}
	t.Fatalf("the runtime ended before it served: %v", cmd.Wait())
	return "", nil
}

func TestARealRuntimeProcessAndASidecarAnswerAPicture(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "tryon-runtime")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/braincreators/tryon-operator/cmd/runtime")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	recorder := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, recorder)
	address, cmd := startProcess(t, binary, recorder.Dir)
	if out, err := exec.CommandContext(t.Context(), binary, "health", "--address", address).CombinedOutput(); err != nil {
		t.Errorf("health of a running server: %v %s", err, out)
	}
	recorder.URL = "http://" + address
	p := startWith(t, recorder, func(o *Options) { o.RuntimePatience = time.Second })
	p.waitReady(t)
	contentType, body := form(t, usual(t))
	resp, out := post(t, p.front, contentType, body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %.300s", resp.Status, out)
	}
	if c := decodePNG(t, out).RGBAAt(90, 80); c.R < 150 || c.B > 90 {
		t.Errorf("the chest is %v, want the garment's red", c)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
	if err := exec.CommandContext(t.Context(), binary, "health", "--address", address, "--timeout", "1s").Run(); err == nil {
		t.Error("a stopped server is healthy")
	}
	resp, out = post(t, p.front, contentType, body)
	if code, err := codeOf(resp, out); err != nil || code != problem.CodeRuntimeUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("without a runtime: %s, %v, want %s", code, err, problem.CodeRuntimeUnavailable)
	}
	until(t, "not ready", func() bool { return p.ready() != nil })
}

func TestARuntimeThatCannotServeSaysWhy(t *testing.T) {
	for name, args := range map[string][]string{
		"no weights":       {"--model-dir", t.TempDir()},
		"an unknown flag":  {"--model"},
		"a stray argument": {"serve"},
	} {
		var stderr errorText
		if code := runtime.Main(args, &stderr, nil); code != 1 || stderr == "" {
			t.Errorf("%s: exit code %d, %q", name, code, stderr)
		}
	}
	var stderr errorText
	if code := Main([]string{"--version", "v", "--weights", "/does/not/exist"}, func(string) string { return "" }, &stderr); code != 1 || stderr == "" {
		t.Errorf("a sidecar without weights: exit code %d, %q", code, stderr)
	}
}

type errorText string

func (e *errorText) Write(b []byte) (int, error) {
	*e += errorText(b)
	return len(b), nil
}
