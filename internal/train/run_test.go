package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
	"github.com/braincreators/tryon-operator/internal/train"
)

// bench is a store, a scratch folder and a task for one stage.
type bench struct {
	t     *testing.T
	store *artefact.Store
	task  task.Train
	log   lockedBuffer
	fetch train.FetchDataset
}

// lockedBuffer is written by the wrapper and by the command's streams at once.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	uri := "file://" + filepath.Join(t.TempDir(), "store")
	store, err := artefact.Create(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{
		t: t, store: store,
		task: task.Train{
			Key: artefact.DigestOf([]byte(t.Name())), Store: uri, Stage: "pf-gen", Digest: artefact.DigestOf([]byte("dataset")),
			Scratch: filepath.Join(t.TempDir(), "scratch"), Nodes: 1, GPUs: 2, Params: map[string]string{"steps": "3"},
		},
		fetch: func(_ context.Context, _ *artefact.Store, _ task.Train, dir string) error {
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "train_pairs.txt"), []byte("a b\n"), 0o644)
		},
	}
}

// run runs a shell script as the training command.
func (b *bench) run(ctx context.Context, script string) report.Envelope {
	return b.runCommand(ctx, 0, "sh", "-eu", "-c", script)
}

func (b *bench) runCommand(ctx context.Context, rank int, command ...string) report.Envelope {
	b.t.Helper()
	e := train.Run(ctx, train.Options{
		Task: b.task, Command: command, Rank: rank, Fetch: b.fetch, Out: io.Discard, Err: &b.log,
		Grace: 5 * time.Second, Interval: 5 * time.Millisecond,
	})
	if body, err := e.Encode(); err != nil {
		b.t.Errorf("the envelope does not encode: %v", err)
	} else if _, err := report.Decode(string(body)); err != nil {
		b.t.Errorf("the envelope does not decode: %v", err)
	}
	return e
}

func (b *bench) summary(e report.Envelope) report.StageSummary {
	b.t.Helper()
	if e.Verdict != report.Passed {
		b.t.Fatalf("verdict %s (%s): %s\n%s", e.Verdict, e.Reason, e.Message, &b.log)
	}
	var s report.StageSummary
	if err := e.Into(report.KindStage, &s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) output(digest string) map[string]string {
	b.t.Helper()
	dir := filepath.Join(b.t.TempDir(), "out")
	tree, err := b.store.GetTree(b.t.Context(), digest, dir, artefact.Limits{})
	if err != nil {
		b.t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range tree.Files {
		body, err := os.ReadFile(filepath.Join(dir, f.Path))
		if err != nil {
			b.t.Fatal(err)
		}
		files[f.Path] = string(body)
	}
	return files
}

func (b *bench) parent(stage, body string) task.Parent {
	b.t.Helper()
	dir := b.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "weights.npz"), []byte(body), 0o644); err != nil {
		b.t.Fatal(err)
	}
	tree, err := b.store.PutTree(b.t.Context(), dir)
	if err != nil {
		b.t.Fatal(err)
	}
	return task.Parent{Stage: stage, Weights: tree.Digest}
}

func (b *bench) checkpoints() []string {
	b.t.Helper()
	digits, err := artefact.Hex(b.task.Key)
	if err != nil {
		b.t.Fatal(err)
	}
	names, err := b.store.ListDocuments(b.t.Context(), "stages/"+digits+"/checkpoints")
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range names {
		names[i] = filepath.Base(names[i])
	}
	return names
}

// checkpointAt is shell for a complete checkpoint of a step.
func checkpointAt(step int) string {
	return fmt.Sprintf(`mkdir "$TRYON_CHECKPOINT_DIR/.tmp" && echo state-%[1]d > "$TRYON_CHECKPOINT_DIR/.tmp/state" && `+
		`mv "$TRYON_CHECKPOINT_DIR/.tmp" "$TRYON_CHECKPOINT_DIR/step-%012[1]d"; `, step)
}

func progressAt(step int, metrics string) string {
	return fmt.Sprintf(`echo '{"step":%d,"totalSteps":3,"epoch":1,"metrics":{%s}}' >> "$TRYON_PROGRESS"; `, step, metrics)
}

