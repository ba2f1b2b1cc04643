package resources

import (
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/internal/task"
)

// pageDeadline is how long the page of a judgement may take in seconds, the wait for a node included.
const pageDeadline int64 = 1800

// MakeJudgement builds the Job that makes the page of a decided judgement. The task's key, store, scratch folder and captured requests are
// filled in. Its pod has none of the labels of serving pods, which are counted and get traffic by them.
func (c Config) MakeJudgement(w Work, t task.Judgement, capture Capture) (*batchv1.Job, error) {
	p := &pod{volumes: capture.Volumes()}
	c.Store.mount(p)
	p.emptyDir("scratch", "")
	p.worker = c.workerContainer(w.Kind, "judgement", workerDemand.with(nil))
	capture.Open(&p.worker)
	t.Key, t.Store, t.Scratch, t.Capture = string(w.Key), c.Store.URI, scratchDir, capture.Task()
	err := withTask(&p.worker, t)
	job := MakeJob(w, p.make(w))
	capture.Sign(&job.Spec.Template.ObjectMeta)
	job.Spec.ActiveDeadlineSeconds = ptr.To(pageDeadline)
	return job, err
}
