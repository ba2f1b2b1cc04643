package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/braincreators/tryon-operator/internal/fleet"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// in makes a pod in a state.
func in(state fleet.PodState, change ...func(*fleet.Pod)) fleet.Pod {
	p := fleet.Pod{State: state, Since: noon}
	for _, c := range change {
		c(&p)
	}
	return p
}

func failing(p *fleet.Pod) { p.Failure = "it crashed" }

func homeless(p *fleet.Pod) { p.Homeless, p.Failure = true, "no node has room" }

func since(after time.Duration) func(*fleet.Pod) {
	return func(p *fleet.Pod) { p.Since = noon.Add(after) }
}

func reports(name string, generation int64) func(*fleet.Pod) {
	return func(p *fleet.Pod) { p.Name, p.Reported, p.Generation = name, true, generation }
}

// deployed makes a version whose Deployment asks for as many pods as it has that stay.
func deployed(version string, pods ...fleet.Pod) fleet.Set {
	s := fleet.Set{Version: version, Deployed: true, Pods: pods}
	for _, p := range pods {
		if p.State != fleet.PodLeaving {
			s.Replicas++
		}
	}
	return s
}

func TestWhatAVersionCanCarryDependsOnItsPods(t *testing.T) {
	ready, starting, broken, leaving := in(fleet.PodReady), in(fleet.PodStarting), in(fleet.PodBroken, failing), in(fleet.PodLeaving)
	undeployed := fleet.Set{Replicas: 2, Pods: []fleet.Pod{ready, ready}}
	for name, tt := range map[string]struct {
		set          fleet.Set
		size         int32
		whole, sound bool
	}{
		"all are ready":                        {deployed("v1", ready, ready), 2, true, true},
		"one is starting":                      {deployed("v1", ready, starting), 2, false, true},
		"more are ready than are promised":     {deployed("v1", ready, ready, starting), 3, true, true},
		"one is broken beside enough":          {deployed("v1", ready, ready, broken), 3, false, false},
		"none is ready":                        {deployed("v1", starting, starting), 2, false, false},
		"one that leaves counts for nothing":   {deployed("v1", ready, leaving), 1, false, true},
		"its Deployment is gone, not its pods": {undeployed, 0, false, false},
		"it has nothing":                       {fleet.Set{Version: "v1"}, 0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.set.Size(); got != tt.size {
				t.Errorf("size %d, want %d", got, tt.size)
			}
			if got := tt.set.Whole(2); got != tt.whole {
				t.Errorf("whole for two: %v", got)
			}
			if got := tt.set.Sound(); got != tt.sound {
				t.Errorf("sound: %v", got)
			}
		})
	}
}

func TestAVersionSaysWhyItDoesNotGetReady(t *testing.T) {
	stalled := func(s fleet.Set) fleet.Set {
		s.Stalled = "pods cannot be created: exceeded quota"
		return s
	}
	for name, tt := range map[string]struct {
		set      fleet.Set
		why      string
		homeless bool
	}{
		"nothing is wrong":              {deployed("v1", in(fleet.PodStarting)), "", false},
		"a pod says it":                 {deployed("v1", in(fleet.PodReady), in(fleet.PodBroken, failing)), ": it crashed", false},
		"a pod that leaves has no say":  {deployed("v1", in(fleet.PodLeaving, homeless)), "", false},
		"a pod that is ready now":       {deployed("v1", in(fleet.PodReady, failing)), "", false},
		"a pod finds no node":           {deployed("v1", in(fleet.PodStarting, homeless)), ": no node has room", true},
		"the Deployment does not go on": {stalled(deployed("v1", in(fleet.PodReady))), ": pods cannot be created: exceeded quota", false},
		"a pod knows more than that":    {stalled(deployed("v1", in(fleet.PodBroken, failing))), ": it crashed", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.set.Because(); got != tt.why {
				t.Errorf("%q, want %q", got, tt.why)
			}
			if got := tt.set.Homeless(); got != tt.homeless {
				t.Errorf("homeless: %v", got)
			}
		})
	}
}

func TestAVersionIsDownSinceItsLastPodWasReady(t *testing.T) {
	for name, tt := range map[string]struct {
		pods []fleet.Pod
		at   time.Time
		down bool
	}{
		"one is ready":                   {[]fleet.Pod{in(fleet.PodBroken), in(fleet.PodReady)}, time.Time{}, false},
		"two broke one after the other":  {[]fleet.Pod{in(fleet.PodBroken, since(9*time.Second)), in(fleet.PodBroken, since(time.Second))}, noon.Add(9 * time.Second), true},
		"one that leaves is not counted": {[]fleet.Pod{in(fleet.PodBroken), in(fleet.PodLeaving, since(time.Hour))}, noon, true},
		"it has no pods":                 {nil, time.Time{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			at, down := fleet.Set{Pods: tt.pods}.Down()
			if !at.Equal(tt.at) || down != tt.down {
				t.Errorf("down %v since %s, want %v since %s", down, at, tt.down, tt.at)
			}
		})
	}
}

func TestOnlyReadyPodsHaveToConfirm(t *testing.T) {
	silent := func(p *fleet.Pod) { p.Name = "silent" }
	s := deployed("v1",
		in(fleet.PodReady, reports("old", 3)), in(fleet.PodReady, reports("good", 4)), in(fleet.PodReady, silent),
		in(fleet.PodStarting, reports("starting", 1)), in(fleet.PodLeaving, reports("leaving", 1)),
	)
	if diff := cmp.Diff([]string{"old", "silent"}, s.Unconfirmed(4)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVersionsAreFoundByNameAndByWhatTheyHave(t *testing.T) {
	sets := fleet.Sets{
		deployed("v3", in(fleet.PodReady, reports("a", 7))), deployed("v2", in(fleet.PodReady, reports("b", 1<<40)), in(fleet.PodReady)),
		{Version: "v1", Pods: []fleet.Pod{in(fleet.PodLeaving), in(fleet.PodReady), in(fleet.PodReady)}}, {Version: "v0"},
	}
	if got := sets.Of("v2"); got.Size() != 2 {
		t.Errorf("v2: %+v", got)
	}
	if diff := cmp.Diff(fleet.Set{Version: "v9"}, sets.Of("v9")); diff != "" {
		t.Errorf("of a version that has nothing (-want +got):\n%s", diff)
	}
	if got := sets.Fittest().Version; got != "v2" {
		t.Errorf("the fittest is %q, want v2: v1 has no Deployment any more", got)
	}
	if got := (fleet.Sets{}).Fittest().Version; got != "" {
		t.Errorf("the fittest of none is %q", got)
	}
	if got := fmt.Sprint(sets.Besides("v3")); got != "v1, v2" {
		t.Errorf("beside v3 there are %q, want v1 and v2: nothing is left of v0", got)
	}
	if got := sets.String(); got != "v3, v2, v1, v0" {
		t.Errorf("the order has changed: %q", got)
	}
	if got := sets.Reported(100); got != 7 {
		t.Errorf("the highest generation is %d, want 7: more than 100 is not believed", got)
	}
}
