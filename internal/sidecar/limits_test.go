package sidecar

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/runtime"
	"github.com/braincreators/tryon-operator/internal/runtime/runtimetest"
)

var addresses = regexp.MustCompile(`Serving address=(\S+) ops=(\S+)`)

// asSidecar makes the test's binary the sidecar's.
const asSidecar = "TRYON_TEST_AS_SIDECAR"

func TestMain(m *testing.M) {
	if os.Getenv(asSidecar) != "" {
		os.Exit(Main(os.Args[1:], os.Getenv, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is the sidecar in a process of its own, which may open so many files.
func process(t *testing.T, rt *runtimetest.Server, files int, args ...string) (p *pod, cmd *exec.Cmd) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	all := append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), self, "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0",
		"--runtime", rt.URL, "--weights", rt.Dir, "--version", "tops-v1", "--drain-quiet", "100ms"}, args...)
	cmd = exec.CommandContext(t.Context(), "sh", all...)
	cmd.Env = append(os.Environ(), asSidecar+"=1")
	logs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(logs)
	for lines.Scan() {
		found := addresses.FindStringSubmatch(lines.Text())
		if found == nil {
			t.Log(lines.Text())
			continue
		}
		go func() {
			for lines.Scan() {
			}
		}()
		p = &pod{front: "http://" + found[1], ops: "http://" + found[2], runtime: rt}
		until(t, "ready", func() bool { return p.probe(t) == http.StatusOK })
		return p, cmd
	}
	t.Fatalf("the sidecar ended before it served: %v", cmd.Wait())
	return nil, nil
}

func (p *pod) probe(t *testing.T) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ops+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// held gives a runtime whose inferences wait for proceed.
func held(t *testing.T) (rt *runtimetest.Server, hold func() (asked, proceed chan struct{})) {
	t.Helper()
	rt = runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	address, sound := &swapped{}, runtime.NewServer(rt.Model, oip.Limits{})
	address.set(sound)
	front := httptest.NewServer(address)
	t.Cleanup(front.Close)
	rt.URL = front.URL
	return rt, func() (chan struct{}, chan struct{}) {
		asked, proceed := make(chan struct{}, 1), make(chan struct{})
		address.set(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				asked <- struct{}{}
				<-proceed
			}
			sound.ServeHTTP(w, r)
		}))
		return asked, proceed
	}
}

func TestASecondSIGTERMDoesNotCutADrainShort(t *testing.T) {
	rt, hold := held(t)
	p, cmd := process(t, rt, 1024)
	asked, proceed := hold()
	contentType, body := form(t, usual(t))
	status := make(chan int, 1)
	go func() {
		resp, _ := post(t, p.front, contentType, body)
		status <- resp.StatusCode
	}()
	<-asked
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		until(t, "not ready", func() bool { return p.probe(t) == http.StatusServiceUnavailable })
	}
	close(proceed)
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request in flight got %d", got)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after the drain: %v, want exit code 0", err)
	}
}

// Idle clients take at most half of the files that the process may open, so the runtime can still be asked.
func TestACrowdOfConnectionsDoesNotUseUpTheFiles(t *testing.T) {
	rt := runtimetest.Start(t, runtimetest.Graph{Height: netH, Width: netW}, runtime.Bounds{})
	writeGolden(t, rt)
	p, cmd := process(t, rt, 64)
	for range 200 {
		conn := p.dial(t)
		defer func(c net.Conn) { _ = c.Close() }(conn)
	}
	p.served(t)
	p.served(t)
	if got := p.probe(t); got != http.StatusOK {
		t.Errorf("the probe gets %d", got)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", cmd.Process.Pid))
	if err != nil || len(open) > 56 {
		t.Errorf("%d files are open of 64, %v", len(open), err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}
