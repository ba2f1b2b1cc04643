package host_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/hack/image/internal/host"
)

// apt puts a program apt-get on the PATH that knows packages only after an update, and writes down what it was asked.
func apt(t *testing.T) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(dir, "log")
	script := `#!/bin/sh
echo "$@" >> "` + log + `"
case "$*" in
*update*) touch "` + dir + `/lists" ;;
*) test -e "` + dir + `/lists" || { echo "E: Unable to locate package"; exit 100; } ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return log
}

func TestAMachineWithoutListsGetsThemBeforeAPackageIsGivenUp(t *testing.T) {
	log := apt(t)
	if err := host.Ensure(context.Background(), "no-such-program", "first", "second"); os.Geteuid() == 0 && err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	if !strings.HasSuffix(lines[0], "first second") {
		t.Errorf("first call: apt-get %s", lines[0])
	}
	if os.Geteuid() == 0 && (len(lines) != 3 || !strings.HasSuffix(lines[1], "update") || lines[2] != lines[0]) {
		t.Errorf("calls %q, want install, update, install", lines)
	}
}

func TestAProgramThatIsThereIsNotInstalled(t *testing.T) {
	log := apt(t)
	if err := host.Ensure(context.Background(), "sh", "dash"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(log); err == nil {
		t.Error("apt-get was asked for a program that is there")
	}
}

func TestPythonGetsTheModuleThatItLacks(t *testing.T) {
	log := apt(t)
	if err := host.EnsureModule(context.Background(), "sys", "python3-sys"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(log); err == nil {
		t.Error("apt-get was asked for a module that is there")
	}
	if err := host.EnsureModule(context.Background(), "no_such_module", "python3-such"); os.Geteuid() == 0 && err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(body), "python3-such") {
		t.Errorf("apt-get was asked %q: %v", body, err)
	}
}

func TestAFailureEndsWithWhatTheProgramSaid(t *testing.T) {
	err := host.Run(context.Background(), "", "sh", "-c", "echo what is wrong; exit 3")
	if err == nil || !strings.Contains(err.Error(), "what is wrong") {
		t.Errorf("error %v", err)
	}
}
