package judge

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// freshFor is how long a summary stands although more evidence came, so that the status is not written all the time.
const freshFor = 10 * time.Second

// maxSentence bounds what goes into the status.
const maxSentence = 512

// Summarize judges the case on a ledger and says the result for the status. last is the summary that the status has: it stands while it is
// fresh and the verdict is the same, unless it knew of no evidence at all. Without evidence of the case there is no summary.
func (c Case) Summarize(ledger *evidence.Ledger, last *v1alpha1.JudgementStatus, now time.Time) *v1alpha1.JudgementStatus {
	if !c.answers(ledger) {
		return nil
	}
	if last != nil && last.Epoch != c.Epoch {
		last = nil
	}
	totals := ledger.Totals()
	judgement, err := sequential.Judge(c.questions(ledger, totals), Alpha, perSecond(totals.Pairs, now.Sub(ledger.Since)))
	if err != nil {
		judgement.Message = "the gates cannot be judged: " + err.Error()
	}
	summary := &v1alpha1.JudgementStatus{
		Epoch: c.Epoch, Candidate: c.Candidate, Verdict: v1alpha1.LiveVerdict(judgement.Verdict), Rule: sentence(judgement),
		SinceTime: ptr.To(metav1.NewTime(ledger.Since)), UpdatedTime: ptr.To(metav1.NewTime(now)), Dropped: dropped(ledger),
	}
	if last != nil {
		summary.Report = last.Report
	}
	for i, f := range judgement.Findings {
		summary.Gates = append(summary.Gates, gate(c.Gates[i], f))
	}
	if fresh(summary, last) || repeats(summary, last) {
		return last
	}
	return summary
}

// fresh says whether the summary before a new one still stands.
func fresh(summary, last *v1alpha1.JudgementStatus) bool {
	return last != nil && last.Verdict == summary.Verdict && last.UpdatedTime != nil && summary.UpdatedTime.Sub(last.UpdatedTime.Time) < freshFor &&
		(counted(last) || !counted(summary))
}

// counted says whether a summary is of any evidence.
func counted(summary *v1alpha1.JudgementStatus) bool {
	return slices.ContainsFunc(summary.Gates, func(g v1alpha1.GateStatus) bool { return ptr.Deref(g.Have, 0) > 0 })
}

// repeats says whether a summary has nothing new. A decided one is not dated anew all the time; one that waits says when it may be decided,
// which moves.
func repeats(summary, last *v1alpha1.JudgementStatus) bool {
	return last != nil && last.Verdict == summary.Verdict && last.Dropped == summary.Dropped &&
		summary.Verdict != v1alpha1.LiveVerdict(sequential.KeepCollecting) && reflect.DeepEqual(last.Gates, summary.Gates)
}

func perSecond(pairs int64, in time.Duration) float64 {
	if in < time.Second {
		return 0
	}
	return float64(pairs) / in.Seconds()
}

// sentence is the rule that decided, and how long it takes until it does.
func sentence(j sequential.Judgement) string {
	text := j.Message
	if j.ETA > 0 {
		text += fmt.Sprintf(", in about %s", j.ETA.Round(time.Second))
	}
	if runes := []rune(text); len(runes) > maxSentence {
		text = string(runes[:maxSentence-1]) + "…"
	}
	return text
}

func gate(g v1alpha1.LiveGate, f sequential.Finding) v1alpha1.GateStatus {
	out := v1alpha1.GateStatus{
		Metric: g.Metric, Max: ptr.To(g.Max), Verdict: v1alpha1.LiveVerdict(f.Verdict),
		Estimate: decimal(f.Estimate), Low: decimal(f.Lower), High: decimal(f.Upper), Have: ptr.To(f.Have),
	}
	if f.Need > 0 {
		out.Need = ptr.To(f.Need)
	}
	return out
}

// decimal writes a number; nil for what is none.
func decimal(x float64) *v1alpha1.Decimal {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return ptr.To(v1alpha1.Decimal(strconv.FormatFloat(x, 'f', 4, 64)))
}

// dropped says how many reports were dropped and why, for example "3 Replay, 1 TooFast".
func dropped(ledger *evidence.Ledger) string {
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(ledger.Drops)) {
		all = append(all, fmt.Sprintf("%d %s", ledger.Drops[reason], reason))
	}
	return strings.Join(all, ", ")
}
