package host

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinksCarryTheirAddresses(t *testing.T) {
	const document = `[{"ifname":"lo","addr_info":[{"local":"127.0.0.1"},{"local":"::1"}]},{"ifname":"eth0","addr_info":[]}]`
	got, err := parseLinks([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	want := []Link{
		{Name: "lo", Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}},
		{Name: "eth0"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}

func TestOnlyRoutesOfOthersOverlap(t *testing.T) {
	ranges := []netip.Prefix{netip.MustParsePrefix("10.244.0.0/24"), netip.MustParsePrefix("10.96.0.0/16")}
	for name, test := range map[string]struct {
		routes string
		want   []string
	}{
		"the default route":       {routes: `[{"dst":"default","dev":"eth0"}]`},
		"another network":         {routes: `[{"dst":"192.0.2.0/24","dev":"eth0"}]`},
		"our own bridge":          {routes: `[{"dst":"10.96.0.0/16","dev":"tryon0"}]`},
		"a pod of a killed one":   {routes: `[{"dst":"10.244.0.7","dev":"veth1234"}]`},
		"a company's large range": {routes: `[{"dst":"10.0.0.0/8","dev":"tun0"}]`, want: []string{"route 10.0.0.0/8 of tun0", "route 10.0.0.0/8 of tun0"}},
		"one address":             {routes: `[{"dst":"10.96.3.4","dev":"eth0"}]`, want: []string{"route 10.96.3.4/32 of eth0"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := overlapping([]byte(test.routes), "tryon0", ranges)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("overlaps (-want +got):\n%s", diff)
			}
		})
	}
}