func TestAStageThatEndsWellIsPublished(t *testing.T) {
	b := newBench(t)
	b.task.Init = []task.Parent{b.parent("pf-warp", "warp weights")}
	b.task.Freeze = []task.Parent{b.parent("pb-gen", "teacher weights")}
	t.Setenv(task.Env, "{}")
	t.Setenv(task.EnvStore+"AWS_SECRET_ACCESS_KEY", "the store's")
	t.Setenv(task.EnvSource+"AWS_SECRET_ACCESS_KEY", "the dataset's")
	e := b.run(t.Context(), progressAt(3, `"loss":0.25,"warp_area_ratio":0.9`)+`
		cat "$TRYON_DATASET_DIR/train_pairs.txt" "$TRYON_INIT_DIR/pf-warp/weights.npz" "$TRYON_FREEZE_DIR/pb-gen/weights.npz" > "$TRYON_OUTPUT_DIR/seen"
		printf %s "$TRYON_PARAMS" > "$TRYON_OUTPUT_DIR/params"
		env | grep -c -e '^TRYON_TASK=' -e '^TRYON_STORE_' -e '^TRYON_SOURCE_' > "$TRYON_OUTPUT_DIR/secrets" || true
		test -w "$TMPDIR" && test -w "$HOME"`)
	s := b.summary(e)
	want := map[string]string{"seen": "a b\nwarp weightsteacher weights", "params": `{"steps":"3"}`, "secrets": "0\n"}
	if diff := cmp.Diff(want, b.output(s.Weights)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if s.Steps != 3 || s.Skipped || s.Metrics["loss"] != 0.25 || s.Metrics["warp_area_ratio"] != 0.9 {
		t.Errorf("summary %+v", s)
	}
	digits, _ := artefact.Hex(b.task.Key)
	body, err := b.store.ReadDocument(t.Context(), "stages/"+digits+"/stage.json", 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if e.Report == nil || e.Report.Digest != artefact.DigestOf(body) {
		t.Errorf("the envelope refers to %+v, the document has digest %s", e.Report, artefact.DigestOf(body))
	}
}

func TestAFinishedStageIsSkippedWithoutRunning(t *testing.T) {
	b := newBench(t)
	first := b.summary(b.run(t.Context(), `echo w > "$TRYON_OUTPUT_DIR/weights.npz"`))
	again := b.run(t.Context(), `exit 9`)
	s := b.summary(again)
	first.Skipped = true
	if diff := cmp.Diff(first, s); diff != "" {
		t.Errorf("summary (-first +again):\n%s", diff)
	}
	if again.Report == nil {
		t.Error("a skipped stage refers to no document")
	}
}

func TestAFinishedStageWithDamagedOutputIsTrainedAgain(t *testing.T) {
	b := newBench(t)
	first := b.summary(b.run(t.Context(), `echo w > "$TRYON_OUTPUT_DIR/weights.npz"`))
	tree, err := b.store.ReadTree(t.Context(), first.Weights, artefact.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	blob := filepath.Join(strings.TrimPrefix(b.task.Store, "file://"), "blobs", "sha256", tree.Files[0].SHA256)
	if err := os.WriteFile(blob, []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := b.summary(b.run(t.Context(), `echo w > "$TRYON_OUTPUT_DIR/weights.npz"`))
	if s.Skipped || s.Weights != first.Weights {
		t.Errorf("summary %+v, want the same weights trained again", s)
	}
	if got := b.output(s.Weights)["weights.npz"]; got != "w\n" {
		t.Errorf("output %q", got)
	}
}

func TestEndsThatAreNoSuccess(t *testing.T) {
	limit := 2.0
	cases := map[string]struct {
		script  string
		verdict report.Verdict
		reason  string
		message string
	}{
		"no output":      {`true`, report.Failed, train.ReasonNoOutput, "TRYON_OUTPUT_DIR"},
		"an empty file":  {`: > "$TRYON_OUTPUT_DIR/weights.npz"`, report.Failed, train.ReasonNoOutput, "TRYON_OUTPUT_DIR"},
		"a link":         {`ln -s /etc/hostname "$TRYON_OUTPUT_DIR/weights.npz"`, report.Failed, train.ReasonBadOutput, "unsafe path"},
		"a crash":        {`echo epoch 1; echo 'RuntimeError: CUDA out of memory' >&2; exit 3`, report.Errored, train.ReasonCommandFailed, "exit status 3"},
		"wrong params":   {`echo "unknown parameter 'stpes'" >&2; exit 2`, report.Failed, train.ReasonParamsRefused, "params: unknown parameter 'stpes'"},
		"2, but later":   {progressAt(3, `"loss":1`) + `exit 2`, report.Errored, train.ReasonCommandFailed, "exit status 2"},
		"its last words": {`i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo 'Fatal: boom'; exit 1`, report.Errored, train.ReasonCommandFailed, "Fatal: boom"},
		"a signal":       {`kill -KILL $$`, report.Errored, train.ReasonCommandFailed, "killed"},
		"binary noise":   {`head -c 5000 /dev/zero | tr '\0' '\1'; printf '\377\376<\033[31m'; exit 1`, report.Errored, train.ReasonCommandFailed, "exit status 1"},
		"NaN loss":       {progressAt(1, `"loss":0.5`) + progressAt(2, `"loss":NaN`) + `sleep 60`, report.Failed, train.ReasonNonFiniteLoss, "loss is NaN at step 2"},
		"infinite loss":  {progressAt(2, `"warp_loss":-Infinity`) + `sleep 60`, report.Failed, train.ReasonNonFiniteLoss, "-Inf"},
		"overflow":       {progressAt(2, `"loss":1e999`) + `sleep 60`, report.Failed, train.ReasonNonFiniteLoss, "+Inf"},
		"null loss":      {progressAt(2, `"loss":null`) + `sleep 60`, report.Failed, train.ReasonNonFiniteLoss, "NaN"},
		"exit 0 with NaN loss": {
			progressAt(3, `"loss":NaN`) + `echo w > "$TRYON_OUTPUT_DIR/w"`, report.Failed, train.ReasonNonFiniteLoss, "NaN",
		},
		"out of bounds": {progressAt(20, `"warp_area_ratio":2.5`) + `sleep 60`, report.Failed, train.ReasonMetricOutOfBounds, "2.5 at step 20, outside ∞..2"},
		"NaN metric":    {progressAt(20, `"warp_area_ratio":NaN`) + `sleep 60`, report.Failed, train.ReasonMetricOutOfBounds, "NaN"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.task.Health = []task.HealthCheck{{Metric: "warp_area_ratio", Max: &limit, AfterStep: 10}}
			e := b.run(t.Context(), c.script)
			if e.Verdict != c.verdict || e.Reason != c.reason || !strings.Contains(e.Message, c.message) {
				t.Errorf("verdict %s (%s): %s\nwant %s (%s) with %q", e.Verdict, e.Reason, e.Message, c.verdict, c.reason, c.message)
			}
			digits, _ := artefact.Hex(b.task.Key)
			if _, err := b.store.ReadDocument(t.Context(), "stages/"+digits+"/stage.json", 1<<20); err == nil {
				t.Error("a stage that did not pass has a document")
			}
		})
	}
}

func TestABoundBeforeItsFirstStepDoesNotStopTheStage(t *testing.T) {
	b := newBench(t)
	limit := 2.0
	b.task.Health = []task.HealthCheck{{Metric: "warp_area_ratio", Max: &limit, AfterStep: 10}}
	b.summary(b.run(t.Context(), progressAt(9, `"warp_area_ratio":9,"psnr":Infinity`)+`echo w > "$TRYON_OUTPUT_DIR/w"`))
}

func TestACommandThatDoesNotExistIsAnError(t *testing.T) {
	b := newBench(t)
	if e := b.runCommand(t.Context(), 0, "/no/such/python"); e.Verdict != report.Errored || e.Reason != train.ReasonCommandNotStarted {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}

func TestATerminatedStageResumesFromItsNewestCheckpoint(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	marker := filepath.Join(t.TempDir(), "training")
	go whenThere(t, marker, cancel)
	// The command saves on SIGTERM, as the contract allows; that checkpoint must reach the store too.
	e := b.run(ctx, `trap '`+checkpointAt(40)+`exit 143' TERM; `+progressAt(30, `"loss":1`)+checkpointAt(30)+`: > `+marker+`; sleep 60 & wait`)
	if e.Verdict != report.Errored || e.Reason != train.ReasonTerminated {
		t.Fatalf("verdict %s (%s): %s\n%s", e.Verdict, e.Reason, e.Message, &b.log)
	}
	if got := b.checkpoints(); len(got) == 0 || got[len(got)-1] != "000000000040.json" {
		t.Fatalf("checkpoints %v, want the one made on SIGTERM", got)
	}
	s := b.summary(b.run(t.Context(), `cat "$TRYON_CHECKPOINT_DIR"/step-*/state > "$TRYON_OUTPUT_DIR/weights"`))
	if got := b.output(s.Weights)["weights"]; got != "state-40\n" || s.ResumedFrom != 40 {
		t.Errorf("resumed from %q, step %d, want state-40", got, s.ResumedFrom)
	}
	if got := b.checkpoints(); len(got) != 0 {
		t.Errorf("a finished stage still has checkpoints: %v", got)
	}
}

func TestADamagedCheckpointIsPassedOver(t *testing.T) {
	b := newBench(t)
	b.run(t.Context(), checkpointAt(10)+`while [ ! -e `+b.storedCheckpoint(10)+` ]; do sleep 0.01; done; `+checkpointAt(20)+`exit 1`)
	if diff := cmp.Diff([]string{"000000000010.json", "000000000020.json"}, b.checkpoints()); diff != "" {
		t.Fatalf("checkpoints (-want +got):\n%s\n%s", diff, &b.log)
	}
	blob := filepath.Join(filepath.Dir(b.storedCheckpoint(20)), "blobs", "sha256", artefact.DigestOf([]byte("state-20\n"))[7:])
	if err := os.Truncate(blob, 4); err != nil {
		t.Fatal(err)
	}
	s := b.summary(b.run(t.Context(), `cat "$TRYON_CHECKPOINT_DIR"/step-*/state > "$TRYON_OUTPUT_DIR/weights"`))
	if got := b.output(s.Weights)["weights"]; got != "state-10\n" || s.ResumedFrom != 10 {
		t.Errorf("resumed from %q, step %d, want state-10", got, s.ResumedFrom)
	}
	if !strings.Contains(b.log.String(), "passing over a damaged checkpoint") {
		t.Errorf("log says nothing about the damaged checkpoint:\n%s", &b.log)
	}
}

func TestOnlyTheTwoNewestCheckpointsAreKept(t *testing.T) {
	b := newBench(t)
	script := ""
	for step := 10; step <= 40; step += 10 {
		script += checkpointAt(step) + `while [ ! -e ` + b.storedCheckpoint(step) + ` ]; do sleep 0.01; done; `
	}
	b.run(t.Context(), script+`exit 1`)
	if diff := cmp.Diff([]string{"000000000030.json", "000000000040.json"}, b.checkpoints()); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s\n%s", diff, &b.log)
	}
}

// kept gives what the checkpoints' blobs in the store hold, without the manifests.
func (b *bench) kept() []string {
	b.t.Helper()
	var bodies []string
	entries, err := os.ReadDir(filepath.Join(filepath.Dir(b.storedCheckpoint(0)), "blobs", "sha256"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	for _, entry := range entries {
		body, err := os.ReadFile(filepath.Join(filepath.Dir(b.storedCheckpoint(0)), "blobs", "sha256", entry.Name()))
		if err != nil {
			b.t.Fatal(err)
		}
		if !bytes.Contains(body, []byte("tryon.tree/v1")) {
			bodies = append(bodies, string(body))
		}
	}
	slices.Sort(bodies)
	return bodies
}

func TestTheBytesOfForgottenCheckpointsGoAndSharedOnesStay(t *testing.T) {
	b := newBench(t)
	parent := b.parent("pb-gen", "teacher weights")
	b.task.Freeze = []task.Parent{parent}
	script := ""
	for step := 10; step <= 40; step += 10 {
		script += fmt.Sprintf(`mkdir "$TRYON_CHECKPOINT_DIR/.tmp"; cp "$TRYON_FREEZE_DIR/pb-gen/weights.npz" "$TRYON_CHECKPOINT_DIR/.tmp/teacher"; `+
			`echo state-%[1]d > "$TRYON_CHECKPOINT_DIR/.tmp/state"; mv "$TRYON_CHECKPOINT_DIR/.tmp" "$TRYON_CHECKPOINT_DIR/step-%012[1]d"; `, step) +
			`while [ ! -e ` + b.storedCheckpoint(step) + ` ]; do sleep 0.01; done; `
	}
	b.run(t.Context(), script+`exit 1`)
	if diff := cmp.Diff([]string{"state-30\n", "state-40\n", "teacher weights"}, b.kept()); diff != "" {
		t.Errorf("after a crash (-want +got):\n%s\n%s", diff, &b.log)
	}
	s := b.summary(b.run(t.Context(), `cat "$TRYON_CHECKPOINT_DIR"/step-*/state > "$TRYON_OUTPUT_DIR/weights"`))
	if s.ResumedFrom != 40 {
		t.Errorf("resumed from %d, want 40", s.ResumedFrom)
	}
	if left := b.kept(); len(left) > 0 {
		t.Errorf("a finished stage has left %q", left)
	}
	if err := b.store.VerifyTree(t.Context(), parent.Weights, artefact.Limits{}); err != nil {
		t.Errorf("the parent has lost bytes that a checkpoint had as well: %v", err)
	}
	if got := b.output(s.Weights)["weights"]; got != "state-40\n" {
		t.Errorf("the output has lost bytes that a checkpoint had as well: %q", got)
	}
}

func TestCheckpointsThatAKilledPodLeftBehindGoWhenItsStageIsFoundDone(t *testing.T) {
	b := newBench(t)
	b.run(t.Context(), checkpointAt(10)+`while [ ! -e `+b.storedCheckpoint(10)+` ]; do sleep 0.01; done; exit 1`)
	folder := filepath.Dir(b.storedCheckpoint(10))
	aside := filepath.Join(t.TempDir(), "checkpoints")
	if err := os.CopyFS(aside, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	b.summary(b.run(t.Context(), `echo w > "$TRYON_OUTPUT_DIR/w"`))
	if err := os.CopyFS(folder, os.DirFS(aside)); err != nil {
		t.Fatal(err)
	}
	if len(b.checkpoints()) != 1 || len(b.kept()) != 1 {
		t.Fatal("this test has no checkpoint to look for")
	}
	if s := b.summary(b.run(t.Context(), `exit 1`)); !s.Skipped {
		t.Error("the stage was trained again")
	}
	if names, bodies := b.checkpoints(), b.kept(); len(names) > 0 || len(bodies) > 0 {
		t.Errorf("left: %v %q", names, bodies)
	}
}

func TestTheFirstResultOfAStageThatTwoTrainStays(t *testing.T) {
	b := newBench(t)
	begun, release := filepath.Join(t.TempDir(), "begun"), filepath.Join(t.TempDir(), "release")
	slow := make(chan report.Envelope, 1)
	other := &bench{t: t, store: b.store, task: b.task, fetch: b.fetch}
	other.task.Scratch = filepath.Join(t.TempDir(), "scratch")
	go func() {
		slow <- b.run(t.Context(), `: > `+begun+`; while [ ! -e `+release+` ]; do sleep 0.01; done; echo second > "$TRYON_OUTPUT_DIR/w"`)
	}()
	whenThere(t, begun, func() {})
	first := b.summary(other.run(t.Context(), `echo first > "$TRYON_OUTPUT_DIR/w"`))
	if err := os.WriteFile(release, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if second := b.summary(<-slow); second.Weights != first.Weights {
		t.Errorf("the second result replaced the first")
	}
	if got := b.output(first.Weights)["w"]; got != "first\n" {
		t.Errorf("output %q", got)
	}
}

func TestOnlyCheckpointsAreTakenForCheckpoints(t *testing.T) {
	digits := strings.Repeat("ab", 32)
	for name, want := range map[string]bool{
		"stages/" + digits + "/checkpoints/000000000010.json":   true,
		"stages/" + digits + "/stage.json":                      false,
		"stages/" + digits + "/checkpoints/10.json":             false,
		"x/stages/" + digits + "/checkpoints/000000000010.json": false,
	} {
		if got := train.IsCheckpoint(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}

func TestCheckpointsMadeAfterTheLastHealthyStepAreDiscarded(t *testing.T) {
	b := newBench(t)
	b.run(t.Context(), progressAt(10, `"loss":1`)+checkpointAt(10)+`while [ ! -e `+b.storedCheckpoint(10)+` ]; do sleep 0.01; done; `+
		checkpointAt(20)+`while [ ! -e `+b.storedCheckpoint(20)+` ]; do sleep 0.01; done; `+progressAt(20, `"loss":NaN`)+`sleep 60`)
	if diff := cmp.Diff([]string{"000000000010.json"}, b.checkpoints()); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s\n%s", diff, &b.log)
	}
}

func TestOtherRanksRunAndUploadNothing(t *testing.T) {
	b := newBench(t)
	b.task.Nodes = 2
	e := b.runCommand(t.Context(), 1, "sh", "-c", checkpointAt(10)+`echo w > "$TRYON_OUTPUT_DIR/w"`)
	if e.Verdict != report.Passed || e.Summary != nil || e.Report != nil {
		t.Errorf("envelope %+v", e)
	}
	if got := b.checkpoints(); len(got) != 0 {
		t.Errorf("rank 1 uploaded %v", got)
	}
}

func TestTasksThatMakeNoSenseAreRefused(t *testing.T) {
	digest := artefact.DigestOf(nil)
	cases := map[string]func(*task.Train){
		"key":            func(t *task.Train) { t.Key = "sha256:12" },
		"stage":          func(t *task.Train) { t.Stage = "../up" },
		"parent stage":   func(t *task.Train) { t.Init = []task.Parent{{Stage: "a/b", Weights: digest}} },
		"parent digest":  func(t *task.Train) { t.Freeze = []task.Parent{{Stage: "a", Weights: "md5:1"}} },
		"negative nodes": func(t *task.Train) { t.Nodes = -1 },
	}
	for name, spoil := range cases {
		b := newBench(t)
		spoil(&b.task)
		if e := b.run(t.Context(), `exit 0`); e.Verdict != report.Errored || e.Reason != train.ReasonBadTask {
			t.Errorf("%s: verdict %s (%s): %s", name, e.Verdict, e.Reason, e.Message)
		}
	}
}

func TestMissingInputsAreErrorsAndNotBadResults(t *testing.T) {
	b := newBench(t)
	b.task.Init = []task.Parent{{Stage: "pf-warp", Weights: artefact.DigestOf([]byte("never stored"))}}
	if e := b.run(t.Context(), `exit 0`); e.Verdict != report.Errored || e.Reason != train.ReasonParentUnavailable {
		t.Errorf("missing parent: verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	b = newBench(t)
	b.fetch = func(context.Context, *artefact.Store, task.Train, string) error { return artefact.ErrDigestMismatch }
	if e := b.run(t.Context(), `exit 0`); e.Verdict != report.Errored || e.Reason != train.ReasonDatasetUnavailable {
		t.Errorf("bad dataset: verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}

func TestProgressIsServedWhileTheCommandRuns(t *testing.T) {
	b := newBench(t)
	b.task.ProgressAddress = freeAddress(t)
	release := filepath.Join(t.TempDir(), "release")
	ended := make(chan report.Envelope, 1)
	go func() {
		ended <- b.run(t.Context(), progressAt(2, `"loss":0.5`)+`while [ ! -e `+release+` ]; do sleep 0.01; done; echo w > "$TRYON_OUTPUT_DIR/w"`)
	}()
	var got train.Progress
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); got.Step != 2 && time.Now().Before(deadline); <-tick.C {
		resp, err := http.Get("http://" + b.task.ProgressAddress + "/progress")
		if err != nil {
			continue
		}
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		_ = resp.Body.Close()
	}
	if got.Schema != "tryon.progress/v1" || got.Phase != "Training" || got.TotalSteps != 3 || got.Epoch != 1 || got.Metrics["loss"] != 0.5 {
		t.Errorf("progress %+v", got)
	}
	if err := os.WriteFile(release, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b.summary(<-ended)
}

// storedCheckpoint is the file of a checkpoint's document in the store.
func (b *bench) storedCheckpoint(step int) string {
	digits, _ := artefact.Hex(b.task.Key)
	return filepath.Join(strings.TrimPrefix(b.task.Store, "file://"), "stages", digits, "checkpoints", fmt.Sprintf("%012d.json", step))
}

func whenThere(t *testing.T, path string, do func()) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if _, err := os.Stat(path); err == nil {
			do()
			return
		}
	}
	t.Error("the command never came so far")
	do()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
