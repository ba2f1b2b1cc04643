package capture

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/artefact/s3test"
	"github.com/braincreators/tryon-operator/internal/oip"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// taken makes a request that was answered at a time.
func taken(at time.Time) Request {
	pixels := func(seed byte, n int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = seed + byte(i*7)
		}
		return out
	}
	const n = 16 * 12
	return Request{
		TakenAt: at, Version: "tops-v1", Signature: oip.NewSignature(16, 12),
		In:    oip.TryOn{Person: pixels(1, 3*n), Garment: pixels(2, 3*n), GarmentMask: pixels(3, n), Parameters: map[string]any{"seed": int64(7)}},
		Image: pixels(4, 3*n),
	}
}

func compared(at time.Time) Request {
	r := taken(at)
	r.Compared = &Compared{Epoch: "e1", Version: "tops-v2", Image: bytes.Repeat([]byte{9}, len(r.Image)), Garment: 0.25, Outside: 0.5}
	return r
}

func TestAFileIsAsLargeAsPutSays(t *testing.T) {
	each(t, func(t *testing.T, f *Folder) {
		file, err := f.Put(t.Context(), taken(noon))
		if err != nil {
			t.Fatal(err)
		}
		if entries, err := f.List(t.Context()); err != nil || !slices.Equal(entries, []Entry{file}) {
			t.Errorf("put %+v, listed %+v, %v", file, entries, err)
		}
	})
}

// each runs a test on a folder of a disk and on one of an S3 server.
func each(t *testing.T, run func(t *testing.T, f *Folder)) {
	t.Helper()
	for name, uri := range map[string]func(t *testing.T) string{
		"disk": func(t *testing.T) string { return "file://" + t.TempDir() },
		"S3":   func(t *testing.T) string { return s3test.Start(t).URI("captures/shop/storefront") },
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t, uri(t))) })
	}
}

