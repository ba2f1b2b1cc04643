package host

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMountPointsAreReadInOrder(t *testing.T) {
	const table = `proc /proc proc rw,relatime 0 0
overlay /var/lib/x/rootfs overlay rw,lowerdir=/a:/b 0 0
tmpfs /mnt/with\040space\011and\134slash tmpfs rw 0 0
tmpfs /mnt/not\9octal tmpfs rw 0 0
`
	got, err := ParseMounts(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/proc", "/var/lib/x/rootfs", "/mnt/with space\tand\\slash", `/mnt/not\9octal`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mount points (-want +got):\n%s", diff)
	}
}

func TestACutMountTableIsAnError(t *testing.T) {
	if got, err := ParseMounts(strings.NewReader("proc /proc\n")); err == nil {
		t.Errorf("got %v without an error", got)
	}
}

func TestNothingIsMountedBelowAFreshFolder(t *testing.T) {
	if got, err := MountsBelow(t.TempDir()); err != nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
