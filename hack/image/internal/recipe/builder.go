package recipe

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// outsidePath finds a word that starts with a slash: a path that would reach out of the scratch folder a RUN line runs in.
var outsidePath = regexp.MustCompile(`(?:^|[\s='"<>|&;(:])(/[A-Za-z0-9_.$~{][^\s'"]*|\.\./[^\s'"]*)`)

// builder carries what Parse knows while it walks the stages.
type builder struct {
	lex      *shell.Lex
	platform map[string]string
	override map[string]string
	recipe   *Recipe
}

// scope is what a stage's words may refer to.
type scope struct {
	args map[string]string
	env  map[string]string
}

func (s *scope) all() map[string]string {
	all := maps.Clone(s.args)
	maps.Copy(all, s.env)
	return all
}

// declare adds the arguments of one ARG instruction to args; scope is nil for the global ones.
func (b *builder) declare(args map[string]string, cmd instructions.ArgCommand, in *scope) error {
	known := func() map[string]string {
		all := maps.Clone(b.platform)
		if in == nil {
			maps.Copy(all, args)
		} else {
			maps.Copy(all, in.all())
		}
		return all
	}
	for _, a := range cmd.Args {
		value, has := b.override[a.Key]
		if !has && a.Value != nil {
			expanded, err := b.expand(*a.Value, known())
			if err != nil {
				return err
			}
			value, has = expanded, true
		}
		if !has && in != nil {
			value, has = b.recipe.Args[a.Key]
		}
		if !has {
			value, has = b.platform[a.Key]
		}
		if has {
			args[a.Key] = value
		}
	}
	return nil
}

// unusedOverrides refuses a build argument that no global ARG declares: it would be ignored.
func (b *builder) unusedOverrides() error {
	for _, name := range sorted(b.override) {
		if _, ok := b.recipe.Args[name]; !ok {
			return fmt.Errorf("build argument %s is not declared before the first FROM", name)
		}
	}
	return nil
}

func (b *builder) expand(word string, env map[string]string) (string, error) {
	var pairs []string
	for _, k := range sorted(env) {
		pairs = append(pairs, k+"="+env[k])
	}
	out, _, err := b.lex.ProcessWord(word, shell.EnvsFromSlice(pairs))
	return out, err
}

func (b *builder) addStage(index int, in *instructions.Stage) error {
	known := maps.Clone(b.platform)
	maps.Copy(known, b.recipe.Args)
	baseName, err := b.expand(in.BaseName, known)
	if err != nil {
		return err
	}
	s := &Stage{Name: in.Name}
	if s.Name == "" {
		s.Name = strconv.Itoa(index)
	}
	sc := &scope{args: map[string]string{}, env: map[string]string{}}
	if parent, err := b.recipe.Stage(baseName); err == nil {
		s.Parent, s.Config = parent, parent.Config.clone()
		for _, kv := range s.Config.Env {
			k, v, _ := strings.Cut(kv, "=")
			sc.env[k] = v
		}
	} else {
		s.Base = baseName
	}
	for _, cmd := range in.Commands {
		if err := b.addCommand(s, sc, cmd); err != nil {
			return fmt.Errorf("stage %s: %w", s.Name, err)
		}
	}
	b.recipe.Stages = append(b.recipe.Stages, s)
	return nil
}

func (b *builder) addCommand(s *Stage, sc *scope, cmd instructions.Command) error {
	line := firstLine(cmd)
	if e, ok := cmd.(instructions.SupportsSingleWordExpansion); ok {
		if _, isArg := cmd.(*instructions.ArgCommand); !isArg {
			all := sc.all()
			if err := e.Expand(func(w string) (string, error) { return b.expand(w, all) }); err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
		}
	}
	switch c := cmd.(type) {
	case *instructions.ArgCommand:
		return b.declare(sc.args, *c, sc)
	case *instructions.RunCommand:
		return addRun(s, sc, c, line)
	case *instructions.CopyCommand:
		return b.addCopy(s, c, line)
	case *instructions.EnvCommand:
		for _, kv := range c.Env {
			sc.env[kv.Key] = kv.Value
			s.Config.setEnv(kv.Key, kv.Value)
		}
		return nil
	default:
		return s.Config.set(cmd, line)
	}
}

func addRun(s *Stage, sc *scope, c *instructions.RunCommand, line int) error {
	unsupported := func(what, advice string) error {
		return &UnsupportedError{Line: line, What: what, Advice: advice}
	}
	if !c.PrependShell || len(c.CmdLine) != 1 || len(c.Files) > 0 {
		return unsupported("RUN in exec form or with a here-document", "write one shell line")
	}
	for _, flag := range c.FlagsUsed {
		if flag != "mount" {
			return unsupported("RUN --"+flag, "only --mount=type=cache is known")
		}
	}
	for _, m := range instructions.GetMounts(c) {
		if m.Type != instructions.MountTypeCache {
			return unsupported("RUN --mount=type="+string(m.Type), "only type=cache is known, and then the host's own cache is used")
		}
	}
	if m := outsidePath.FindStringSubmatch(c.CmdLine[0]); m != nil {
		return unsupported("RUN with the path "+m[1], "use paths below WORKDIR")
	}
	s.Steps = append(s.Steps, Step{Line: line, Run: &Run{
		Line: c.CmdLine[0], Workdir: absolute("/", s.Config.Workdir), Env: sc.all(),
	}})
	return nil
}

func (b *builder) addCopy(s *Stage, c *instructions.CopyCommand, line int) error {
	if err := refuseCopy(c, line); err != nil {
		return err
	}
	step := &Copy{Sources: c.SourcePaths, Dest: absolute(s.Config.Workdir, c.DestPath)}
	step.IntoDir = strings.HasSuffix(c.DestPath, "/") || c.DestPath == "." || len(c.SourcePaths) > 1
	if c.Chmod != "" {
		mode, err := strconv.ParseUint(c.Chmod, 8, 32)
		if err != nil || mode == 0 || mode > 0o777 {
			return &UnsupportedError{Line: line, What: "COPY --chmod=" + c.Chmod, Advice: "write octal permission bits such as 755"}
		}
		step.Mode = os.FileMode(mode)
	}
	if c.From != "" {
		from, err := b.recipe.Stage(c.From)
		if err != nil {
			return &UnsupportedError{Line: line, What: "COPY --from=" + c.From, Advice: "it must name an earlier stage of this file"}
		}
		step.From = from
	}
	s.Steps = append(s.Steps, Step{Line: line, Copy: step})
	return nil
}

// refuseCopy names the options of COPY that the subset leaves out.
func refuseCopy(c *instructions.CopyCommand, line int) error {
	root := []string{"", "0", "0:0", "root:root"}
	switch {
	case len(c.SourceContents) > 0:
		return &UnsupportedError{Line: line, What: "COPY of a here-document", Advice: "put the text in a file"}
	case c.Parents || len(c.ExcludePatterns) > 0:
		return &UnsupportedError{Line: line, What: "COPY --parents and --exclude", Advice: "name the files, or list them in .dockerignore"}
	case !slices.Contains(root, c.Chown):
		return &UnsupportedError{Line: line, What: "COPY --chown=" + c.Chown, Advice: "files of an image belong to root"}
	}
	return nil
}

func firstLine(cmd instructions.Command) int {
	if loc := cmd.Location(); len(loc) > 0 {
		return loc[0].Start.Line
	}
	return 0
}
