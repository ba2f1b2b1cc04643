package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Link is one network interface of the machine.
type Link struct {
	Name      string
	Addresses []netip.Addr
}

// Links lists the machine's network interfaces.
func Links() ([]Link, error) {
	out, err := run("ip", "-json", "address", "show")
	if err != nil {
		return nil, err
	}
	return parseLinks(out)
}

func parseLinks(document []byte) ([]Link, error) {
	var decoded []struct {
		Name      string `json:"ifname"`
		Addresses []struct {
			Local netip.Addr `json:"local"`
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(document, &decoded); err != nil {
		return nil, fmt.Errorf("decoding links: %w", err)
	}
	links := make([]Link, 0, len(decoded))
	for _, one := range decoded {
		link := Link{Name: one.Name}
		for _, address := range one.Addresses {
			link.Addresses = append(link.Addresses, address.Local)
		}
		links = append(links, link)
	}
	return links, nil
}

// MakeBridge makes a bridge without ports, or finds it: an interface with an address of our own that stays
// when the machine changes its network. Every kernel has bridges; not every one has dummy interfaces.
func MakeBridge(name string, address netip.Addr, routes ...netip.Prefix) error {
	links, err := Links()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(links, func(l Link) bool { return l.Name == name }) {
		if _, err := run("ip", "link", "add", name, "type", "bridge"); err != nil {
			return err
		}
	}
	if _, err := run("ip", "address", "replace", netip.PrefixFrom(address, address.BitLen()).String(), "dev", name); err != nil {
		return err
	}
	if _, err := run("ip", "link", "set", name, "up"); err != nil {
		return err
	}
	for _, route := range routes {
		if _, err := run("ip", "route", "replace", route.String(), "dev", name, "src", address.String()); err != nil {
			return err
		}
	}
	return nil
}

// RemoveLink removes an interface and with it its addresses and routes; one that is not there is fine.
func RemoveLink(name string) error {
	links, err := Links()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(links, func(l Link) bool { return l.Name == name }) {
		return nil
	}
	if _, err := run("ip", "link", "delete", name); err != nil && !strings.Contains(err.Error(), "Cannot find device") {
		return err
	}
	return nil
}

// Overlapping names what of this machine's network overlaps with the ranges, ignoring our own interface.
func Overlapping(ours string, ranges ...netip.Prefix) ([]string, error) {
	out, err := run("ip", "-json", "-4", "route", "show")
	if err != nil {
		return nil, err
	}
	return overlapping(out, ours, ranges)
}

func overlapping(routes []byte, ours string, ranges []netip.Prefix) ([]string, error) {
	var decoded []struct {
		Destination string `json:"dst"`
		Device      string `json:"dev"`
		Source      string `json:"prefsrc"`
	}
	if err := json.Unmarshal(routes, &decoded); err != nil {
		return nil, fmt.Errorf("decoding routes: %w", err)
	}
	var found []string
	for _, route := range decoded {
		prefix, err := netip.ParsePrefix(route.Destination)
		if address, addressErr := netip.ParseAddr(route.Destination); addressErr == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil || prefix.Bits() == 0 || route.Device == ours {
			continue // "default" overlaps with everything and collides with nothing
		}
		for _, own := range ranges {
			inOurs := strings.HasPrefix(route.Device, "veth") && own.Contains(prefix.Addr()) // a pod of a killed cluster
			if own.Overlaps(prefix) && !inOurs {
				found = append(found, fmt.Sprintf("route %s of %s", prefix, route.Device))
			}
		}
	}
	return found, nil
}

// Tables lists the nftables tables as "family name".
func Tables() ([]string, error) {
	out, err := run("nft", "list", "tables")
	if err != nil {
		return nil, err
	}
	var tables []string
	for line := range bytes.Lines(out) {
		if table, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "table "); ok {
			tables = append(tables, table)
		}
	}
	return tables, nil
}

// RemoveTable removes one nftables table, given as "family name"; one that is not there is fine.
func RemoveTable(table string) error {
	tables, err := Tables()
	if err != nil || !slices.Contains(tables, table) {
		return err
	}
	_, err = run("nft", append([]string{"delete", "table"}, strings.Fields(table)...)...)
	return err
}

// answerWithin bounds one question to the kernel: ip and nft answer at once, or hang.
const answerWithin = 30 * time.Second

func run(name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("running %s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
