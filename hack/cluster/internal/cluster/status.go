package cluster

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/process"
)

// Status prints a line per program and returns ErrNotRunning unless all of them work.
func (c *Cluster) Status(ctx context.Context, out io.Writer) error {
	layout, err := c.running()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROGRAM\tPROCESS\tMEMORY\tSTATE")
	healthy := true
	for _, group := range layout.Programs() {
		for _, program := range group {
			line, ok := c.describe(ctx, program)
			healthy = healthy && ok
			fmt.Fprintln(table, line)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing status: %w", err)
	}
	if !healthy {
		return fmt.Errorf("%w: a program is missing or not ready", ErrNotRunning)
	}
	nodes, err := kubectl(ctx, layout, nil, "get", "nodes", "-o", "wide")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s", nodes)
	return err
}

func (c *Cluster) describe(ctx context.Context, program process.Program) (line string, ok bool) {
	running, ok := c.table().Find(program.Name)
	if !ok {
		return program.Name + "\t-\t-\tnot running", false
	}
	state := "ready"
	if err := program.Ready(ctx); err != nil {
		state, ok = "not ready: "+err.Error(), false
	}
	return fmt.Sprintf("%s\t%d\t%d MiB\t%s", program.Name, running.PID, running.ResidentBytes()>>20, state), ok
}

// GPUs makes the node say that it has count GPUs. It tests scheduling, not CUDA.
func (c *Cluster) GPUs(ctx context.Context, count uint) error {
	layout, err := c.running()
	if err != nil {
		return err
	}
	found, err := readRecord(c.State)
	if err != nil {
		return err
	}
	found.GPUs = count
	if err := found.write(c.State); err != nil {
		return err
	}
	return setGPUs(ctx, layout, count)
}

// restoreGPUs sets the number that was asked for before kubelet was started anew.
func (c *Cluster) restoreGPUs(ctx context.Context, layout config.Layout) error {
	found, err := readRecord(c.State)
	if err != nil || found.GPUs == 0 {
		return err
	}
	return setGPUs(ctx, layout, found.GPUs)
}

// setGPUs patches the capacity, which kubelet keeps until its next start, and the allocatable part,
// which kubelet would only derive from it some seconds later.
func setGPUs(ctx context.Context, layout config.Layout, count uint) error {
	const operation = `{"op":"add","path":"/status/%s/nvidia.com~1gpu","value":"%d"}`
	patch := fmt.Sprintf("["+operation+","+operation+"]", "capacity", count, "allocatable", count)
	_, err := kubectl(ctx, layout, nil, "patch", "node", config.NodeName, "--subresource=status", "--type=json", "-p", patch)
	return err
}

// Advice tells how to use the running cluster.
func (c *Cluster) Advice() {
	kubectl := "kubectl"
	if layout, err := c.running(); err == nil {
		kubectl = layout.Program("kubectl")
	}
	c.Print.Say("The cluster is up. Images go to the registry %s; no other machine can reach either.", config.Registry)
	c.Print.Say("  export KUBECONFIG=%s", c.Kubeconfig)
	c.Print.Say("  kubectl get pods -A        # no kubectl? alias kubectl=%s", kubectl)
}
