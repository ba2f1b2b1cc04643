package golden_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/golden"
	"github.com/braincreators/tryon-operator/internal/oip"
)

func TestASetIsReadAsItWasRecorded(t *testing.T) {
	s, dir := oip.NewSignature(16, 12), t.TempDir()
	want := recorded(s)
	if err := golden.Write(dir, s, want); err != nil {
		t.Fatal(err)
	}
	set, err := golden.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = set.Close() }()
	got, err := set.Read(0)
	if err != nil || set.Signature.Height != 16 || set.Signature.Width != 12 {
		t.Fatalf("%dx%d, %v", set.Signature.Width, set.Signature.Height, err)
	}
	if diff := cmp.Diff(want[0], got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	other := got.In
	other.GarmentMask = bytes.Repeat([]byte{0}, len(other.GarmentMask))
	if set.Input(got.In) != set.Input(want[0].In) || set.Input(got.In) == set.Input(other) {
		t.Error("an input is not told by its pixels")
	}
}

func TestSetsThatCannotBeReadAreRefused(t *testing.T) {
	s := oip.NewSignature(16, 12)
	for name, spoil := range map[string]func(dir string) error{
		"no index":          func(dir string) error { return os.Remove(filepath.Join(dir, "index.json")) },
		"no person":         func(dir string) error { return os.Remove(filepath.Join(dir, "00-person.png")) },
		"a cut answer":      func(dir string) error { return os.Truncate(filepath.Join(dir, "00-image.png"), 50) },
		"a picture outside": func(dir string) error { return link(dir) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := errors.Join(golden.Write(dir, s, recorded(s)), spoil(dir)); err != nil {
				t.Fatal(err)
			}
			set, err := golden.Open(dir)
			if err == nil {
				defer func() { _ = set.Close() }()
				_, err = set.Read(0)
			}
			if !errors.Is(err, golden.ErrBadSet) {
				t.Errorf("got %v, want ErrBadSet", err)
			}
		})
	}
}

// link puts a picture's name onto a file outside of the set.
func link(dir string) error {
	outside := filepath.Join(dir, "..", "outside.png")
	body, err := os.ReadFile(filepath.Join(dir, "00-image.png"))
	return errors.Join(err, os.WriteFile(outside, body, 0o600), os.Remove(filepath.Join(dir, "00-image.png")), os.Symlink(outside, filepath.Join(dir, "00-image.png")))
}
