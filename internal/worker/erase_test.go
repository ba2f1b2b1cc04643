package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

func TestEraseRemovesWhatWasCapturedAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	folder, err := capture.Open(t.Context(), "file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = folder.Close() }()
	s, levels := oip.NewSignature(8, 8), make([]byte, 3*64)
	for range 3 {
		_, err := folder.Put(t.Context(), capture.Request{
			TakenAt: time.Now(), Version: "tops-v1", Signature: s, In: oip.TryOn{Person: levels, Garment: levels, GarmentMask: levels[:64]}, Image: levels,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"notes.txt", ".partial-x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := lastWords(t, "erase", task.Erase{Key: "sha256:k", Capture: task.Capture{URI: "file://" + dir, Shown: "pvc://captures"}}, exitDone)
	var summary report.EraseSummary
	if err := e.Into(report.KindErase, &summary); err != nil || e.Verdict != report.Passed || summary.Files != 3 || summary.Bytes == 0 {
		t.Errorf("%+v, %v, %+v", e, err, summary)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "notes.txt" {
		t.Errorf("left are %v, %v; want notes.txt, which is not ours", left, err)
	}
}

func TestEraseSaysWhichPlaceCannotBeRead(t *testing.T) {
	e := lastWords(t, "erase", task.Erase{Key: "sha256:k", Capture: task.Capture{URI: "file:///does/not/exist", Shown: "pvc://captures/shop"}}, exitErrored)
	if e.Verdict != report.Errored || e.Reason != ReasonCapturesUnavailable || !strings.Contains(e.Message, "pvc://captures/shop") {
		t.Errorf("%+v", e)
	}
}
