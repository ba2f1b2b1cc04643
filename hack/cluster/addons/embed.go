package addons

import "embed"

// TrainingOperator holds the folder training-operator: a kustomization over the manifests of its module.
//
//go:embed training-operator
var TrainingOperator embed.FS
