package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/braincreators/tryon-operator/internal/fleet"
)

// ready makes a version with so many ready pods.
func ready(version string, n int) fleet.Set {
	s := fleet.Set{Version: version, Deployed: n > 0, Replicas: int32(n)}
	for range n {
		s.Pods = append(s.Pods, in(fleet.PodReady))
	}
	return s
}

// with adds pods that the Deployment does not ask for, or asks for already.
func with(s fleet.Set, asked int32, pods ...fleet.Pod) fleet.Set {
	s.Deployed, s.Replicas, s.Pods = true, s.Replicas+asked, append(s.Pods, pods...)
	return s
}

// say tells a move as "version xN, version xN; waiting".
func say(m fleet.Move) string {
	var sizes []string
	for _, s := range m.Sizes {
		sizes = append(sizes, fmt.Sprintf("%s x%d", s.Version, s.Replicas))
	}
	return strings.Join(sizes, ", ") + "; " + m.Waiting
}

func places(all int32, stable fleet.Set, others ...fleet.Set) fleet.Places {
	return fleet.Places{All: all, Stable: stable, Sets: append(fleet.Sets{stable}, others...)}
}

func TestAShareIsCarriedByAsManyPodsAsItNeedsAndNeverByAll(t *testing.T) {
	for _, tt := range []struct {
		weight    int
		all, want int32
		part      int
	}{
		{1, 4, 1, 25}, {25, 4, 1, 25}, {26, 4, 2, 50}, {50, 4, 2, 50}, {75, 4, 3, 75}, {100, 4, 3, 75},
		{0, 4, 1, 25}, {34, 3, 2, 66}, {100, 2, 1, 50}, {50, 1000, 500, 50},
	} {
		got := fleet.PodsFor(tt.weight, tt.all)
		if got != tt.want || fleet.Part(got, tt.all) != tt.part {
			t.Errorf("%d%% of %d: %d pods, which carry %d%%; want %d and %d%%", tt.weight, tt.all, got, fleet.Part(got, tt.all), tt.want, tt.part)
		}
	}
}

func TestTheStableVersionTakesTheRoomThatOthersLeave(t *testing.T) {
	leaving := in(fleet.PodLeaving)
	for name, tt := range map[string]struct {
		places fleet.Places
		want   int32
	}{
		"it is alone":                           {places(3, ready("v1", 3)), 3},
		"it starts":                             {places(3, fleet.Set{Version: "v1"}), 3},
		"another has one":                       {places(3, ready("v1", 2), ready("v2", 1)), 2},
		"another has gone":                      {places(3, ready("v1", 2), fleet.Set{Version: "v2"}), 3},
		"the last pod of another leaves":        {places(3, ready("v1", 2), with(fleet.Set{Version: "v2"}, 0, leaving)), 2},
		"a pod of its own leaves":               {places(3, with(ready("v1", 2), 0, leaving)), 2},
		"another's pod finds no node":           {places(3, ready("v1", 3), with(fleet.Set{Version: "v2"}, 0, in(fleet.PodStarting, homeless))), 3},
		"it never gives up what it has by this": {places(3, ready("v1", 3), ready("v2", 2)), 3},
		"fewer are asked for":                   {places(2, ready("v1", 4)), 2},
		"it always keeps one":                   {places(2, ready("v1", 0), ready("v2", 2)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.places.StableSize(); got != tt.want {
				t.Errorf("%d pods, want %d", got, tt.want)
			}
		})
	}
}

func TestOnePodAtATimeChangesItsVersion(t *testing.T) {
	leaving, starting, broken := in(fleet.PodLeaving), in(fleet.PodStarting), in(fleet.PodBroken, failing)
	none := fleet.Set{Version: "v2"}
	for name, tt := range map[string]struct {
		stable, other fleet.Set
		want          int32
		move          string
	}{
		"first a pod makes room": {ready("v1", 4), none, 1, "v1 x3; a pod of v1 answers its last requests and makes room"},
		"it is waited for until it is gone": {
			with(ready("v1", 3), 0, leaving), none, 1, "v1 x3; a pod of v1 answers its last requests and makes room",
		},
		"then one of the other version starts in its place": {
			ready("v1", 3), none, 1, "v1 x3, v2 x1; a pod of v2 starts in the place of one of v1",
		},
		"it is waited for until it is ready": {ready("v1", 3), with(none, 1, starting), 2, "; 3 of 4 pods are ready"},
		"then the next makes room":           {ready("v1", 3), ready("v2", 1), 2, "v1 x2; a pod of v1 answers its last requests and makes room"},
		"a stable pod that starts is waited for": {
			with(ready("v1", 2), 1, starting), ready("v2", 1), 2, "; 3 of 4 pods are ready",
		},
		"a stable pod that fails holds nothing up": {
			with(ready("v1", 2), 1, broken), ready("v2", 1), 2, "v1 x2; a pod of v1 answers its last requests and makes room",
		},
		"it has what it is to have":                      {ready("v1", 3), ready("v2", 1), 1, "; "},
		"more pods than places: the stable one has less": {ready("v1", 4), ready("v2", 1), 1, "v1 x3; "},
		"it has more than it is to have":                 {ready("v1", 2), ready("v2", 2), 1, "v2 x1; v2 gives a pod back to v1"},
		"it gives none back while one is missing":        {with(ready("v1", 1), 1, starting), ready("v2", 2), 1, "; 3 of 4 pods are ready"},
		"it gives back the one that fails":               {ready("v1", 2), with(ready("v2", 1), 1, broken), 1, "v2 x1; v2 gives a pod back to v1"},
		"it gives back one after the other":              {ready("v1", 2), with(ready("v2", 2), 0, leaving), 1, "; a pod of v2 answers its last requests"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := say(places(4, tt.stable, tt.other).Resize(tt.other, tt.want)); got != tt.move {
				t.Errorf("%q, want %q", got, tt.move)
			}
		})
	}
}

func TestWhatIsWaitedForSaysWhyTheStableVersionIsNotWhole(t *testing.T) {
	stable, other := with(ready("v1", 1), 2, in(fleet.PodStarting), in(fleet.PodStarting, homeless)), ready("v2", 1)
	if got, want := places(4, stable, other).Unready(other), "2 of 4 pods are ready: no node has room"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
