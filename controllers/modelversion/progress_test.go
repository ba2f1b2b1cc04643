package modelversion

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

func TestProgressIsReadWithinBounds(t *testing.T) {
	tests := map[string]struct {
		handler  http.HandlerFunc
		want     Progress
		wantWord string
	}{
		"a document": {
			answerWith(`{"schema":"tryon.progress/v1","step":180,"totalSteps":290,"epoch":2,"metrics":{"loss":0.1},"phase":"Training"}`),
			Progress{Step: 180, TotalSteps: 290, Phase: "Training"}, "",
		},
		"another schema":    {answerWith(`{"schema":"x","step":1}`), Progress{}, "not a tryon.progress/v1 document"},
		"a negative step":   {answerWith(`{"schema":"tryon.progress/v1","step":-1}`), Progress{}, "not a tryon.progress/v1 document"},
		"no JSON":           {answerWith(`<html>`), Progress{}, "decoding progress"},
		"an endless answer": {answerWith(strings.Repeat(" ", maxProgressBody+1)), Progress{}, "more than 65536 bytes"},
		"an error":          {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, Progress{}, "418"},
		"a redirect elsewhere": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
			},
			Progress{}, "302",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			got, err := NewProgressPoller(testingclock.NewFakePassiveClock(time.Now())).ask(context.Background(), server.URL)
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if (err != nil) != (test.wantWord != "") || (err != nil && !strings.Contains(err.Error(), test.wantWord)) {
				t.Errorf("error %v, want one with %q", err, test.wantWord)
			}
		})
	}
}

func TestAPodIsAskedAtMostEveryTenSeconds(t *testing.T) {
	clock := testingclock.NewFakePassiveClock(time.Now())
	p := NewProgressPoller(clock)
	p.last["10.0.0.1"] = answer{when: clock.Now(), progress: Progress{Step: 7}}
	if got, err := p.Read(t.Context(), "10.0.0.1"); err != nil || got.Step != 7 {
		t.Errorf("a fresh answer was not taken: %+v, %v", got, err)
	}
	clock.SetTime(clock.Now().Add(progressPace))
	if _, ok := p.remembered("10.0.0.1", clock.Now()); ok || len(p.last) > 0 {
		t.Error("a stale answer is remembered")
	}
}

func TestProgressIsRenderedForPeople(t *testing.T) {
	tests := map[string]struct {
		progress *Progress
		want     string
	}{
		"unknown":       {nil, "pf-gen"},
		"fetching":      {&Progress{Phase: "Fetching"}, "pf-gen fetching"},
		"publishing":    {&Progress{Phase: "Publishing", Step: 290, TotalSteps: 290}, "pf-gen publishing"},
		"training":      {&Progress{Phase: "Training", Step: 180, TotalSteps: 290}, "pf-gen 62% 180/290 steps"},
		"no total":      {&Progress{Phase: "Training", Step: 180}, "pf-gen step 180"},
		"past its end":  {&Progress{Phase: "Training", Step: 300, TotalSteps: 290}, "pf-gen 100% 300/290 steps"},
		"largest steps": {&Progress{Phase: "Training", Step: 1<<63 - 1, TotalSteps: 1<<63 - 1}, "pf-gen 100% 9223372036854775807/9223372036854775807 steps"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := renderProgress("pf-gen", test.progress); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func answerWith(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}
