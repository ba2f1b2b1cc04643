package datatest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/dataset"
	"github.com/braincreators/tryon-operator/internal/datatest"
	"github.com/braincreators/tryon-operator/internal/datatest/page"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/synth"
	"github.com/braincreators/tryon-operator/internal/task"
)

// subject is a dataset on disk, pinned.
type subject struct {
	dir    string
	store  *artefact.Store
	pinned *dataset.Pinned
}

func draw(t *testing.T, broken ...string) *subject {
	t.Helper()
	s := &subject{dir: filepath.Join(t.TempDir(), "data")}
	err := synth.Generate(t.Context(), synth.Options{Dir: s.dir, Seed: 7, Train: 12, Test: 4, Height: 64, Width: 48, Break: broken})
	if err != nil {
		t.Fatal(err)
	}
	if s.store, err = artefact.Create(t.Context(), "file://"+filepath.Join(t.TempDir(), "store")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

func (s *subject) test(t *testing.T, overrides ...task.CheckOverride) *datatest.Full {
	t.Helper()
	var err error
	if s.pinned, err = dataset.Pin(t.Context(), s.store, dataset.PinOptions{URI: "file://" + s.dir, Layout: dataset.LayoutVITONHD}); err != nil {
		t.Fatal(err)
	}
	full, err := s.run(t.Context(), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func (s *subject) run(ctx context.Context, overrides ...task.CheckOverride) (*datatest.Full, error) {
	source, err := dataset.OpenSource(ctx, "file://"+s.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }()
	return datatest.Run(ctx, datatest.Options{Source: source, Manifest: s.pinned.Manifest, Digest: s.pinned.Digest, Checks: overrides})
}

func (s *subject) render(t *testing.T, full *datatest.Full) *page.Rendered {
	t.Helper()
	source, err := dataset.OpenSource(t.Context(), "file://"+s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = source.Close() }()
	out, err := page.Render(t.Context(), full, source, s.pinned.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// failing names the checks that did not pass, with their severity.
func failing(full *datatest.Full) []string {
	var out []string
	for _, r := range full.Checks {
		if r.Verdict != report.Passed {
			out = append(out, string(r.Severity)+" "+r.Name)
		}
	}
	return out
}

func find(t *testing.T, full *datatest.Full, name string) datatest.Result {
	t.Helper()
	i := slices.IndexFunc(full.Checks, func(r datatest.Result) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("no result of %s", name)
	}
	return full.Checks[i]
}

func TestACleanDatasetPassesEveryCheckAndEveryCheckLookedAtSomething(t *testing.T) {
	full := draw(t).test(t)
	if full.Verdict != report.Passed || failing(full) != nil {
		t.Errorf("verdict %s, failing %v", full.Verdict, failing(full))
	}
	for _, r := range full.Checks {
		if r.Examined == 0 {
			t.Errorf("%s examined nothing", r.Name)
		}
	}
}

func TestEveryFaultIsFoundByItsOwnCheckAndNoOther(t *testing.T) {
	severities := map[string]datatest.Severity{}
	for _, c := range datatest.Checks() {
		severities[c.Name] = c.Severity
	}
	// Copies of files are duplicates as well, which only warns; and without upper clothes there are no worn colours to compare,
	// which is not measured rather than bad.
	echoes := map[string]string{"odd-name": "Warn near-duplicates", "stray-file": "Warn near-duplicates", "palette": "Block garment-matches"}
	for _, fault := range synth.Faults() {
		t.Run(fault.Name, func(t *testing.T) {
			full := draw(t, fault.Name).test(t)
			want := []string{string(severities[fault.Check]) + " " + fault.Check}
			if echo := echoes[fault.Name]; echo != "" {
				want = append(want, echo)
			}
			if diff := cmp.Diff(want, failing(full)); diff != "" {
				t.Errorf("failing checks (-want +got):\n%s", diff)
			}
			wantVerdict := report.Passed
			if severities[fault.Check] == datatest.Block {
				wantVerdict = report.Failed
			}
			first := full.Summary().First
			if full.Verdict != wantVerdict || first == nil || first.Check != fault.Check || first.Offender == "" || first.Count == 0 {
				t.Errorf("verdict %s, first failure %+v", full.Verdict, first)
			}
		})
	}
}

func TestOverridesChangeSeverityAndBudgetByName(t *testing.T) {
	s := draw(t, "crlf")
	tests := map[string]struct {
		overrides []task.CheckOverride
		want      report.Verdict
	}{
		"as a warning":           {[]task.CheckOverride{{Name: "pair-list-syntax", Severity: "Warn"}}, report.Passed},
		"switched off":           {[]task.CheckOverride{{Name: "pair-list-syntax", Severity: "Off"}}, report.Passed},
		"with room for them all": {[]task.CheckOverride{{Name: "pair-list-syntax", Budget: "100%"}}, report.Passed},
		"with too little room":   {[]task.CheckOverride{{Name: "pair-list-syntax", Budget: "0.1"}}, report.Failed},
		"of another check":       {[]task.CheckOverride{{Name: "near-duplicates", Severity: "Block"}}, report.Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if full := s.test(t, tt.overrides...); full.Verdict != tt.want {
				t.Errorf("verdict %s, want %s", full.Verdict, tt.want)
			}
		})
	}
}

func TestOverridesThatCannotTakeEffectAreRefused(t *testing.T) {
	s := draw(t)
	s.test(t)
	tests := map[string]struct {
		override []task.CheckOverride
		want     string
	}{
		"an unknown check":    {[]task.CheckOverride{{Name: "blurr"}}, "known: manifest-completeness, join-by-name"},
		"an unknown severity": {[]task.CheckOverride{{Name: "near-blank", Severity: "Fatal"}}, "none of Block, Warn"},
		"a budget over 1":     {[]task.CheckOverride{{Name: "near-blank", Budget: "2"}}, "no share"},
		"a budget of NaN":     {[]task.CheckOverride{{Name: "near-blank", Budget: "NaN"}}, "no share"},
		"a negative budget":   {[]task.CheckOverride{{Name: "near-blank", Budget: "-1%"}}, "no share"},
		"the same one twice":  {[]task.CheckOverride{{Name: "near-blank"}, {Name: "near-blank"}}, "twice"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := s.run(t.Context(), tt.override...)
			if !errors.Is(err, datatest.ErrOverride) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want ErrOverride with %q", err, tt.want)
			}
		})
	}
}

func TestAFileThatChangedAfterThePinFailsTheDigestCheck(t *testing.T) {
	s := draw(t)
	s.test(t)
	other := filepath.Join(s.dir, "train/image/000003_00.png")
	body, err := os.ReadFile(filepath.Join(s.dir, "train/image/000004_00.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, body, 0o644); err != nil {
		t.Fatal(err)
	}
	full, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Block decode-and-digest"}, failing(full)); diff != "" {
		t.Errorf("failing checks (-want +got):\n%s", diff)
	}
	if r := find(t, full, "decode-and-digest"); r.Offenders != 1 || r.Named[0].Path != "train/image/000003_00.png" {
		t.Errorf("offenders: %d, %v", r.Offenders, r.Named)
	}
}

func TestWhatCannotBeMeasuredIsErroredAndNotFailed(t *testing.T) {
	s := draw(t)
	for _, split := range []string{"train", "test"} {
		files, err := filepath.Glob(filepath.Join(s.dir, split, "openpose_json", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	full := s.test(t, task.CheckOverride{Name: "manifest-completeness", Severity: "Off"})
	if full.Verdict != report.Errored {
		t.Errorf("verdict %s, want Errored", full.Verdict)
	}
	for _, name := range []string{"pose-one-person", "palette-identity"} {
		if r := find(t, full, name); r.Verdict != report.Errored || r.Note == "" {
			t.Errorf("%s: verdict %s, note %q", name, r.Verdict, r.Note)
		}
	}
}

func TestTheReportIsTheSameForEveryOrderOfDecoding(t *testing.T) {
	s := draw(t, "grey-mask", "duplicates", "crlf")
	first, err := json.Marshal(s.test(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		again, err := json.Marshal(s.test(t))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(first), string(again)); diff != "" {
			t.Fatalf("reports differ:\n%s", diff)
		}
	}
}

func TestThePageHoldsThePicturesOfOffendersAndAsksForNothingElse(t *testing.T) {
	s := draw(t, "grey-mask")
	rendered := s.render(t, s.test(t))
	html := string(rendered.HTML)
	for _, want := range []string{"Blocked", "mask-binary", "train/cloth-mask/000001_00.png", "data:image/jpeg;base64,"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, banned := range []string{"http://", "https://", "<script", "src=\"/", "url("} {
		if strings.Contains(html, banned) {
			t.Errorf("the page holds %q", banned)
		}
	}
}

func TestThePicturesOfAPageCanBeSeen(t *testing.T) {
	s := draw(t, "grey-mask")
	body := string(s.render(t, s.test(t)).HTML)
	found := regexp.MustCompile(`src="data:image/jpeg;base64,([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(found) == 0 {
		t.Error("the page has no picture")
	}
	for _, match := range found {
		thumbnail, err := base64.StdEncoding.DecodeString(html.UnescapeString(match[1]))
		if err == nil {
			_, err = jpeg.Decode(bytes.NewReader(thumbnail))
		}
		if err != nil {
			t.Errorf("a picture cannot be decoded: %v", err)
		}
	}
}

func TestThePageOfACleanDatasetShowsSomeRows(t *testing.T) {
	s := draw(t)
	html := string(s.render(t, s.test(t)).HTML)
	if n := strings.Count(html, "data:image/jpeg"); n != 6*5 {
		t.Errorf("the page shows %d pictures, want 5 each of 3 training and 3 test rows", n)
	}
}

func TestJUnitFailsOnlyForChecksThatBlock(t *testing.T) {
	s := draw(t, "grey-mask", "duplicates")
	var got struct {
		Failures int `xml:"failures,attr"`
		Tests    int `xml:"tests,attr"`
		Cases    []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Output  string    `xml:"system-out"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal(s.render(t, s.test(t)).JUnit, &got); err != nil {
		t.Fatal(err)
	}
	if got.Failures != 1 || got.Tests != len(datatest.Checks()) {
		t.Errorf("%d failures of %d tests", got.Failures, got.Tests)
	}
	for _, c := range got.Cases {
		if (c.Failure != nil) != (c.Name == "mask-binary") {
			t.Errorf("%s: failure %v", c.Name, c.Failure != nil)
		}
		if c.Name == "near-duplicates" && c.Output == "" {
			t.Error("the warning left no output")
		}
	}
}

func TestDocumentsAreStoredUnderTheVersionAndTheKey(t *testing.T) {
	s := draw(t)
	rendered := s.render(t, s.test(t))
	key := artefact.DigestOf([]byte("key"))
	name, err := rendered.Store(t.Context(), s.store, s.pinned.Digest, key)
	if err != nil {
		t.Fatal(err)
	}
	want := "datasets/" + strings.TrimPrefix(s.pinned.Digest, "sha256:") + "/tests/" + strings.TrimPrefix(key, "sha256:") + "/report.json"
	if name != want {
		t.Errorf("stored as %s, want %s", name, want)
	}
	body, err := s.store.ReadDocument(t.Context(), name, 1<<20)
	if err != nil || !cmp.Equal(body, rendered.JSON) {
		t.Errorf("the stored report differs: %v", err)
	}
}
