package train_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
	"github.com/braincreators/tryon-operator/internal/train"
)

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

func TestTheCheckpointThatAnUnhealthyAttemptResumedFromStays(t *testing.T) {
	b := newBench(t)
	b.run(t.Context(), progressAt(10, `"loss":1`)+checkpointAt(10)+`while [ ! -e `+b.storedCheckpoint(10)+` ]; do sleep 0.01; done; exit 1`)
	e := b.run(t.Context(), checkpointAt(20)+`while [ ! -e `+b.storedCheckpoint(20)+` ]; do sleep 0.01; done; `+progressAt(20, `"loss":NaN`)+`exit 1`)
	if e.Verdict != report.Failed || e.Reason != train.ReasonNonFiniteLoss {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
	if diff := cmp.Diff([]string{"000000000010.json"}, b.checkpoints()); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s\n%s", diff, &b.log)
	}
}

func TestOtherRanksGoOnFromTheCheckpointOfRank0(t *testing.T) {
	b := newBench(t)
	b.task.Nodes = 2
	b.run(t.Context(), checkpointAt(10)+`while [ ! -e `+b.storedCheckpoint(10)+` ]; do sleep 0.01; done; `+checkpointAt(20)+`exit 1`)
	late := filepath.Join(t.TempDir(), "late.json")
	if err := os.Rename(b.storedCheckpoint(20), late); err != nil {
		t.Fatal(err)
	}
	first := b.rank(0)
	release, resumed := filepath.Join(t.TempDir(), "release"), filepath.Join(t.TempDir(), "resumed")
	ended := make(chan report.Envelope, 1)
	go func() {
		ended <- first.runCommand(t.Context(), 0, "sh", "-c", `: > `+resumed+`; while [ ! -e `+release+` ]; do sleep 0.01; done; echo w > "$TRYON_OUTPUT_DIR/w"`)
	}()
	whenThere(t, resumed, func() {})
	// The pod of the attempt before uploads its last checkpoint only now.
	if err := os.Rename(late, b.storedCheckpoint(20)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MASTER_ADDR", "127.0.0.1")
	second, seen := b.rank(1), filepath.Join(t.TempDir(), "seen")
	_, port, _ := net.SplitHostPort(first.task.ProgressAddress)
	second.task.ProgressAddress = net.JoinHostPort("127.0.0.2", port)
	e := second.runCommand(t.Context(), 1, "sh", "-c", `cat "$TRYON_CHECKPOINT_DIR"/step-*/state > `+seen)
	if err := os.WriteFile(release, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if body, err := os.ReadFile(seen); e.Verdict != report.Passed || string(body) != "state-10\n" {
		t.Errorf("rank 1 went on from %q: %v; verdict %s (%s): %s", body, err, e.Verdict, e.Reason, e.Message)
	}
	if s := b.summary(<-ended); s.ResumedFrom != 10 {
		t.Errorf("rank 0 went on from %d", s.ResumedFrom)
	}
}

func TestARankThatCannotRestoreTheCheckpointOfRank0DoesNotRun(t *testing.T) {
	b := newBench(t)
	b.task.Nodes = 2
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"schema":"tryon.progress/v1","phase":"Training","resumedFrom":10}`)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	t.Setenv("MASTER_ADDR", "127.0.0.1")
	second := b.rank(1)
	second.task.ProgressAddress = net.JoinHostPort("127.0.0.2", port)
	e := second.runCommand(t.Context(), 1, "sh", "-c", `exit 0`)
	if e.Verdict != report.Errored || e.Reason != train.ReasonStoreUnavailable || !strings.Contains(e.Message, "step 10") {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}

func TestARankThatIsAskedToStopWaitsNoLongerForRank0(t *testing.T) {
	b := newBench(t)
	b.task.Nodes = 2
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		_, _ = io.WriteString(w, `{"schema":"tryon.progress/v1","phase":"Fetching"}`)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	t.Setenv("MASTER_ADDR", "127.0.0.1")
	second := b.rank(1)
	second.task.ProgressAddress = net.JoinHostPort("127.0.0.2", port)
	if e := second.runCommand(ctx, 1, "sh", "-c", `exit 0`); e.Verdict != report.Errored || e.Reason != train.ReasonTerminated {
		t.Errorf("verdict %s (%s): %s", e.Verdict, e.Reason, e.Message)
	}
}
