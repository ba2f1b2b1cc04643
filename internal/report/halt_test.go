package report

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWorkEndsForTheReasonOfItsError(t *testing.T) {
	gone := errors.New("the store is gone")
	for name, tt := range map[string]struct {
		err     error
		verdict Verdict
		reason  string
		message string
	}{
		"no reason is known":        {gone, Errored, "Unknown", "the store is gone"},
		"it could not be done":      {Errored.Because("StoreUnavailable", gone), Errored, "StoreUnavailable", "the store is gone"},
		"its result is bad":         {Failed.Because("NoOutput", gone), Failed, "NoOutput", "the store is gone"},
		"the reason lies deeper":    {fmt.Errorf("case 7: %w", Failed.Because("NoOutput", gone)), Failed, "NoOutput", "case 7: the store is gone"},
		"the outermost reason says": {Errored.Because("Terminated", fmt.Errorf("asked to stop: %w", Failed.Because("NoOutput", gone))), Errored, "Terminated", "asked to stop: the store is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			want := Envelope{Schema: Schema, Kind: KindStage, Key: "sha256:k", Verdict: tt.verdict, Reason: tt.reason, Message: tt.message}
			if diff := cmp.Diff(want, End(KindStage, "sha256:k", tt.err, "Unknown")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !errors.Is(tt.err, gone) {
				t.Error("what happened is lost")
			}
		})
	}
}

func TestWhereNothingWentWrongNothingEnds(t *testing.T) {
	if err := Errored.Because("StoreUnavailable", nil); err != nil {
		t.Errorf("error %v of nothing", err)
	}
}
