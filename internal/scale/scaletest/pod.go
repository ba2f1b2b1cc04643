package scaletest

import (
	"fmt"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/scale"
)

// meter is what a pod's figures are averaged over.
const meter = 10 * time.Second

// pod works on its requests one after the other, in the order of their arrival. All times count from the beginning of the world.
type pod struct {
	serial         int
	created, ready time.Duration
	leaving        bool
	// free is when everything that it took is done.
	free time.Duration
	// done has the ends of the requests that it took, arrived the times of those that it was asked, spells when it was busy.
	done, arrived []time.Duration
	spells        []spell
}

type spell struct{ from, to time.Duration }

func (p *pod) name() string { return fmt.Sprintf("pod-%d", p.serial) }

func (p *pod) takes(now time.Duration) bool { return !p.leaving && now >= p.ready }

// ask gives the time that a request has to wait; taken is false when it would be longer than the pod lets anybody wait.
func (p *pod) ask(now, service, longest time.Duration) (wait time.Duration, taken bool) {
	p.arrived = append(p.arrived, now)
	wait = max(p.free-now, 0)
	if wait > longest {
		return wait, false
	}
	start := now + wait
	if n := len(p.spells); n > 0 && p.spells[n-1].to >= start {
		p.spells[n-1].to = start + service
	} else {
		p.spells = append(p.spells, spell{start, start + service})
	}
	p.free = start + service
	p.done = append(p.done, p.free)
	return wait, true
}

// reading is what the pod says about itself; predicted is the service time that it expects of every request.
func (p *pod) reading(now, predicted time.Duration, epoch time.Time) *scale.Reading {
	since := max(now-meter, p.ready)
	p.done = slices.DeleteFunc(p.done, func(end time.Duration) bool { return end <= now })
	p.arrived = slices.DeleteFunc(p.arrived, func(at time.Duration) bool { return at <= now-meter })
	p.spells = slices.DeleteFunc(p.spells, func(s spell) bool { return s.to <= now-meter })
	busy := time.Duration(0)
	for _, s := range p.spells {
		busy += max(min(s.to, now)-max(s.from, since), 0)
	}
	window := max((now - since).Seconds(), 1)
	return &scale.Reading{
		At:       epoch.Add(now),
		Backlog:  float64(len(p.done)) * predicted.Seconds(),
		Arrivals: float64(len(p.arrived)) * predicted.Seconds() / window,
		Busy:     busy.Seconds() / window,
	}
}
