package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/task"
)

// Look remembers in the ledger what its gates' intervals are now, for the report.
func (c Case) Look(ledger *evidence.Ledger, now time.Time) {
	if !c.answers(ledger) {
		return
	}
	judgement, err := sequential.Judge(c.questions(ledger, ledger.Totals()), Alpha, 0)
	if err != nil {
		return
	}
	var metrics []string
	var intervals []evidence.Interval
	for _, f := range judgement.Findings {
		metrics = append(metrics, f.Metric)
		intervals = append(intervals, evidence.NewInterval(f.Estimate, f.Lower, f.Upper))
	}
	ledger.Look(now, metrics, intervals)
}

// Ended finds how the judgement of a status ended; nil while it goes on. A version may have been refused before under another epoch, so
// only what came after the judgement began counts. Times in a status have whole seconds.
func Ended(s *v1alpha1.TryOnDeploymentStatus) *v1alpha1.HistoryEntry {
	j := s.Judgement
	if j == nil || j.SinceTime == nil {
		return nil
	}
	for i := range s.History {
		e := &s.History[i]
		if e.Time == nil || e.Time.Time.Before(j.SinceTime.Truncate(time.Second)) {
			return nil
		}
		if e.Version == j.Candidate && e.Reason != v1alpha1.ReasonFirstVersion {
			return e
		}
	}
	return nil
}

// Report is the task of the report of a judgement that has ended, with its key: the digest of everything that the report is made from. The
// ledger must be that of the judgement; it is copied, because the next judgement takes its place.
func Report(tod *v1alpha1.TryOnDeployment, end *v1alpha1.HistoryEntry, ledger *evidence.Ledger, versions []v1alpha1.TryOnModelVersion) (task.Judgement, v1alpha1.Digest, error) {
	c := Case{Epoch: ledger.Epoch, Stable: ledger.Stable, Candidate: ledger.Candidate, Gates: gatesOf(tod)}
	frozen, err := ledger.Freeze().Encode()
	if err != nil {
		return task.Judgement{}, "", fmt.Errorf("freezing evidence: %w", err)
	}
	judgement, err := sequential.Judge(c.questions(ledger, ledger.Totals()), Alpha, 0)
	if err != nil {
		return task.Judgement{}, "", fmt.Errorf("judging: %w", err)
	}
	t := task.Judgement{
		Namespace: tod.Namespace, Deployment: tod.Name, Outcome: end.Reason, Reason: end.Message, Decided: end.Time.UTC(),
		Verdict: string(judgement.Verdict), Rule: sentence(judgement), Alpha: Alpha,
		Stable: versionOf(c.Stable, versions), Candidate: versionOf(c.Candidate, versions), Evidence: frozen,
	}
	for _, f := range judgement.Findings {
		i := evidence.NewInterval(f.Estimate, f.Lower, f.Upper)
		t.Gates = append(t.Gates, task.JudgedGate{
			Metric: f.Metric, Margin: f.Margin, Verdict: string(f.Verdict), Estimate: i.Estimate, Low: i.Low, High: i.High, Have: f.Have,
		})
	}
	key, err := keyOf(t)
	return t, key, err
}

// gatesOf are the gates that were judged, which the spec may have no more.
func gatesOf(tod *v1alpha1.TryOnDeployment) []v1alpha1.LiveGate {
	var gates []v1alpha1.LiveGate
	for _, g := range tod.Status.Judgement.Gates {
		if g.Max != nil {
			gates = append(gates, v1alpha1.LiveGate{Metric: g.Metric, Max: *g.Max})
		}
	}
	if len(gates) == 0 {
		return Gates(tod)
	}
	return gates
}

// versionOf says what is on record of a version; only its name when it is gone.
func versionOf(name string, versions []v1alpha1.TryOnModelVersion) task.JudgedVersion {
	out := task.JudgedVersion{Name: name}
	for i := range versions {
		v := &versions[i]
		if v.Name != name {
			continue
		}
		out.Dataset = string(v.Spec.Dataset.Digest)
		if v.Status.Weights != nil {
			out.Weights = string(v.Status.Weights.Digest)
		}
		if v.Status.Evaluation != nil {
			out.Golden = string(v.Status.Evaluation.Golden)
		}
	}
	return out
}

func keyOf(t task.Judgement) (v1alpha1.Digest, error) {
	body, err := json.Marshal(struct {
		Schema string         `json:"schema"`
		Input  task.Judgement `json:"input"`
	}{"tryon.judgement-key/v1", t})
	if err != nil {
		return "", fmt.Errorf("encoding judgement: %w", err)
	}
	sum := sha256.Sum256(body)
	return v1alpha1.Digest("sha256:" + hex.EncodeToString(sum[:])), nil
}
