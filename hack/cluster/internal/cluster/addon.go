package cluster

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/braincreators/tryon-operator/hack/cluster/addons"
	"github.com/braincreators/tryon-operator/hack/cluster/image"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/config"
	"github.com/braincreators/tryon-operator/hack/cluster/internal/progress"
)

// Versions of what is built from other modules.
const (
	trainingOperator        = "github.com/kubeflow/training-operator"
	trainingOperatorVersion = "v1.8.1"
	s3Server                = "github.com/versity/versitygw"
	s3ServerVersion         = "v1.8.0"
)

// nonRoot is the user of our images.
const nonRoot = "65532:65532"

// Build builds one of "cluster", "training-operator" and "s3" into the cache. It returns the folder of the cluster's
// programs, or the path of the program.
func (c *Cluster) Build(ctx context.Context, what string) (string, error) {
	switch what {
	case "cluster":
		return c.Builder.Build(ctx)
	case "training-operator":
		return c.Builder.Install(ctx, what, trainingOperator+"/cmd/training-operator.v1", trainingOperatorVersion, 140*time.Second)
	case "s3":
		return c.Builder.Install(ctx, "versitygw", s3Server+"/cmd/versitygw", s3ServerVersion, 60*time.Second)
	default:
		return "", fmt.Errorf("%q is not one of cluster, training-operator, s3", what)
	}
}

// Addon builds an add-on, installs it and waits until it is ready.
func (c *Cluster) Addon(ctx context.Context, name string) error {
	layout, err := c.running()
	if err != nil {
		return err
	}
	if name != "training-operator" {
		return fmt.Errorf("%q is not an add-on; there is training-operator", name)
	}
	program, err := c.Build(ctx, name)
	if err != nil {
		return err
	}
	return c.Print.Do("installing training-operator "+trainingOperatorVersion, 20*time.Second, func(step *progress.Step) error {
		step.Detail("pushing its images")
		images, err := pushTrainingOperator(ctx, layout, program)
		if err != nil {
			return err
		}
		step.Detail("applying its manifests")
		if err := c.applyTrainingOperator(ctx, layout, images); err != nil {
			return err
		}
		step.Detail("waiting for its webhook")
		_, err = kubectl(ctx, layout, nil, "rollout", "status", "deployment/training-operator", "--namespace=kubeflow", "--timeout=5m")
		return err
	})
}

// pushTrainingOperator pushes the images and returns what replaces their placeholders in the manifests.
func pushTrainingOperator(ctx context.Context, layout config.Layout, program string) (*strings.Replacer, error) {
	const repository = config.Registry + "/tryon-cluster/"
	operator, err := image.Push(ctx, repository+"training-operator:"+trainingOperatorVersion, image.Spec{
		Files: map[string]string{"/training-operator": program}, User: nonRoot, Entrypoint: []string{"/training-operator"},
	})
	if err != nil {
		return nil, err
	}
	lookup, err := image.Push(ctx, repository+"lookup:1", image.Spec{
		Files: map[string]string{"/lookup": layout.Program("lookup")}, User: nonRoot, Entrypoint: []string{"/lookup"},
	})
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer("OPERATOR_IMAGE", operator, "LOOKUP_IMAGE", lookup), nil
}

// applyTrainingOperator renders our kustomization over the manifests that the module itself publishes. Its definitions
// come first: kubectl's one apply of all would race with them.
func (c *Cluster) applyTrainingOperator(ctx context.Context, layout config.Layout, images *strings.Replacer) error {
	module, err := c.Builder.ModuleFolder(ctx, trainingOperator, trainingOperatorVersion)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "tryon-addon-")
	if err != nil {
		return fmt.Errorf("making folder for manifests: %w", err)
	}
	defer os.RemoveAll(folder)
	if err := os.CopyFS(filepath.Join(folder, "upstream"), os.DirFS(filepath.Join(module, "manifests"))); err != nil {
		return fmt.Errorf("copying manifests: %w", err)
	}
	if err := copyReplaced(folder, images); err != nil {
		return err
	}
	rendered, err := kubectl(ctx, layout, nil, "kustomize", folder)
	if err != nil {
		return err
	}
	return apply(ctx, layout, strings.NewReader(rendered))
}

func copyReplaced(folder string, images *strings.Replacer) error {
	const source = "training-operator"
	entries, err := fs.ReadDir(addons.TrainingOperator, source)
	if err != nil {
		return fmt.Errorf("listing manifests: %w", err)
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(addons.TrainingOperator, source+"/"+entry.Name())
		if err != nil {
			return fmt.Errorf("reading manifest: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder, entry.Name()), []byte(images.Replace(string(content))), 0o600); err != nil {
			return fmt.Errorf("writing manifest: %w", err)
		}
	}
	return nil
}
