package scripts

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/apitest"
)

// goStandIn fails where it is to build the cluster, once the download runs; the download has a child, and both stay.
const goStandIn = `#!/bin/sh
case "$*" in
*"rootfs trainer"*)
	tail -f /dev/null & echo $! >>"$PIDS"
	echo $$ >>"$PIDS"
	mv "$PIDS" "$PIDS.whole"
	wait ;;
*"hack/cluster run . build"*)
	until [ -e "$PIDS.whole" ]; do read -r -t 0.05 _ <> "$PIDS.pipe" || true; done
	exit 7 ;;
esac
`

func TestWhatTestStartsInTheBackgroundEndsWithAPhaseThatFails(t *testing.T) {
	body, err := os.ReadFile(filepath.Join(apitest.Root(t), "hack", "test.sh"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"hack/test.sh": string(body), "hack/host.sh": "#!/bin/sh\n", "bin/go": strings.Replace(goStandIn, "#!/bin/sh", "#!/bin/bash", 1),
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	pids := filepath.Join(dir, "pids")
	if err := syscall.Mkfifo(pids+".pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "hack", "test.sh"))
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "PIDS="+pids)
	// Whoever inherited the output would keep a pipe open; a file ends with the script.
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, 10*time.Second
	err = cmd.Run()
	said, _ := os.ReadFile(log.Name())
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 7 || !strings.Contains(string(said), "build the cluster (failed)") {
		t.Errorf("%v:\n%s", err, said)
	}
	started, err := os.ReadFile(pids + ".whole")
	if err != nil || len(strings.Fields(string(started))) != 2 {
		t.Fatalf("started are %q, %v", started, err)
	}
	for _, pid := range strings.Fields(string(started)) {
		if n, err := strconv.Atoi(pid); err != nil || ends(t, n) != nil {
			t.Errorf("process %s is left", pid)
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// ends waits until a process that was sent a signal is gone; whoever adopted it takes a moment to notice.
func ends(t *testing.T, pid int) error {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); <-tick.C {
		if !alive(pid) {
			return nil
		}
	}
	return errors.New("it stays")
}

// alive is false for a process that is gone, and for one that only waits to be collected.
func alive(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(status), ") ")
	return !strings.HasPrefix(after, "Z")
}
