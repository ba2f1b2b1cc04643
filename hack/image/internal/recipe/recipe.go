package recipe

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// MaxSize bounds the recipe that is read, in bytes.
const MaxSize = 1 << 20

// Platform is what the images are built for, in Go's names.
type Platform struct {
	OS, Arch string
}

// String is the platform in Docker's notation, such as linux/amd64.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Recipe is a whole Dockerfile.
type Recipe struct {
	// Stages in file order.
	Stages []*Stage
	// Args are the global arguments with their defaults and overrides applied.
	Args map[string]string
}

// Stage is one FROM section. Its configuration starts from its parent stage's.
type Stage struct {
	// Name is what AS gave, or the stage's index.
	Name string `json:"name"`
	// Base is the image reference of FROM; empty when Parent is set.
	Base string `json:"base,omitempty"`
	// Parent is the earlier stage that FROM names; nil when Base is set.
	Parent *Stage `json:"-"`
	// Steps are the instructions that change files, in order.
	Steps []Step `json:"steps"`
	// Config is what the stage leaves for the image's configuration.
	Config Config `json:"-"`
}

// Step is one instruction that changes files: exactly one of its fields is set.
type Step struct {
	Run  *Run  `json:"run,omitempty"`
	Copy *Copy `json:"copy,omitempty"`
	// Line is where the instruction starts in the file.
	Line int `json:"-"`
}

// Run is a shell line, with the directory and the variables it runs under.
type Run struct {
	Line    string            `json:"line"`
	Workdir string            `json:"workdir"`
	Env     map[string]string `json:"env"`
}

// Copy takes files from the build context, or from another stage when From is set.
type Copy struct {
	From    *Stage   `json:"-"`
	Sources []string `json:"sources"`
	// Dest is absolute; IntoDir says that it was written as a directory.
	Dest    string `json:"dest"`
	IntoDir bool   `json:"intoDir"`
	// Mode replaces the permission bits of copied files when it is not zero.
	Mode os.FileMode `json:"mode,omitempty"`
}

// Config is the part of an image's configuration that a recipe may set.
type Config struct {
	Env        []string
	User       string
	Workdir    string
	Entrypoint []string
	Cmd        []string
	Labels     map[string]string
	Ports      []string
}

// UnsupportedError says that a line is valid in a Dockerfile but not something this builder can do.
type UnsupportedError struct {
	Line   int
	What   string
	Advice string
}

// Error names the line, the instruction and what to write instead.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("line %d: %s is not supported without a container engine: %s", e.Line, e.What, e.Advice)
}

// UnknownStageError says that a stage was asked for that the recipe does not have.
type UnknownStageError struct {
	Name string
	Have []string
}

// Error lists the stages there are.
func (e *UnknownStageError) Error() string {
	return fmt.Sprintf("the recipe has no stage %q (it has %s)", e.Name, strings.Join(e.Have, ", "))
}

// Load reads the Dockerfile at file. args override the defaults of its global ARGs.
func Load(file string, platform Platform, args map[string]string) (*Recipe, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	if info.Size() > MaxSize {
		return nil, fmt.Errorf("reading recipe %s: %d bytes are more than the limit of %d", file, info.Size(), MaxSize)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading recipe: %w", err)
	}
	r, err := Parse(text, platform, args)
	if err != nil {
		return nil, fmt.Errorf("reading recipe %s: %w", file, err)
	}
	return r, nil
}

// Parse reads a Dockerfile's text; see Load.
func Parse(text []byte, platform Platform, args map[string]string) (*Recipe, error) {
	ast, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	stages, metaArgs, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return nil, err
	}
	b := &builder{
		lex:      shell.NewLex(ast.EscapeToken),
		platform: platformArgs(platform),
		override: args,
		recipe:   &Recipe{Args: map[string]string{}},
	}
	for _, a := range metaArgs {
		if err := b.declare(b.recipe.Args, a, nil); err != nil {
			return nil, err
		}
	}
	if err := b.unusedOverrides(); err != nil {
		return nil, err
	}
	for i := range stages {
		if err := b.addStage(i, &stages[i]); err != nil {
			return nil, err
		}
	}
	return b.recipe, nil
}

// Stage finds a stage by name.
func (r *Recipe) Stage(name string) (*Stage, error) {
	var have []string
	for _, s := range r.Stages {
		if s.Name == name {
			return s, nil
		}
		have = append(have, s.Name)
	}
	return nil, &UnknownStageError{Name: name, Have: have}
}

// Root is the stage at the start of s's chain of parents: the one that names a base image.
func (s *Stage) Root() *Stage {
	for s.Parent != nil {
		s = s.Parent
	}
	return s
}

// Chain is s with its parents, the root first.
func (s *Stage) Chain() []*Stage {
	var chain []*Stage
	for ; s != nil; s = s.Parent {
		chain = append(chain, s)
	}
	slices.Reverse(chain)
	return chain
}

// Runs says whether s or a parent of it has RUN lines.
func (s *Stage) Runs() bool {
	return slices.ContainsFunc(s.Chain(), func(c *Stage) bool {
		return slices.ContainsFunc(c.Steps, func(step Step) bool { return step.Run != nil })
	})
}

func platformArgs(p Platform) map[string]string {
	return map[string]string{
		"TARGETPLATFORM": p.String(), "TARGETOS": p.OS, "TARGETARCH": p.Arch, "TARGETVARIANT": "",
		"BUILDPLATFORM": p.String(), "BUILDOS": p.OS, "BUILDARCH": p.Arch, "BUILDVARIANT": "",
	}
}

func absolute(workdir, p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join("/", workdir, p)
}

func sorted(m map[string]string) []string {
	return slices.Sorted(maps.Keys(m))
}
