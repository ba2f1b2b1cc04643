package shadow

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/sequential"
	"github.com/braincreators/tryon-operator/internal/sidecar/route"
)

func TestWhateverACandidateDoesEndsAsOneOutcome(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, tt := range map[string]struct {
		candidate http.HandlerFunc
		want      string
	}{
		"a good one": {good(same), "Answered/Answered"},
		"a dead one": {nil, "Answered/Unreachable"},
		"a silent one": {func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, "Answered/TimedOut"},
		"one that drips": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{0})
				_ = http.NewResponseController(w).Flush()
				<-time.After(time.Millisecond)
			}
		}, "Answered/TimedOut"},
		"one that hangs up":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "Answered/Unreachable"},
		"one that fails":       {status(http.StatusInternalServerError, "no"), "Answered/Failed"},
		"one that is not up":   {status(http.StatusServiceUnavailable, `{"code":"RuntimeUnavailable"}`), "Answered/Failed"},
		"one without a word":   {status(http.StatusServiceUnavailable, ``), "Answered/Failed"},
		"one that redirects":   {status(http.StatusFound, ""), "Answered/Failed"},
		"one that is busy":     {status(http.StatusServiceUnavailable, `{"code":"Overloaded"}`), "CandidateBusy"},
		"one that is stopping": {status(http.StatusServiceUnavailable, `{"code":"Draining"}`), "CandidateBusy"},
		"garbage":              {status(http.StatusOK, "<html>"), "Answered/Malformed"},
		"nothing":              {status(http.StatusOK, ""), "Answered/Malformed"},
		"a short picture":      {good(func(out *oip.Result) { out.Image = out.Image[:10] }), "Answered/Malformed"},
		"an endless one": {func(w http.ResponseWriter, _ *http.Request) {
			chunk := make([]byte, 1<<20)
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, "Answered/Malformed"},
		"an endless header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, "Answered/Unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			url := "http://" + address
			if tt.candidate != nil {
				server := httptest.NewServer(tt.candidate)
				defer server.Close()
				url = server.URL
			}
			report, events := compareOne(t, url, sample())
			if diff := cmp.Diff([]string{tt.want}, events); diff != "" {
				t.Error(diff)
			}
			want := sequential.Pairs{OnlyCandidate: 1}
			switch tt.want {
			case "Answered/Answered":
				want = sequential.Pairs{BothGood: 1}
			case "CandidateBusy":
				want = sequential.Pairs{}
				if report.Dropped.Busy != 1 {
					t.Errorf("dropped %+v", report.Dropped)
				}
			}
			if report.Errors != want {
				t.Errorf("errors %+v, want %+v", report.Errors, want)
			}
			if n := want.BothGood; report.Latency.N() != n || report.Artefacts.N() != n || report.Disagreement.Garment.N != n {
				t.Errorf("%d latencies, %d artefacts, %d disagreements, want %d of each", report.Latency.N(), report.Artefacts.N(), report.Disagreement.Garment.N, n)
			}
		})
	}
}

func TestOnlyTensorsAndSeedLeaveThePod(t *testing.T) {
	seen := make(chan *http.Request, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, err := oip.DecodeRequest(body, r.Header.Get(oip.HeaderLength), oip.Limits{})
		if err != nil {
			t.Error(err)
		}
		s := sample()
		person, _ := got.Input(oip.InputPerson)
		if len(got.Inputs) != 3 || !bytes.Equal(person.Data, s.In.Person) || got.Parameters["seed"] != json.Number("7") || len(got.Parameters) != 1 {
			t.Errorf("%d inputs, parameters %#v", len(got.Inputs), got.Parameters)
		}
		seen <- r
		good(same)(w, r)
	}))
	defer server.Close()
	compareOne(t, server.URL, sample())
	r := <-seen
	var names []string
	for name := range r.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{"Content-Length", "Content-Type", oip.HeaderLength, route.HeaderShadow, "User-Agent"}
	slices.Sort(want)
	if diff := cmp.Diff(want, names); diff != "" || r.URL.RequestURI() != "/v2/models/tryon/infer" {
		t.Errorf("%s %s", r.URL, diff)
	}
}

func TestACandidatesTimeIsBelievedUpToWhatWasSeen(t *testing.T) {
	const wall = 100 * time.Millisecond
	for header, want := range map[string]struct {
		took  time.Duration
		alone bool
	}{
		Timing(30*time.Millisecond, true):  {30 * time.Millisecond, true},
		Timing(30*time.Millisecond, false): {30 * time.Millisecond, false},
		Timing(time.Hour, true):            {wall, true},
		"":                                 {wall, true},
		"decode;dur=1":                     {wall, true},
		"runtime;dur=NaN":                  {wall, true},
		"runtime;dur=-1":                   {wall, true},
		"runtime;dur=0":                    {wall, true},
		"runtime;dur=1e999":                {wall, true},
		"runtime;dur=1e-300":               {1, true},
		"runtime;dur=x;desc=shared":        {wall, false},
	} {
		if took, alone := modelTime(header, wall); took != want.took || alone != want.alone {
			t.Errorf("%q: %s, alone %v; want %s, %v", header, took, alone, want.took, want.alone)
		}
	}
}

func TestPatienceFollowsThisPodsOwnTime(t *testing.T) {
	const most, hour = 15 * time.Second, time.Hour
	for name, tt := range map[string]struct {
		sample Sample
		want   time.Duration
	}{
		"a fast run":  {Sample{Took: 10 * time.Millisecond, Had: hour}, 2 * time.Second},
		"a usual one": {Sample{Took: 500 * time.Millisecond, Had: hour}, 5 * time.Second},
		"a long one":  {Sample{Took: 10 * time.Second, Had: hour}, most},
		"a failure":   {Sample{Took: time.Millisecond, Failed: true, Had: hour}, most},
		"a late run":  {Sample{Took: 500 * time.Millisecond, Had: 3 * time.Second}, 3 * time.Second},
		"one cut off": {Sample{Took: 3 * time.Second, Failed: true, Had: 3 * time.Second}, 3 * time.Second},
	} {
		if got := tt.sample.Patience(most); got != tt.want {
			t.Errorf("after %s: %s, want %s", name, got, tt.want)
		}
	}
}
