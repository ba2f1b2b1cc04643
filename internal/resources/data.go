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
	return c.dataJob(w, "pin", src, task.Pin{Key: string(w.Key), Store: c.Store.URI, Source: src.task, Digest: string(dataset.Digest)})
}

// MakeDataTest builds the Job that runs the data unit tests.
func (c Config) MakeDataTest(w Work, dataset v1alpha1.TryOnDatasetVersionSpec) (*batchv1.Job, error) {
	src, err := resolve(dataset.Source, dataset.Layout)
	if err != nil {
		return nil, err
	}
	t := task.DataTest{Key: string(w.Key), Store: c.Store.URI, Source: src.task, Digest: string(dataset.Digest)}
	for _, check := range dataset.Checks {
		t.Checks = append(t.Checks, task.CheckOverride{Name: check.Name, Severity: string(check.Severity), Budget: check.Budget})
	}
	return c.dataJob(w, "test", src, t)
}

func (c Config) dataJob(w Work, subcommand string, src source, t any) (*batchv1.Job, error) {
	p := &pod{}
	p.emptyDir("scratch", "")
	c.Store.mount(p)
	src.mount(p)
	p.worker = c.workerContainer(w.Kind, subcommand)
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
