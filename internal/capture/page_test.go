package capture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const judgement = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

var morning = time.Date(2026, 11, 22, 9, 30, 0, 250_000_000, time.UTC)

func openDir(t *testing.T) (*Folder, string) {
	t.Helper()
	dir := t.TempDir()
	return open(t, "file://"+dir), dir
}

func TestAPageIsNamedAfterItsOldestPictureAndItsDigest(t *testing.T) {
	f, dir := openDir(t)
	name, err := f.PutPage(t.Context(), judgement, morning, []byte("page"))
	if err != nil || name != "20261122T093000.250Z-0011223344556677.html" {
		t.Errorf("%q: %v", name, err)
	}
	entries, err := f.List(t.Context())
	if err != nil || len(entries) != 1 || entries[0].Kind != KindPage || !entries[0].TakenAt.Equal(morning) {
		t.Errorf("%+v: %v", entries, err)
	}
	if body, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(body) != "page" {
		t.Errorf("%q: %v", body, err)
	}
}

func TestALaterPageOfTheSameDigestTakesThePlaceOfTheEarlierAndOfNoOther(t *testing.T) {
	f, dir := openDir(t)
	other := strings.Replace(judgement, "0011", "ffff", 1)
	request := "20261122T093000.250Z-0011223344556677.zip"
	if err := os.WriteFile(filepath.Join(dir, request), []byte("of the same digits"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, page := range []struct {
		digest string
		oldest time.Time
		body   string
	}{{judgement, morning, "first"}, {judgement, morning, "second"}, {other, morning, "other"}, {judgement, morning.Add(time.Hour), "third"}} {
		if _, err := f.PutPage(t.Context(), page.digest, page.oldest, []byte(page.body)); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(name)] = string(body)
	}
	if len(got) != 3 || got["20261122T103000.250Z-0011223344556677.html"] != "third" || got["20261122T093000.250Z-ffff223344556677.html"] != "other" || got[request] == "" {
		t.Errorf("left: %q", got)
	}
}

func TestAPageOfNoDigestOrNoTimeIsNotWritten(t *testing.T) {
	f, dir := openDir(t)
	for _, bad := range []struct {
		digest string
		at     time.Time
	}{{"", morning}, {"sha256:0011", morning}, {"../../../etc/cron.d/x", morning}, {strings.ToUpper(judgement), morning}, {judgement, time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)}} {
		if name, err := f.PutPage(t.Context(), bad.digest, bad.at, []byte("page")); err == nil {
			t.Errorf("%q at %s became %q", bad.digest, bad.at, name)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAFileLivesUntilItsAgeAndOneFromTheFutureDoesNot(t *testing.T) {
	for _, c := range []struct {
		since time.Duration
		want  bool
	}{{0, true}, {time.Hour, true}, {time.Hour + 1, false}, {-maxSkew, true}, {-maxSkew - 1, false}} {
		if got := (Entry{TakenAt: morning}).Lives(morning.Add(c.since), time.Hour); got != c.want {
			t.Errorf("after %s: %t", c.since, got)
		}
	}
}
