package train

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/braincreators/tryon-operator/internal/task"
)

// defaultScratch is where a pod's scratch volume is mounted unless the task says otherwise.
const defaultScratch = "/scratch"

// layout is the folders below scratch: everything a stage touches, so the root file system can stay read-only.
type layout struct {
	dataset, output, checkpoints, init, freeze, tmp, home string
	// progress is the file that the command appends to.
	progress string
}

// makeLayout empties and makes the folders. A container that starts again in the same pod finds its predecessor's files;
// what counts of them is in the store.
func makeLayout(scratch string) (layout, error) {
	if scratch == "" {
		scratch = defaultScratch
	}
	scratch, err := filepath.Abs(scratch)
	if err != nil {
		return layout{}, fmt.Errorf("resolving scratch folder: %w", err)
	}
	in := func(name string) string { return filepath.Join(scratch, name) }
	l := layout{
		dataset: in("dataset"), output: in("output"), checkpoints: in("checkpoints"), init: in("init"), freeze: in("freeze"),
		tmp: in("tmp"), home: in("home"), progress: in("progress.jsonl"),
	}
	for _, path := range []string{l.dataset, l.output, l.checkpoints, l.init, l.freeze, l.tmp, l.home, l.progress} {
		if err := os.RemoveAll(path); err != nil {
			return layout{}, fmt.Errorf("clearing scratch folder: %w", err)
		}
	}
	// The dataset's folder is made by the fetch, which reveals it whole.
	return l, ensureDirs(l.output, l.checkpoints, l.init, l.freeze, l.tmp, l.home)
}

func parentDir(folder string, p task.Parent) string { return filepath.Join(folder, p.Stage) }

// environment is the trainer contract as the command sees it, on top of the container's own environment.
func (l layout) environment(base []string, t task.Train) ([]string, error) {
	params := t.Params
	if params == nil {
		params = map[string]string{}
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, fmt.Errorf("encoding params: %w", err)
	}
	contract := map[string]string{
		"TRYON_DATASET_DIR":    l.dataset,
		"TRYON_OUTPUT_DIR":     l.output,
		"TRYON_CHECKPOINT_DIR": l.checkpoints,
		"TRYON_INIT_DIR":       l.init,
		"TRYON_FREEZE_DIR":     l.freeze,
		"TRYON_PARAMS":         string(encoded),
		"TRYON_PROGRESS":       l.progress,
		// Libraries cache below these, and the root file system is read-only.
		"TMPDIR": l.tmp,
		"HOME":   l.home,
	}
	env := make([]string, 0, len(base)+len(contract))
	for _, pair := range base {
		name, _, _ := strings.Cut(pair, "=")
		_, replaced := contract[name]
		// The task and the credentials of store and source are the wrapper's own business.
		ours := name == task.Env || strings.HasPrefix(name, task.EnvStore) || strings.HasPrefix(name, task.EnvSource)
		if !replaced && !ours {
			env = append(env, pair)
		}
	}
	for name, value := range contract {
		env = append(env, name+"="+value)
	}
	return env, nil
}
