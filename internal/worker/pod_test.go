package worker

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// call runs a subcommand as the binary would.
func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = dispatch(t.Context(), args, Streams{Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// lastWords runs a subcommand on a task as a pod would, and reads what it leaves for the operator.
func lastWords(t *testing.T, command string, of any, want int) report.Envelope {
	t.Helper()
	body, err := task.Encode(of)
	if err != nil {
		t.Fatal(err)
	}
	words := filepath.Join(t.TempDir(), "termination-log")
	t.Setenv(task.Env, body)
	t.Setenv(terminationLogEnv, words)
	if code, out, problem := call(t, command); code != want {
		t.Fatalf("exit %d: %s%s", code, out, problem)
	}
	said, err := os.ReadFile(words)
	if err != nil {
		t.Fatal(err)
	}
	e, err := report.Decode(string(said))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func storedTree(t *testing.T) (uri, digest string) {
	t.Helper()
	uri = "file://" + filepath.Join(t.TempDir(), "store")
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), []byte("weights"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := store.PutTree(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return uri, tree.Digest
}

func TestPullTakesFlagsOrATask(t *testing.T) {
	uri, digest := storedTree(t)
	fromTask, err := task.Encode(task.Pull{Store: uri, Digest: digest, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(task.Env, fromTask)
	if code, out, problem := call(t, "pull"); code != exitDone || !strings.Contains(out, "pulled 1 files, 7 bytes") {
		t.Errorf("from the environment: exit %d, %s%s", code, out, problem)
	}
	dir := filepath.Join(t.TempDir(), "w")
	if code, _, problem := call(t, "pull", "--store", uri, "--digest", digest, "--dir", dir); code != exitDone {
		t.Errorf("from flags: exit %d, %s", code, problem)
	}
	if body, err := os.ReadFile(filepath.Join(dir, "model.onnx")); err != nil || string(body) != "weights" {
		t.Errorf("pulled %q, %v", body, err)
	}
}

func TestAFailedPullSaysWhyInTheTerminationLog(t *testing.T) {
	uri, _ := storedTree(t)
	log := filepath.Join(t.TempDir(), "log")
	t.Setenv(terminationLogEnv, log)
	code, _, _ := call(t, "pull", "--store", uri, "--digest", artefact.DigestOf([]byte("other")), "--dir", filepath.Join(t.TempDir(), "w"))
	body, err := os.ReadFile(log)
	if code != exitErrored || err != nil || !strings.Contains(string(body), "not found") {
		t.Errorf("exit %d, log %q, %v", code, body, err)
	}
	if code, _, _ := call(t, "pull", "--store", uri); code != exitUsage {
		t.Errorf("without a digest: exit %d", code)
	}
}

func TestInstallCopiesAProgramThatRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bin")
	if code, _, problem := call(t, "install", dir); code != exitDone {
		t.Fatalf("exit %d: %s", code, problem)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != installedName {
		t.Fatalf("folder holds %v, %v", entries, err)
	}
	info, err := entries[0].Info()
	self, selfErr := os.Executable()
	if err != nil || selfErr != nil {
		t.Fatal(err, selfErr)
	}
	original, err := os.Stat(self)
	if err != nil || info.Mode().Perm() != 0o755 || info.Size() != original.Size() {
		t.Errorf("copy is %v, %d bytes; original %d bytes, %v", info.Mode(), info.Size(), original.Size(), err)
	}
	if code, _, _ := call(t, "install"); code != exitUsage {
		t.Errorf("without a folder: exit %d", code)
	}
}

func TestATaskThatIsNotUnderstoodIsAnError(t *testing.T) {
	for _, command := range []string{"train", "publish", "evaluate"} {
		for name, body := range map[string]string{"nothing": "", "unknown field": `{"frobnicate":1}`, "trailing": `{}{}`, "no JSON": `key: x`} {
			log := filepath.Join(t.TempDir(), "log")
			t.Setenv(terminationLogEnv, log)
			t.Setenv(task.Env, body)
			code, _, _ := call(t, command)
			message, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			e, err := report.Decode(string(message))
			if code != exitErrored || err != nil || e.Verdict != report.Errored || e.Reason != "BadTask" {
				t.Errorf("%s with %s: exit %d, envelope %+v, %v", command, name, code, e, err)
			}
		}
	}
}

// stageTask draws and pins a dataset, and writes the task of a stage on it.
func stageTask(t *testing.T) (file string) {
	t.Helper()
	base := t.TempDir()
	data, uri := filepath.Join(base, "data"), "file://"+filepath.Join(base, "store")
	if code, _, problem := call(t, "synth", "--out", data, "--train", "2", "--test", "2", "--height", "64", "--width", "48", "--workers", "1"); code != exitDone {
		t.Fatalf("synth: exit %d: %s", code, problem)
	}
	digest := pinned(t, uri, "file://"+data)
	body, err := json.Marshal(task.Train{
		Key: artefact.DigestOf([]byte("key")), Store: uri, Stage: "pb-warp", Source: task.Source{URI: "file://" + data, Layout: "VITONHD"}, Digest: digest,
		Nodes: 1, Scratch: filepath.Join(base, "scratch"),
	})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(base, "task.json")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// A pod that is taken away gets SIGTERM; its Job tells that from a failure by the exit code.
func TestTrainThatIsAskedToEndSaysSoByItsExitCode(t *testing.T) {
	if task := os.Getenv("TRYON_TEST_TASK"); task != "" {
		ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGTERM)
		defer stop()
		os.Exit(Main(ctx, []string{"train", "--task", task, "--", "sh", "-c", `: > "$TRYON_TEST_STARTED"; sleep 60 & wait`}))
	}
	started := filepath.Join(t.TempDir(), "started")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "TRYON_TEST_TASK="+stageTask(t), "TRYON_TEST_STARTED="+started, terminationLogEnv+"="+started+".log")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, started)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _ = cmd.Wait(); cmd.ProcessState.ExitCode() != report.ExitTerminated {
		t.Errorf("%s, want exit code %d", cmd.ProcessState, report.ExitTerminated)
	}
}

// awaitFile waits for a file that another process makes.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		select {
		case <-watcher.Events:
		case <-time.After(time.Minute):
			t.Fatalf("%s was not made in time", path)
		}
	}
}

func TestTrainRunsTheCommandOnAPinnedDataset(t *testing.T) {
	file, log := stageTask(t), filepath.Join(t.TempDir(), "log")
	t.Setenv(terminationLogEnv, log)
	code, _, problem := call(t, "train", "--task", file, "--", "sh", "-c", `cp "$TRYON_DATASET_DIR/train_pairs.txt" "$TRYON_OUTPUT_DIR/"`)
	message, err := os.ReadFile(log)
	if code != exitDone || err != nil {
		t.Fatalf("exit %d, %v: %s\n%s", code, err, problem, message)
	}
	e, err := report.Decode(string(message))
	if err != nil || e.Verdict != report.Passed || e.Kind != report.KindStage {
		t.Errorf("envelope %+v, %v", e, err)
	}
}

func TestTheRankComesFromTheFirstVariableThatIsSet(t *testing.T) {
	cases := map[string]struct {
		env  map[string]string
		want int
		bad  bool
	}{
		"alone":        {map[string]string{}, 0, false},
		"PyTorchJob":   {map[string]string{"RANK": "2", "JOB_COMPLETION_INDEX": "0"}, 2, false},
		"indexed Job":  {map[string]string{"JOB_COMPLETION_INDEX": "3"}, 3, false},
		"Trainer v2":   {map[string]string{"PET_NODE_RANK": "1"}, 1, false},
		"no number":    {map[string]string{"RANK": "first"}, 0, true},
		"negative":     {map[string]string{"RANK": "-1"}, 0, true},
		"empty is not": {map[string]string{"RANK": ""}, 0, false},
	}
	for name, c := range cases {
		got, err := rankFrom(func(key string) (string, bool) { v, ok := c.env[key]; return v, ok })
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

// pinned pins a dataset and gives its digest.
func pinned(t *testing.T, store, source string) string {
	t.Helper()
	s, err := artefact.Create(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	p, err := dataset.Pin(t.Context(), s, dataset.PinOptions{URI: source, Layout: dataset.LayoutVITONHD})
	if err != nil {
		t.Fatal(err)
	}
	return p.Digest
}
