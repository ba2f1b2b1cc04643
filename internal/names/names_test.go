package names

import (
	"strings"
	"testing"
)

func TestNamesAreReadableStableAndBounded(t *testing.T) {
	long := strings.Repeat("a", 40)
	digest := "sha256:3f2a91bc04de" + strings.Repeat("0", 52)
	tests := map[string]struct{ got, want string }{
		"version of a short model":       {ModelVersion("tops", 3), "tops-v3"},
		"job of a short owner":           {Job("tops-v3", "pf-gen", "sha256:1a2b3c4d5e6f"), "tops-v3-pf-gen-1a2b3c4d"},
		"serving name":                   {Serving("storefront", "tops-v3"), "storefront-tops-v3-" + hashOf("storefront/tops-v3")[:6]},
		"serving name of a long version": {Serving("storefront", long), "storefront-" + long[:32] + "-" + hashOf("storefront/" + long)[:6]},
		"control document":               {Control("storefront"), "storefront-control"},
		"job of a long owner is bounded": {Job(long+"-v12", "parser-free-generator", digest), "aaaaaaaaaaaa-" + hashOf(long + "-v12")[:6] + "-parser-free-generator-3f2a91bc"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("got %q, want %q", test.got, test.want)
			}
			if len(test.got) > maxName {
				t.Errorf("%q has %d characters, more than %d", test.got, len(test.got), maxName)
			}
		})
	}
}

func TestDatasetVersionsDifferByContentAndBySuite(t *testing.T) {
	a := DatasetVersion("sha256:"+strings.Repeat("a", 64), "standard")
	b := DatasetVersion("sha256:"+strings.Repeat("b", 64), "standard")
	c := DatasetVersion("sha256:"+strings.Repeat("a", 64), "strict")
	if a == b || a == c {
		t.Errorf("names are not distinct: %q %q %q", a, b, c)
	}
	if again := DatasetVersion("sha256:"+strings.Repeat("a", 64), "standard"); again != a {
		t.Errorf("the same content got %q and %q", a, again)
	}
}

func TestLongOwnersKeepDistinctJobs(t *testing.T) {
	one := Job(strings.Repeat("x", 60)+"1", "evaluate", "sha256:00000000")
	two := Job(strings.Repeat("x", 60)+"2", "evaluate", "sha256:00000000")
	if one == two {
		t.Errorf("two owners share the Job name %q", one)
	}
}

func TestLabelValuesFitTheLimitOf63(t *testing.T) {
	for _, n := range []int{1, 63, 64, 253} {
		if got := LabelValue(strings.Repeat("n", n)); len(got) > 63 {
			t.Errorf("a name of %d characters gave a label value of %d", n, len(got))
		}
	}
}
