package worker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// drawn makes a small dataset through the command line.
func drawn(t *testing.T, more ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	args := append([]string{"synth", "--out", dir, "--train", "6", "--test", "3", "--height", "64", "--width", "48"}, more...)
	if code, out, errs := call(t, args...); code != 0 {
		t.Fatalf("synth exits with %d: %s%s", code, out, errs)
	}
	return dir
}

// envelope runs a subcommand with a termination log and decodes what it left there.
func envelope(t *testing.T, args ...string) (int, report.Envelope, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "termination")
	t.Setenv(terminationLogEnv, file)
	code, out, errs := call(t, args...)
	body, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no envelope after exit %d: %s%s", code, out, errs)
	}
	e, err := report.Decode(string(body))
	if err != nil {
		t.Fatal(err)
	}
	return code, e, out
}

func TestPinAndTestFromTasksLeaveEnvelopesAndDocuments(t *testing.T) {
	source := task.Source{URI: "file://" + drawn(t), Layout: "VITONHD"}
	store := "file://" + filepath.Join(t.TempDir(), "store")
	key := "sha256:" + strings.Repeat("ab", 32)
	give := func(of any) {
		body, err := task.Encode(of)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(task.Env, body)
	}
	give(task.Pin{Key: key, Store: store, Source: source})
	code, e, _ := envelope(t, "pin")
	var pinned report.PinSummary
	if err := e.Into(report.KindPin, &pinned); err != nil {
		t.Fatal(err)
	}
	if code != 0 || e.Verdict != report.Passed || e.Key != key || pinned.TrainPairs != 6 || pinned.TestPairs != 3 || pinned.Height != 64 {
		t.Errorf("pin: exit %d, %s, %+v", code, e.Verdict, pinned)
	}
	give(task.DataTest{Key: key, Store: store, Source: source, Digest: pinned.Digest})
	code, e, out := envelope(t, "test")
	var tested report.DataTestsSummary
	if err := e.Into(report.KindDataTests, &tested); err != nil {
		t.Fatal(err)
	}
	if code != 0 || e.Verdict != report.Passed || tested.Passed != tested.Checks || !strings.Contains(out, "train-test-leak") {
		t.Errorf("test: exit %d, %s, %+v\n%s", code, e.Verdict, tested, out)
	}
	want := "datasets/" + strings.TrimPrefix(pinned.Digest, "sha256:") + "/tests/" + strings.Repeat("ab", 32) + "/report.json"
	if e.Report == nil || e.Report.URI != want {
		t.Errorf("the report is at %+v, want %s", e.Report, want)
	}
	for _, name := range []string{want, strings.Replace(want, "json", "html", 1), strings.Replace(want, "report.json", "junit.xml", 1)} {
		if _, err := os.Stat(filepath.Join(strings.TrimPrefix(store, "file://"), name)); err != nil {
			t.Error(err)
		}
	}
}

func TestABrokenDatasetFailsWithTheCheckTheCountAndTheFirstOffender(t *testing.T) {
	code, e, _ := envelope(t, "test", "--source", drawn(t, "--break", "grey-mask"), "--store", t.TempDir())
	if code != exitFailed || e.Verdict != report.Failed || e.Reason != ReasonDataTestsFailed {
		t.Errorf("exit %d, %s (%s)", code, e.Verdict, e.Reason)
	}
	for _, want := range []string{"mask-binary", "1 found, 0 allowed", "train/cloth-mask/000001_00.png"} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("the message %q lacks %q", e.Message, want)
		}
	}
}

func TestAVerdictInAPodIsAnOutcomeThatIsNotTriedAgain(t *testing.T) {
	source := task.Source{URI: "file://" + drawn(t, "--break", "grey-mask"), Layout: "VITONHD"}
	body, err := task.Encode(task.DataTest{Key: "sha256:" + strings.Repeat("ab", 32), Store: "file://" + t.TempDir(), Source: source})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(task.Env, body)
	if code, e, _ := envelope(t, "test"); code != exitDone || e.Verdict != report.Failed {
		t.Errorf("exit %d, %s", code, e.Verdict)
	}
}

func TestAPinOfOtherContentThanAskedForFails(t *testing.T) {
	code, e, _ := envelope(t, "pin", "--source", drawn(t), "--store", t.TempDir(), "--digest", "sha256:"+strings.Repeat("00", 32))
	if code != 0 || e.Verdict != report.Failed || e.Reason != ReasonDigestMismatch || len(e.Summary) == 0 {
		t.Errorf("exit %d, %s (%s)", code, e.Verdict, e.Reason)
	}
}

func TestWhatIsTheDataAndWhatIsTheWorldIsToldApart(t *testing.T) {
	hostile := drawn(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(hostile, "train/image/x.png")); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args        []string
		wantCode    int
		wantVerdict report.Verdict
		wantReason  string
	}{
		"a hostile name":      {[]string{"pin", "--source", hostile}, 0, report.Failed, ReasonDataRefused},
		"a missing folder":    {[]string{"pin", "--source", "/nonexistent/data"}, 1, report.Errored, ReasonSourceUnavailable},
		"an empty folder":     {[]string{"pin", "--source", t.TempDir()}, 1, report.Errored, ReasonSourceUnavailable},
		"a version not there": {[]string{"test", "--source", hostile, "--digest", "sha256:" + strings.Repeat("1", 64)}, 1, report.Errored, ReasonSourceUnavailable},
		"an unknown check":    {[]string{"test", "--source", drawn(t), "--check", "blurr=Warn"}, exitFailed, report.Failed, ReasonBadOverride},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, e, _ := envelope(t, append(tt.args, "--store", t.TempDir())...)
			if code != tt.wantCode || e.Verdict != tt.wantVerdict || e.Reason != tt.wantReason || e.Message == "" {
				t.Errorf("exit %d, %s (%s): %s", code, e.Verdict, e.Reason, e.Message)
			}
		})
	}
}

func TestWrongCommandLinesAreRefusedWithWords(t *testing.T) {
	t.Setenv(task.Env, "")
	tests := map[string]struct {
		args []string
		want string
	}{
		"no subcommand of that name": {[]string{"dance"}, "no subcommand"},
		"no task and no source":      {[]string{"pin"}, "--source"},
		"an unknown flag":            {[]string{"test", "--sauce", "x"}, "not defined"},
		"an extra argument":          {[]string{"pin", "--source", "x", "y"}, "unexpected argument"},
		"synth without a target":     {[]string{"synth"}, "--out is required"},
		"an unknown fault":           {[]string{"synth", "--out", t.TempDir(), "--break", "gremlins"}, "unknown fault"},
		"an odd override":            {[]string{"test", "--source", "x", "--check", "blurr"}, "NAME=SEVERITY"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			code, _, errs := call(t, tt.args...)
			if code == 0 || !strings.Contains(errs, tt.want) {
				t.Errorf("exit %d: %s", code, errs)
			}
		})
	}
}

func TestTheReportsGoToAFolderOnRequest(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := call(t, "test", "--source", drawn(t), "--store", t.TempDir(), "--out", dir)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	body, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil || !json.Valid(body) {
		t.Errorf("report.json: %v", err)
	}
	for _, name := range []string{"report.html", "junit.xml"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
