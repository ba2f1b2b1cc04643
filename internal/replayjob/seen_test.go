package replayjob

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/backend"
	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/podwatch"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/resources"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/serving"
)

const epoch = "e1"

var (
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	question = serving.Replay{
		Epoch: epoch, Stable: serving.Version{Name: "tops-v1"}, Candidate: serving.Version{Name: "tops-v2"}, LatencyRatio: 1.1,
	}
)

// counted is a report of a replay.
func counted(t *testing.T, sequence, pairs int64, change ...func(*evidence.Report)) evidence.Report {
	t.Helper()
	totals, err := evidence.NewTotals(question.LatencyRatio)
	if err != nil {
		t.Fatal(err)
	}
	for range pairs {
		totals.Pairs++
		totals.Errors.Observe(false, false)
	}
	r := evidence.Report{
		Schema: evidence.Schema, Epoch: epoch, Stable: "tops-v1", Candidate: "tops-v2", Instance: evidence.ReplayInstance(epoch),
		Sequence: sequence, TakenAt: noon, Totals: totals,
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

// words are the last ones of a replay that gave reports.
func words(t *testing.T, reports ...evidence.Report) report.Envelope {
	t.Helper()
	packed, err := evidence.Pack(reports...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := report.New(report.KindReplay, string(question.Key()), report.Passed, report.ReplaySummary{Pairs: 30, Evidence: packed})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run is an attempt at the question.
func run(state backend.State, change ...func(*backend.Run)) backend.Run {
	r := backend.Run{Name: "replay-1", Key: question.Key(), State: state, Attempt: resources.Attempt{}, CreatedAt: noon}
	for _, c := range change {
		c(&r)
	}
	return r
}

// full is a ledger that has what reports say.
func full(t *testing.T, reports ...evidence.Report) *evidence.Ledger {
	t.Helper()
	ledger, err := evidence.NewLedger(epoch, "tops-v1", "tops-v2", question.LatencyRatio, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if _, drop := ledger.Take(r, noon.Add(time.Minute)); drop != evidence.Accepted {
			t.Fatal(drop)
		}
	}
	return ledger
}

func reporting(e report.Envelope) func(*backend.Run) { return func(r *backend.Run) { r.Report = e } }

func TestAReplayStandsAsItsJobAndItsEvidenceDo(t *testing.T) {
	early, whole := counted(t, 1, 10), counted(t, 2, 30)
	said := reporting(words(t, early, whole))
	unplaced := func(r *backend.Run) {
		r.Trouble = podwatch.Trouble{Reason: "Unschedulable", Message: "Pod a finds no node"}
	}
	foreign := counted(t, 1, 10, func(r *evidence.Report) { r.Epoch = "e2" })
	ahead := counted(t, 1, 10, func(r *evidence.Report) { r.TakenAt = noon.Add(time.Hour) })
	fewer, tooMany := counted(t, 3, 20), counted(t, 1, 60*evidence.MaxPairsPerSecond)
	have := func(reports ...evidence.Report) *Seen {
		return &Seen{Replay: question, Runs: []backend.Run{run(backend.Reported, reporting(words(t, reports...)))}}
	}
	failed := func(r *backend.Run) { r.FinishedAt, r.Message = noon.Add(-time.Second), "the runtime crashed" }
	for name, tt := range map[string]struct {
		seen   *Seen
		ledger *evidence.Ledger
		state  rollout.ReplayState
		says   string
		// start and run say whether a Job is to be started, and whether there is one.
		start, run bool
	}{
		"nobody has looked":                            {nil, nil, "", "", false, false},
		"nothing has run":                              {&Seen{Replay: question}, nil, "", "", true, false},
		"only another question's Job is there":         {&Seen{Replay: question, Runs: []backend.Run{run(backend.Running, func(r *backend.Run) { r.Key = "sha256:x" })}}, nil, "", "", true, false},
		"it runs":                                      {&Seen{Replay: question, Runs: []backend.Run{run(backend.Running)}}, nil, rollout.ReplayRunning, "", false, true},
		"its pod finds no node":                        {&Seen{Replay: question, Runs: []backend.Run{run(backend.Waiting, unplaced)}}, nil, rollout.ReplayRunning, "Pod a finds no node", false, true},
		"it failed":                                    {&Seen{Replay: question, Runs: []backend.Run{run(backend.Errored, failed)}}, nil, rollout.ReplayFailed, "the runtime crashed", false, true},
		"the dataset is gone":                          {&Seen{Replay: question, Missing: "the dataset is gone"}, nil, rollout.ReplayFailed, "the dataset is gone", true, false},
		"the dataset went after it reported":           {&Seen{Replay: question, Missing: "the dataset is gone", Runs: []backend.Run{run(backend.Reported, said)}}, full(t), rollout.ReplayRunning, "", false, true},
		"it has reported, and nothing is taken":        {&Seen{Replay: question, Runs: []backend.Run{run(backend.Reported, said)}}, full(t), rollout.ReplayRunning, "", false, true},
		"only the first report is taken":               {&Seen{Replay: question, Runs: []backend.Run{run(backend.Reported, said)}}, full(t, early), rollout.ReplayRunning, "", false, true},
		"everything is taken":                          {&Seen{Replay: question, Runs: []backend.Run{run(backend.Reported, said)}}, full(t, early, whole), rollout.ReplayDone, "", false, true},
		"everything is taken, and its Job has gone":    {&Seen{Replay: question}, full(t, early, whole), rollout.ReplayDone, "", true, false},
		"everything is taken, and the dataset is gone": {&Seen{Replay: question, Missing: "the dataset is gone"}, full(t, early, whole), rollout.ReplayDone, "", true, false},
		"what it says is no evidence":                  {&Seen{Replay: question, Runs: []backend.Run{run(backend.Reported, reporting(report.Envelope{}))}}, full(t), rollout.ReplayRefused, "refused (Invalid): invalid evidence document", false, true},
		"its evidence is of another question":          {have(foreign), full(t), rollout.ReplayRefused, "refused (WrongEpoch): it answers another question", false, true},
		"its evidence is less than before":             {have(fewer), full(t, early, whole), rollout.ReplayRefused, "refused (Backwards): its totals cannot have grown", false, true},
		"its evidence is from the future":              {have(ahead), full(t), rollout.ReplayFailed, "refused (FromFuture): the clock that dated it is ahead by more than 5m0s; set the clocks of the nodes, it is taken when its time of 2026-11-22T13:00:00Z has come", false, true},
		"its evidence comes sooner than it can":        {have(tooMany), full(t), rollout.ReplayRunning, "cannot be taken yet (TooFast)", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, next := tt.seen.Stand(tt.ledger, noon)
			if got.State != tt.state || !strings.Contains(got.Message, tt.says) || (tt.says == "") != (got.Message == "") {
				t.Errorf("%+v, want %q with %q", got, tt.state, tt.says)
			}
			if (next.Run != nil) != tt.run || (tt.start && next.Start == nil) {
				t.Errorf("next is %+v, want a Job: %t, a start: %t", next, tt.run, tt.start)
			}
		})
	}
}

func TestOnlyTheReplayOfThisQuestionGivesEvidence(t *testing.T) {
	good := words(t, counted(t, 1, 10), counted(t, 2, 30))
	foreign := words(t, counted(t, 1, 10, func(r *evidence.Report) { r.Instance = evidence.ReplayInstance("another") }))
	packless, err := report.New(report.KindReplay, string(question.Key()), report.Passed, report.ReplaySummary{Pairs: 1, Evidence: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	evaluation := good
	evaluation.Kind = report.KindEvaluation
	for name, tt := range map[string]struct {
		runs    []backend.Run
		reports int
		wrong   bool
	}{
		"nothing has run":                {nil, 0, false},
		"it runs":                        {[]backend.Run{run(backend.Running)}, 0, false},
		"it has reported":                {[]backend.Run{run(backend.Reported, reporting(good))}, 2, false},
		"it has reported at last":        {[]backend.Run{run(backend.Errored), run(backend.Reported, reporting(good))}, 2, false},
		"another question's":             {[]backend.Run{run(backend.Reported, reporting(good), func(r *backend.Run) { r.Key = "sha256:x" })}, 0, false},
		"the reports of another one":     {[]backend.Run{run(backend.Reported, reporting(foreign))}, 0, true},
		"a summary without a pack":       {[]backend.Run{run(backend.Reported, reporting(packless))}, 0, true},
		"the envelope of something else": {[]backend.Run{run(backend.Reported, reporting(evaluation))}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			reports, err := (&Seen{Replay: question, Runs: tt.runs}).Evidence()
			if len(reports) != tt.reports || errors.Is(err, evidence.ErrInvalid) != tt.wrong || (err != nil) != tt.wrong {
				t.Errorf("%d reports, %v; want %d, wrong: %t", len(reports), err, tt.reports, tt.wrong)
			}
		})
	}
}
