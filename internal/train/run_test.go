package train_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
	"github.com/braincreators/tryon-operator/internal/train"
)

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

func TestARankThatStopsBecauseRank0DoesLeavesTheVerdictToIt(t *testing.T) {
	b := newBench(t)
	b.task.Nodes = 2
	cases := map[string]struct {
		rank    int
		script  string
		verdict report.Verdict
	}{
		"another rank stops with it": {1, `exit 143`, report.Passed},
		"another rank crashes":       {1, `exit 1`, report.Errored},
		"rank 0 stops unasked":       {0, `exit 143`, report.Errored},
	}
	for name, c := range cases {
		if e := b.runCommand(t.Context(), c.rank, "sh", "-c", c.script); e.Verdict != c.verdict || e.Report != nil {
			t.Errorf("%s: verdict %s (%s), want %s: %s", name, e.Verdict, e.Reason, c.verdict, e.Message)
		}
	}
	digits, _ := artefact.Hex(b.task.Key)
	if _, err := b.store.ReadDocument(t.Context(), "stages/"+digits+"/stage.json", 1<<20); err == nil {
		t.Error("a stage that nobody finished has a document")
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