func open(t *testing.T, uri string) *Folder {
	t.Helper()
	f, err := Open(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func put(t *testing.T, f *Folder, r Request) string {
	t.Helper()
	file, err := f.Put(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return file.Name
}

func listed(t *testing.T, f *Folder) []string {
	t.Helper()
	entries, err := f.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return all
}

func TestARequestIsReadAsItWasTaken(t *testing.T) {
	each(t, func(t *testing.T, f *Folder) {
		failed := compared(noon)
		failed.Compared.Image, failed.Compared.Garment, failed.Compared.Outside = nil, 0, 0
		for name, want := range map[string]Request{"alone": taken(noon), "with a candidate's answer": compared(noon), "with a candidate that failed": failed} {
			got, err := f.Read(t.Context(), put(t, f, want))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestWhatIsUnpackedIsOfTheTimeOfTheAnswer(t *testing.T) {
	r := compared(noon.Add(1500 * time.Millisecond).In(time.FixedZone("", 5*3600)))
	body, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range archive.File {
		if want := noon.Add(time.Second); !file.Modified.Equal(want) {
			t.Errorf("%s is of %s, want %s", file.Name, file.Modified, want)
		}
	}
}

func TestAListingHasTheNewestFirstAndOnlyOurs(t *testing.T) {
	each(t, func(t *testing.T, f *Folder) {
		second, first := put(t, f, taken(noon.Add(time.Second))), put(t, f, taken(noon))
		page, err := f.PutPage(t.Context(), judgement, noon.Add(2*time.Second), []byte("<html>"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"notes.txt", "20261127T120000.000Z-0123456789abcdef.exe", "20269999T120000.000Z-0123456789abcdef.zip"} {
			if err := f.put(t.Context(), name, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{page, second, first}, listed(t, f)); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
	})
}

func TestARequestStaysAsOldAsItWasWhenItIsWrittenAgain(t *testing.T) {
	each(t, replaced)
}

func replaced(t *testing.T, f *Folder) {
	name := put(t, f, taken(noon))
	if err := f.Replace(t.Context(), name, compared(noon)); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read(t.Context(), name); err != nil || got.Compared == nil || got.Compared.Version != "tops-v2" {
		t.Errorf("%+v, %v", got.Compared, err)
	}
	if got := listed(t, f); len(got) != 1 {
		t.Errorf("listed are %v", got)
	}
	if err := f.remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := f.Replace(t.Context(), name, compared(noon)); !errors.Is(err, ErrNotFound) || len(listed(t, f)) != 0 {
		t.Errorf("one that was removed meanwhile: %v, and listed are %v", err, listed(t, f))
	}
	if err := f.Replace(t.Context(), "../outside.zip", compared(noon)); !errors.Is(err, ErrBadFile) {
		t.Errorf("a name that leads elsewhere: %v", err)
	}
}

func TestASweepKeepsTheFolderWithinItsAgeAndItsSize(t *testing.T) {
	each(t, func(t *testing.T, f *Folder) {
		old, older := put(t, f, taken(noon.Add(-50*time.Minute))), put(t, f, taken(noon.Add(-time.Hour-time.Second)))
		recent, late := put(t, f, taken(noon.Add(5*time.Minute))), put(t, f, taken(noon.Add(time.Hour)))
		page, err := f.PutPage(t.Context(), judgement, noon.Add(-2*time.Hour), []byte("<html>"))
		if err != nil {
			t.Fatal(err)
		}
		swept, err := f.Sweep(t.Context(), noon, Bounds{Age: time.Hour, Bytes: 1 << 20})
		if err != nil || swept.Kept != 2 || swept.Removed != 3 {
			t.Fatalf("%+v, %v; want %s, %s and %s removed", swept, err, older, late, page)
		}
		if diff := cmp.Diff([]string{recent, old}, listed(t, f)); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
		// One byte less than both need: the older gives way.
		swept, err = f.Sweep(t.Context(), noon, Bounds{Age: time.Hour, Bytes: swept.KeptBytes - 1})
		if err != nil || !slices.Equal(listed(t, f), []string{recent}) {
			t.Errorf("%+v, %v, kept %v", swept, err, listed(t, f))
		}
		if swept, err = f.Erase(t.Context(), noon); err != nil || swept.Removed != 1 || len(listed(t, f)) != 0 {
			t.Errorf("erasing: %+v, %v, left %v", swept, err, listed(t, f))
		}
		// There is nothing to sweep where nothing was ever captured.
		if swept, err = f.Erase(t.Context(), noon); err != nil || swept != (Swept{}) {
			t.Errorf("erasing nothing: %+v, %v", swept, err)
		}
	})
}

func TestOnceFullASweepKeepsNothingOlder(t *testing.T) {
	f := open(t, "file://"+t.TempDir())
	for at, size := range []int{10, 5000, 600, 600, 10} {
		if err := f.put(t.Context(), newName(noon.Add(-time.Duration(at)*time.Minute)), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if swept, err := f.Sweep(t.Context(), noon, Bounds{Age: time.Hour, Bytes: 1000}); err != nil || swept.Kept != 2 || swept.KeptBytes != 610 || swept.Removed != 3 {
		t.Errorf("%+v, %v; want the two newest, and not the one that is too large by itself", swept, err)
	}
}

func TestASweepLeavesRoomForWhatIsWrittenBeforeTheNext(t *testing.T) {
	const most = 1600
	for name, test := range map[string]struct {
		files int
		bytes int64
		kept  int
	}{
		"nothing is too much":  {15, 100, 15},
		"all that it may have": {16, 100, 15},
		"too many bytes":       {40, 100, 15},
		"within the number":    {maxKept - maxKept/16, 0, maxKept - maxKept/16},
		"too many files":       {maxKept + 1, 0, maxKept - maxKept/16},
	} {
		t.Run(name, func(t *testing.T) {
			full := &ledger{}
			for i := range test.files {
				full.entries = append(full.entries, Entry{Name: newName(noon.Add(-time.Duration(i) * time.Millisecond)), Bytes: test.bytes})
			}
			f := &Folder{place: full}
			swept, err := f.Sweep(t.Context(), noon, Bounds{Age: time.Hour, Bytes: most})
			if err != nil || swept.Kept != test.kept || full.removed != test.files-test.kept || swept.KeptBytes+(Bounds{Bytes: most}).Spare() > most {
				t.Errorf("%+v, %v, %d removed; want %d kept", swept, err, full.removed, test.kept)
			}
		})
	}
}

// ledger is a place that only counts.
type ledger struct {
	place
	entries []Entry
	removed int
}

func (l *ledger) list(context.Context, time.Duration) ([]Entry, error) { return l.entries, nil }
func (l *ledger) remove(context.Context, string) error                 { l.removed++; return nil }

func TestASweepGoesOnWhenOneFileCannotBeRemoved(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir)
	put(t, f, taken(noon.Add(-2*time.Hour)))
	stuck := newName(noon.Add(-2 * time.Hour))
	bad := stubborn{f.place, stuck}
	if err := f.put(t.Context(), stuck, []byte("x")); err != nil {
		t.Fatal(err)
	}
	f.place = bad
	swept, err := f.Sweep(t.Context(), noon, Bounds{Age: time.Hour, Bytes: 1 << 20})
	if err == nil || swept.Removed != 1 || swept.Kept != 1 {
		t.Errorf("%+v, %v", swept, err)
	}
}

func TestASweepThatIsCalledOffRemovesNothingMore(t *testing.T) {
	each(t, func(t *testing.T, f *Folder) {
		name := put(t, f, taken(noon))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.remove(ended, name); !errors.Is(err, context.Canceled) || len(listed(t, f)) != 1 {
			t.Errorf("%v, left %v", err, listed(t, f))
		}
	})
}

// stubborn is a place that does not let go of one file.
type stubborn struct {
	place
	name string
}

func (s stubborn) remove(ctx context.Context, name string) error {
	if name == s.name {
		return os.ErrPermission
	}
	return s.place.remove(ctx, name)
}

func TestWhatAKilledWriterLeftIsRemoved(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir)
	for name, age := range map[string]time.Duration{".partial-old": time.Hour, ".partial-new": 0, ".partial-ahead": -time.Hour} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte("half a face"), 0o600), os.Chtimes(path, time.Time{}, time.Now().Add(-age))); err != nil {
			t.Fatal(err)
		}
	}
	names := func() (out []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
		return out
	}
	if _, err := f.Sweep(t.Context(), time.Now(), Bounds{Age: time.Hour, Bytes: 1}); err != nil || !slices.Equal(names(), []string{".partial-ahead", ".partial-new"}) {
		t.Errorf("after a sweep: %v, %v", names(), err)
	}
	if _, err := f.Erase(t.Context(), time.Now()); err != nil || len(names()) != 0 {
		t.Errorf("after erasing: %v, %v", names(), err)
	}
}

func TestStrangersFilesHideNoneOfOurs(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir)
	for i := range 60 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.txt", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(t, f, taken(noon))
	if swept, err := f.Erase(t.Context(), noon); err != nil || swept.Removed != 1 {
		t.Errorf("%+v, %v", swept, err)
	}
	entries, err := f.list(t.Context(), staleAfter)
	if err != nil || len(entries) != 0 {
		t.Errorf("listed are %d files of strangers, %v", len(entries), err)
	}
}

func TestAFolderOfStrangersIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	f := open(t, "file://"+dir)
	if err := os.MkdirAll(filepath.Join(dir, ".partial-x", "y"), 0o700); err != nil {
		t.Fatal(err)
	}
	// A folder is no part of a file; nobody of ours made it.
	if swept, err := f.Erase(t.Context(), noon); err != nil || swept.Removed != 0 {
		t.Errorf("%+v, %v", swept, err)
	}
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	for _, uri := range []string{"", "https://x/y", "file://host/dir", "file:relative", "file:///does/not/exist", "s3://user:pass@bucket/p", "s3://bucket", "s3:///p", "file:///tmp?x=y"} {
		if f, err := Open(t.Context(), uri); err == nil {
			t.Errorf("%q opened %v", uri, f)
		}
	}
}
