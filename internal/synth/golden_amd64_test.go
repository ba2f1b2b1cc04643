//go:build !amd64.v3

package synth

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden digests anew")

// TestADatasetIsTheSameBytesAsEver pins digests, because models and reports refer to datasets by digest: other bytes from the
// same options mean that everything trained on them is trained again. Compilers for other processors may fuse a product with a
// sum, which rounds a few samples differently, so the digests are those of amd64 up to its level v2, the default.
func TestADatasetIsTheSameBytesAsEver(t *testing.T) {
	cases := map[string]Options{
		"64x48":          {Seed: 7, Train: 48, Test: 8, Height: 64, Width: 48},
		"64x48 jpg":      {Seed: 7, Train: 5, Test: 2, Height: 64, Width: 48, Photo: PhotoJPEG},
		"256x192":        {Seed: 1, Train: 8, Test: 2, Height: 256, Width: 192},
		"256x192 faults": {Seed: 1, Train: 5, Test: 2, Height: 256, Width: 192, Break: []string{"leak", "void-label", "size"}},
	}
	for _, fault := range FaultNames() {
		cases["64x48 "+fault] = Options{Seed: 7, Train: 5, Test: 2, Height: 64, Width: 48, Break: []string{fault}}
	}
	var got strings.Builder
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		o := cases[name]
		o.Dir = filepath.Join(t.TempDir(), "ds")
		fmt.Fprintf(&got, "%s: %s\n", name, digest(generate(t, o)))
	}
	const golden = "testdata/digests.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("datasets changed (-want +got):\n%s", diff)
	}
}

// digest is of names and contents, in the order of names.
func digest(files map[string]string) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %x\n", name, sha256.Sum256([]byte(files[name])))
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil))
}
