package resources

import (
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/internal/task"
)

// pageDeadline is how long the page of a judgement may take in seconds, the wait for a node included.
const pageDeadline int64 = 1800

// MakeJudgement builds the Job that makes the page of a decided judgement. The task's key, store and scratch folder are filled in. Its
// pod has none of the labels of serving pods, which are counted and get traffic by them.
func (c Config) MakeJudgement(w Work, t task.Judgement) (*batchv1.Job, error) {
	p := &pod{}
	c.Store.mount(p)
	p.emptyDir("scratch", "")
	p.worker = c.workerContainer("judgement")
	t.Key, t.Store, t.Scratch = string(w.Key), c.Store.URI, scratchDir
	err := withTask(&p.worker, t)
	job := MakeJob(w, p.make(w))
	job.Spec.ActiveDeadlineSeconds = ptr.To(pageDeadline)
	return job, err
}
