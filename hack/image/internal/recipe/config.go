package recipe

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

func (c *Config) clone() Config {
	out := *c
	out.Env, out.Ports = slices.Clone(c.Env), slices.Clone(c.Ports)
	out.Labels = maps.Clone(c.Labels)
	return out
}

// setEnv adds or replaces a variable, keeping the order in which names first appeared.
func (c *Config) setEnv(key, value string) {
	for i, kv := range c.Env {
		if strings.HasPrefix(kv, key+"=") {
			c.Env[i] = key + "=" + value
			return
		}
	}
	c.Env = append(c.Env, key+"="+value)
}

// set applies an instruction that changes nothing but the image's configuration.
func (c *Config) set(cmd instructions.Command, line int) error {
	switch v := cmd.(type) {
	case *instructions.LabelCommand:
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		for _, kv := range v.Labels {
			c.Labels[kv.Key] = kv.Value
		}
	case *instructions.WorkdirCommand:
		c.Workdir = absolute(c.Workdir, v.Path)
	case *instructions.UserCommand:
		c.User = v.User
	case *instructions.ExposeCommand:
		c.expose(v.Ports)
	case *instructions.EntrypointCommand:
		c.Entrypoint, c.Cmd = v.CmdLine, nil
		return refuseShell(v.ShellDependantCmdLine, "ENTRYPOINT", line)
	case *instructions.CmdCommand:
		c.Cmd = v.CmdLine
		return refuseShell(v.ShellDependantCmdLine, "CMD", line)
	default:
		return &UnsupportedError{Line: line, What: strings.ToUpper(cmd.Name()),
			Advice: "the subset is FROM, ARG, ENV, LABEL, WORKDIR, USER, EXPOSE, COPY, RUN, ENTRYPOINT, CMD"}
	}
	return nil
}

func (c *Config) expose(ports []string) {
	for _, p := range ports {
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		c.Ports = append(c.Ports, p)
	}
}

func refuseShell(words instructions.ShellDependantCmdLine, what string, line int) error {
	if words.PrependShell {
		return &UnsupportedError{Line: line, What: what + " in shell form", Advice: "our images have no shell; write a JSON list"}
	}
	return nil
}
