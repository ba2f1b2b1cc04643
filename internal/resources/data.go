package resources

import (
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Config is what the manager was started with and the builders need.
type Config struct {
	WorkerImage  string
	RuntimeImage string
	Store        Store
	// Namespace of the operator, from which training pods are asked for their progress.
	Namespace string
}

// MakePin builds the Job that reads a dataset and computes its digest.
func (c Config) MakePin(w Work, dataset v1alpha1.DatasetSpec) (*batchv1.Job, error) {
	src, err := resolve(dataset.Source, dataset.Layout)
	if err != nil {
		return nil, err
	}
	return c.dataJob(w, dataset.Resources, src, "pin", task.Pin{Key: string(w.Key), Store: c.Store.URI, Source: src.task, Digest: string(dataset.Digest)})
}

// MakeDataTest builds the Job that runs the data unit tests. Its resources are no part of the record; nil for the usual ones.
func (c Config) MakeDataTest(w Work, dataset v1alpha1.TryOnDatasetVersionSpec, wanted *v1alpha1.ResourceRequirements) (*batchv1.Job, error) {
	src, err := resolve(dataset.Source, dataset.Layout)
	if err != nil {
		return nil, err
	}
	t := task.DataTest{Key: string(w.Key), Store: c.Store.URI, Source: src.task, Digest: string(dataset.Digest)}
	for _, check := range dataset.Checks {
		t.Checks = append(t.Checks, task.CheckOverride{Name: check.Name, Severity: string(check.Severity), Budget: check.Budget})
	}
	return c.dataJob(w, wanted, src, "test", t)
}

func (c Config) dataJob(w Work, wanted *v1alpha1.ResourceRequirements, src source, subcommand string, t any) (*batchv1.Job, error) {
	p := &pod{}
	p.emptyDir("scratch", "")
	c.Store.mount(p)
	src.mount(p)
	p.worker = c.workerContainer(w.Kind, subcommand, dataDemand.with(wanted))
	src.open(&p.worker)
	if err := withTask(&p.worker, t); err != nil {
		return nil, err
	}
	job := MakeJob(w, p.make(w))
	// The controller makes further attempts, ever later, and each keeps its pod for its message. More pods of one attempt, seconds apart,
	// would meet the same source and only pile up.
	job.Spec.BackoffLimit = ptr.To[int32](0)
	return job, nil
}
