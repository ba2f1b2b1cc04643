// Package variant derives methods whose versions are known to be bad in one way, or good: the stages of another method to the letter, so that
// what they trained is taken over and not trained again, and one short stage after them. The demo and the end-to-end tests show with them
// what live judgement tells apart. Only they know the stage's script (pipelines/trainer/tests/spoil.py); it travels in the stage's command.
package variant

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Way is what the stage does to the served model.
type Way string

// The ways that the script knows.
const (
	// Blur softens every picture.
	Blur Way = "blur"
	// Slow computes more than the picture needs.
	Slow Way = "slow"
	// Fail refuses one in so many persons; Fails tells which.
	Fail Way = "fail"
	// Shuffle goes on training with garments that do not belong to the persons.
	Shuffle Way = "shuffle"
	// Polish goes on training as before: a good version.
	Polish Way = "polish"
)

// Change is a way, how much of it, and parameters of the last stage that are to be others.
type Change struct {
	Way      Way
	Strength int
	Params   map[string]string
}

const (
	script = "pipelines/trainer/tests/spoil.py"
	// runArguments is a program that runs its arguments: the API bounds each at 1,024 characters.
	runArguments = `import sys; exec("".join(sys.argv[1:]))`
	chunk        = 1000
)

// ErrNoScript says that the script cannot travel in a command.
var ErrNoScript = errors.New("no usable script")

// Derive appends a stage to a method and serves its output. root is the root folder of the repository.
func Derive(root string, base v1alpha1.TryOnMethodSpec, change Change) (v1alpha1.TryOnMethodSpec, error) {
	at := slices.IndexFunc(base.Stages, func(s v1alpha1.MethodStage) bool { return s.Name == base.Serving.Stage })
	if at < 0 {
		return base, fmt.Errorf("deriving method: it has no stage %q", base.Serving.Stage)
	}
	command, err := commandOf(root)
	if err != nil {
		return base, err
	}
	derived := *base.DeepCopy()
	last := derived.Stages[at]
	stage := *last.DeepCopy()
	stage.Name, stage.Command, stage.InitFrom, stage.HealthChecks = string(change.Way), command, last.Name, nil
	if change.Way != Shuffle && change.Way != Polish {
		stage.FreezeFrom = nil
	}
	if stage.Params == nil {
		stage.Params = map[string]string{}
	}
	maps.Copy(stage.Params, change.Params)
	stage.Params["how"], stage.Params["strength"] = string(change.Way), strconv.Itoa(change.Strength)
	derived.Description = fmt.Sprintf("%s, and a stage after it (%s), for demonstrations and tests of live judgement.", last.Name, change.Way)
	derived.Stages = append(derived.Stages, stage)
	derived.Serving.Stage = stage.Name
	return derived, nil
}

func commandOf(root string) ([]string, error) {
	body, err := os.ReadFile(filepath.Join(root, script))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoScript, err)
	}
	command := []string{"python3", "-c", runArguments}
	for piece := range slices.Chunk(body, chunk) {
		for _, c := range piece {
			// A piece may end anywhere only if every byte is a character; and $( would be expanded by the kubelet.
			if c >= 0x80 || c == '$' {
				return nil, fmt.Errorf("%w: %s holds a %q", ErrNoScript, script, c)
			}
		}
		command = append(command, string(piece))
	}
	return command, nil
}

// Fails tells whether a version of way Fail refuses a person (packed RGB at the network's resolution), given the persons of the test
// split of its dataset: those never fail, because evaluation and golden requests have to pass.
func Fails(person []byte, oneIn int, spared [][]byte) bool {
	used := map[int]bool{}
	for _, p := range spared {
		used[sum(p)%oneIn] = true
	}
	remainder := 0
	for used[remainder] {
		remainder++
	}
	return remainder < oneIn && sum(person)%oneIn == remainder
}

func sum(pixels []byte) int {
	n := 0
	for _, v := range pixels {
		n += int(v)
	}
	return n
}
