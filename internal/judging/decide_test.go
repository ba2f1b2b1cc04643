package judging

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/names"
	"github.com/braincreators/tryon-operator/internal/rollout"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/servingpod/servingpodtest"
)

func TestALedgerIsOpenedForTheCandidateBeforeAnythingIsCounted(t *testing.T) {
	tod := storefront()
	question := caseOf(tod, shadowed(tod), 0)
	kept, grown := open(t, question), open(t, question)
	for name, tt := range map[string]struct {
		seen Seen
		plan rollout.Plan
		// opened and the very ledger that is kept, else none is.
		opened bool
		kept   *evidence.Ledger
	}{
		"before it is shadowed":              {Seen{Case: question}, rollout.Plan{Candidate: "tops-v2", Shadow: 20}, true, nil},
		"before it is replayed":              {Seen{Case: question}, rollout.Plan{Candidate: "tops-v2", Replay: true}, true, nil},
		"not while nothing is compared":      {Seen{Case: question}, rollout.Plan{Candidate: "tops-v2", Weight: 10}, false, nil},
		"not for another candidate":          {Seen{Case: question}, rollout.Plan{Candidate: "tops-v3", Shadow: 20}, false, nil},
		"not where nothing is judged":        {Seen{}, rollout.Plan{Candidate: "tops-v2", Shadow: 20}, false, nil},
		"not where one is kept":              {Seen{Case: question, Ledger: kept}, rollout.Plan{Candidate: "tops-v2", Shadow: 20}, false, nil},
		"one that has grown is kept anyway":  {Seen{Case: question, Ledger: grown, Grown: true}, rollout.Plan{}, false, grown},
		"one that has grown is kept as well": {Seen{Case: question, Ledger: grown, Grown: true}, rollout.Plan{Candidate: "tops-v2", Shadow: 20}, false, grown},
	} {
		t.Run(name, func(t *testing.T) {
			got := tt.seen.LedgerFor(tt.plan, servingpodtest.Noon)
			if tt.opened {
				if got == nil || got.Epoch != question.Epoch || !got.Since.Equal(servingpodtest.Noon) {
					t.Errorf("ledger %+v, want a new one", got)
				}
			} else if got != tt.kept {
				t.Errorf("ledger %+v, want %+v", got, tt.kept)
			}
		})
	}
}

func TestAJudgementStandsAsItsEvidenceDoes(t *testing.T) {
	tod := storefront()
	question := caseOf(tod, shadowed(tod), 0)
	full := open(t, question)
	if _, drop := full.Take(counted(t, question, evidence.ReplayInstance(question.Epoch), 1, 60), servingpodtest.Noon.Add(time.Minute)); drop != evidence.Accepted {
		t.Fatal(drop)
	}
	for name, tt := range map[string]struct {
		seen  Seen
		epoch string
		rule  string
		// restarts of the judgement; -1 where there is none.
		restarts int32
		replay   rollout.ReplayState
	}{
		"nothing is judged":                    {Seen{}, "", "", -1, ""},
		"no ledger is open yet":                {Seen{Case: question}, question.Epoch, "", -1, ""},
		"the evidence was lost":                {Seen{Case: question, Restarts: 2}, question.Epoch, "the evidence was lost and is collected anew", 2, ""},
		"it is collected anew":                 {Seen{Case: question, Restarts: 1, Ledger: full}, question.Epoch, question.Summarize(full, nil, servingpodtest.Noon).Rule, 1, ""},
		"it is collected":                      {Seen{Case: question, Ledger: full}, question.Epoch, question.Summarize(full, nil, servingpodtest.Noon).Rule, 0, ""},
		"it has all that the replay has given": {Seen{Case: question, Ledger: full, Replay: ofReplay(t, question, counted(t, question, evidence.ReplayInstance(question.Epoch), 1, 60))}, question.Epoch, question.Summarize(full, nil, servingpodtest.Noon).Rule, 0, rollout.ReplayDone},
	} {
		t.Run(name, func(t *testing.T) {
			s := Decide(tod, tt.seen, servingpodtest.Noon)
			if s.Epoch != tt.epoch || s.Verdict.Rule != tt.rule || s.Replay.State != tt.replay {
				t.Errorf("epoch %s, verdict %+v, replay %+v", s.Epoch, s.Verdict, s.Replay)
			}
			if tt.restarts < 0 {
				if s.Judgement != nil || s.Verdict.Outcome != "" {
					t.Errorf("judgement %+v, verdict %+v; want none", s.Judgement, s.Verdict)
				}
				return
			}
			if s.Judgement == nil || ptr.Deref(s.Judgement.Restarts, 0) != tt.restarts || s.Verdict.Epoch != question.Epoch || s.Verdict.Outcome != sequential.KeepCollecting {
				t.Errorf("judgement %+v, verdict %+v", s.Judgement, s.Verdict)
			}
		})
	}
}

func TestAKeptLedgerIsReadAgainAsItWas(t *testing.T) {
	tod := storefront()
	ledger := open(t, caseOf(tod, shadowed(tod), 0))
	c := court(t, nil, tod)
	if err := c.Keep(t.Context(), tod, Seen{}, nil); err != nil {
		t.Fatal(err)
	}
	key := client.ObjectKey{Namespace: "shop", Name: names.Evidence("storefront")}
	if err := c.Live.Get(t.Context(), key, &corev1.ConfigMap{}); err == nil {
		t.Error("a ledger is written although there is none")
	}
	if err := c.Keep(t.Context(), tod, Seen{}, ledger); err != nil {
		t.Fatal(err)
	}
	again, err := c.Ledger(t.Context(), tod)
	if err != nil || again == nil || again.Epoch != ledger.Epoch || !again.Since.Equal(ledger.Since) {
		t.Errorf("%+v, %v", again, err)
	}
}
