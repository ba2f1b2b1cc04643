package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/braincreators/tryon-operator/hack/cluster/internal/cluster"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/parts"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/support"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command().ExecuteContext(ctx)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "cluster:", err)
	stop()
	if errors.Is(err, support.Err) {
		os.Exit(support.ExitCode)
	}
	os.Exit(1)
}

func command() *cobra.Command {
	local := &cluster.Cluster{}
	root := &cobra.Command{
		Use:           "cluster",
		Short:         "A real Kubernetes with one node on this machine, built from published Go modules",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return fill(local)
		},
	}
	root.PersistentFlags().StringVar(&local.Kubeconfig, "kubeconfig", "", "where up writes the kubeconfig (default out/kubeconfig of the repository)")
	root.AddCommand(up(local), down(local), kill(local), status(local), build(local), assets(local), gpus(local), addon(local), verify(local))
	return root
}

// fill finds the folders that everything else works with.
func fill(local *cluster.Cluster) error {
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working folder: %w", err)
	}
	module, err := parts.FindModule(here)
	if err != nil {
		return err
	}
	cache, err := parts.DefaultCache()
	if err != nil {
		return err
	}
	if local.State, err = cluster.DefaultState(); err != nil {
		return err
	}
	if local.Kubeconfig == "" {
		local.Kubeconfig = filepath.Join(module, "..", "..", "out", "kubeconfig")
	}
	if local.Kubeconfig, err = filepath.Abs(local.Kubeconfig); err != nil {
		return fmt.Errorf("finding the kubeconfig: %w", err)
	}
	local.Print = progress.New(os.Stderr)
	local.Builder = &parts.Builder{Module: module, Cache: cache, InUse: cluster.BuildInUse(local.State), Print: local.Print}
	return nil
}

func up(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "up", Short: "Start the cluster, or check the one that runs", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := local.Up(cmd.Context()); err != nil {
				return err
			}
			local.Advice()
			return nil
		}}
}

func down(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "down", Short: "Stop the cluster and remove everything that it made, but the cache of builds", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return local.Down(cmd.Context()) }}
}

func kill(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "kill", Short: "Kill every process of the cluster, as a power cut would; up resumes it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return local.Kill(cmd.Context()) }}
}

func status(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "status", Short: "Show what runs; fails unless all of it is ready", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return local.Status(cmd.Context(), cmd.OutOrStdout()) }}
}

func build(local *cluster.Cluster) *cobra.Command {
	const what = "[cluster | training-operator | s3]"
	return &cobra.Command{Use: "build " + what, Short: "Build into the cache and print the path", Args: cobra.MaximumNArgs(1),
		ValidArgs: []string{"cluster", "training-operator", "s3"},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := local.Build(cmd.Context(), append(args, "cluster")[0])
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			return err
		}}
}

func assets(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "assets", Short: "Print a folder with etcd and kube-apiserver for envtest, building them if nobody has them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := local.Builder.Assets(cmd.Context())
			if err == nil {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), folder)
			}
			return err
		}}
}

func gpus(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "gpus COUNT", Short: "Let the node say that it has GPUs, to test scheduling", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var count uint
			if _, err := fmt.Sscanf(args[0], "%d", &count); err != nil {
				return fmt.Errorf("reading the count %q: %w", args[0], err)
			}
			return local.GPUs(cmd.Context(), count)
		}}
}

func addon(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "addon training-operator", Short: "Install an add-on and wait until it is ready", Args: cobra.ExactArgs(1),
		ValidArgs: []string{"training-operator"},
		RunE: func(cmd *cobra.Command, args []string) error {
			return local.Addon(cmd.Context(), args[0])
		}}
}

func verify(local *cluster.Cluster) *cobra.Command {
	return &cobra.Command{Use: "verify-clean", Short: "Prove that up, a pod, a kill, up and down leave nothing behind (needs that no cluster runs)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return local.VerifyClean(cmd.Context()) }}
}
