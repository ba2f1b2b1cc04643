package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/braincreators/tryon-operator/internal/artefact"
)

// keptCheckpoints is how many checkpoints the store keeps: the newest, and one in case that one turns out bad.
const keptCheckpoints = 2

// stepFolder is the name of a complete checkpoint's folder; the command makes it by renaming.
var stepFolder = regexp.MustCompile(`^step-([0-9]{12})$`)

func stepDir(folder string, step int64) string {
	return filepath.Join(folder, fmt.Sprintf("step-%012d", step))
}

// restore lays out the newest usable checkpoint of earlier attempts; other ranks than 0 that of rank 0.
func (s *session) restore(ctx context.Context) error {
	leader := s.leader()
	if leader == "" {
		return s.restoreNewest(ctx, func(string) bool { return true })
	}
	step, err := s.follow(ctx, leader)
	if err == nil {
		err = s.restoreNewest(ctx, func(name string) bool { return name == checkpointName(step) })
	}
	if err == nil && s.resumed != step {
		err = errored(ReasonStoreUnavailable, fmt.Errorf("rank 0 goes on from step %d, whose checkpoint cannot be restored here", step))
	}
	return err
}

// restoreNewest lays out the newest usable one of some checkpoints. Damaged ones are passed over; a store that does not
// answer is an error, because starting over would throw hours away.
func (s *session) restoreNewest(ctx context.Context, among func(name string) bool) error {
	names, err := s.kept.ListDocuments(ctx, "")
	if err != nil {
		return errored(ReasonStoreUnavailable, fmt.Errorf("listing checkpoints: %w", err))
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !among(name) })
	for _, name := range slices.Backward(names) {
		kept, err := s.readCheckpoint(ctx, name)
		if err == nil {
			s.earlier = max(s.earlier, time.Duration(kept.Seconds)*time.Second)
			if s.resumed > 0 {
				continue
			}
			_, err = s.kept.GetTree(ctx, kept.Tree, stepDir(s.dirs.checkpoints, kept.Step), artefact.Limits{})
		}
		switch {
		case err == nil:
			s.resumed = kept.Step
			s.say("resuming from the checkpoint of step %d", kept.Step)
		case damaged(err):
			s.say("passing over a damaged checkpoint: %v", err)
		default:
			return errored(ReasonStoreUnavailable, fmt.Errorf("restoring checkpoint: %w", err))
		}
	}
	return nil
}

func (s *session) readCheckpoint(ctx context.Context, name string) (checkpoint, error) {
	var c checkpoint
	if _, err := readRecord(ctx, s.kept, name, &c); err != nil {
		return c, err
	}
	if c.Schema != checkpointSchema || c.Key != s.o.Task.Key || c.Step <= 0 || c.Seconds < 0 || name != checkpointName(c.Step) {
		return c, fmt.Errorf("%w: %s is not the checkpoint it is named after", errBadDocument, name)
	}
	return c, nil
}

// newestStep gives the step of the newest complete checkpoint in a folder, 0 for none. The command may write there at
// the same time.
func newestStep(folder string) int64 {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0
	}
	newest := int64(0)
	for _, entry := range entries {
		if match := stepFolder.FindStringSubmatch(entry.Name()); match != nil && entry.IsDir() {
			if step, err := strconv.ParseInt(match[1], 10, 64); err == nil {
				newest = max(newest, step)
			}
		}
	}
	return newest
}

// saver uploads checkpoints beside the training, one at a time, always the newest.
type saver struct {
	s      *session
	ctx    context.Context
	cancel context.CancelFunc
	offers chan int64
	done   sync.WaitGroup
	// saved is the newest step that the store has; only the goroutine touches it.
	saved int64
}

// newSaver starts the uploads; they outlive the pod's request to stop, until finish.
func newSaver(ctx context.Context, s *session) *saver {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	v := &saver{s: s, ctx: ctx, cancel: cancel, offers: make(chan int64, 1), saved: s.resumed}
	v.done.Go(func() {
		for step := range v.offers {
			v.save(step)
		}
	})
	return v
}

// offer asks for the checkpoint of a step; an older one that still waits is dropped for it. It never blocks.
func (v *saver) offer(step int64) {
	select {
	case <-v.offers:
	default:
	}
	v.offers <- step
}

// finish waits for the last upload, at most as long as patience.
func (v *saver) finish(patience time.Duration) {
	close(v.offers)
	stop := time.AfterFunc(patience, v.cancel)
	v.done.Wait()
	stop.Stop()
	v.cancel()
}

func (v *saver) save(step int64) {
	if step <= v.saved {
		return
	}
	tree, err := v.s.kept.PutTree(v.ctx, stepDir(v.s.dirs.checkpoints, step))
	if err == nil && tree.Bytes > 0 {
		_, err = writeRecord(v.ctx, v.s.kept, checkpointName(step), checkpoint{
			Schema: checkpointSchema, Key: v.s.o.Task.Key, Step: step, Tree: tree.Digest, Bytes: tree.Bytes,
			Seconds: int64(v.s.spent().Seconds()),
		})
	}
	if err != nil {
		// The training goes on: losing a checkpoint costs time only if the pod is lost too. The command may also have
		// removed the folder meanwhile.
		v.s.say("not keeping the checkpoint of step %d: %v", step, err)
		return
	}
	v.saved = step
	if err := v.s.forgetOld(v.ctx, keptCheckpoints); err != nil {
		v.s.say("keeping old checkpoints: %v", err)
	}
}

// forgetOld removes all but the newest checkpoints.
func (s *session) forgetOld(ctx context.Context, keep int) error {
	names, err := s.kept.ListDocuments(ctx, "")
	if err != nil {
		return fmt.Errorf("listing checkpoints: %w", err)
	}
	old := max(0, len(names)-keep)
	return s.forget(ctx, names[:old], names[old:])
}

// forgetAfter removes checkpoints made after the last step that was known to be healthy.
func (s *session) forgetAfter(ctx context.Context, healthy int64) error {
	names, err := s.kept.ListDocuments(ctx, "")
	if err != nil {
		return fmt.Errorf("listing checkpoints: %w", err)
	}
	i, _ := slices.BinarySearch(names, checkpointName(healthy+1))
	return s.forget(ctx, names[i:], names[:i])
}

// forget removes checkpoints: their documents, then the bytes that only they had. What the other checkpoints share with them stays.
// The bytes may go at once because no other stage can refer to them: checkpoints lie in a part of the store that is this stage's
// alone. Two models may train the same stage at the same time; the slower one may then lose the bytes of a checkpoint that it
// is just naming, which a restore passes over, and the faster one's newer checkpoints are there.
func (s *session) forget(ctx context.Context, doomed, rest []string) error {
	if len(doomed) == 0 {
		return nil
	}
	trees := func(names []string) (digests []string, all error) {
		for _, name := range names {
			c, err := s.readCheckpoint(ctx, name)
			if err != nil {
				all = errors.Join(all, err)
				continue
			}
			digests = append(digests, c.Tree)
		}
		return digests, all
	}
	gone, unreadable := trees(doomed)
	for _, name := range doomed {
		if err := s.kept.DeleteDocument(ctx, name); err != nil {
			return errors.Join(unreadable, err)
		}
	}
	stay, err := trees(rest)
	if err != nil {
		// What this one shares with the others is not known: the bytes stay until the stage is done or the store is swept.
		return errors.Join(unreadable, err)
	}
	return errors.Join(unreadable, s.kept.RemoveTrees(ctx, gone, stay))
}
