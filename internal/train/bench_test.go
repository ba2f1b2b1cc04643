package train_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// rank is one node of the bench's task, with a scratch folder and a progress port of its own.
func (b *bench) rank(rank int) *bench {
	b.t.Helper()
	other := &bench{t: b.t, store: b.store, task: b.task, fetch: b.fetch}
	other.task.Scratch = filepath.Join(b.t.TempDir(), fmt.Sprintf("scratch-%d", rank))
	other.task.ProgressAddress = freeAddress(b.t)
	return other
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
