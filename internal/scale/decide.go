package scale

import (
	"fmt"
	"strings"
	"time"
)

// margin is how much more than needed must remain after a scale-in, so that noise does not take back at once what it gave.
const margin = 1.1

// Decide gives the number of replicas, and the memory for the next look. It changes nothing that it is given.
func Decide(s Settings, f Facts, m Memory) (Decision, Memory) {
	s = s.bounded()
	d := decider{sizing: sizing{s, look(f, s)}, Memory: m.at(f.Now, s)}
	d.present = min(max(f.Wanted, s.MinReplicas), s.MaxReplicas)
	d.observe()
	decision := d.decide()
	if decision.Replicas == d.present && d.present != f.Wanted {
		decision.Reason = ReasonBounds
		decision.Message = fmt.Sprintf("%d replicas were outside the bounds of %d to %d", f.Wanted, s.MinReplicas, s.MaxReplicas)
	}
	decision.RecheckAfter = d.recheck(decision)
	d.expected = max(decision.Replicas, f.Wanted)
	return decision, d.Memory
}

// decider is one decision on its way.
type decider struct {
	sizing
	Memory
	// present is the wanted number of replicas, moved into the bounds.
	present int32
	// stable and burst are how many pods the arrivals of the two windows need.
	stable, burst float64
	// overloaded says that the arrivals of the burst window are more than all present pods can do.
	overloaded bool
}

// observe adds this look to the memory and works out what is needed. A look in which nobody was heard is none.
func (d *decider) observe() {
	d.Memory = d.hearing(d.now, d.heardAll())
	if d.reports == 0 {
		return
	}
	byHand := d.expected != 0 && d.wanted > d.expected
	d.Memory = d.with(sample{at: d.now, arrivals: d.arrivals, wanted: d.present}, d.Settings)
	d.stable = d.need(d.mean(d.now, d.StableWindow))
	inBurst := d.mean(d.now, d.BurstWindow)
	d.burst = d.need(inBurst)
	d.overloaded = d.drain(inBurst) > float64(d.present)
	last := &d.samples[len(d.samples)-1]
	last.need = max(last.need, d.stable)
	if byHand {
		last.asked = max(last.asked, d.present)
	}
}

func (d *decider) heardAll() bool { return d.ready > 0 && len(d.silent) == 0 }

func (d *decider) decide() Decision {
	switch {
	case d.ready == 0:
		return d.keep(ReasonNoPodReady, "no pod is ready, so the load is unknown")
	case d.reports == 0:
		return d.keep(ReasonReadingsMissing, "no pod says how it is loaded")
	case !d.watched(d.now, d.BurstWindow):
		return d.keep(ReasonWatching, "nothing is changed before the load was watched for %v", d.BurstWindow)
	}
	if more, reason := d.more(); more > d.present {
		return d.out(more, reason)
	}
	return d.in()
}

// more is how many are needed, by the window that needs more. The burst window's noise counts only when it overloads.
func (d *decider) more() (int32, Reason) {
	need, reason := 0.0, ReasonLoadRose
	if d.watched(d.now, d.StableWindow) {
		need = d.stable
	}
	if d.overloaded && d.burst > need {
		need, reason = d.burst, ReasonBurst
	}
	return pods(need), reason
}

func (d *decider) out(more int32, reason Reason) Decision {
	allowed := max(pods(d.MaxScaleUp*float64(max(d.ready, 1))), d.present)
	to := min(more, allowed, d.MaxReplicas)
	d.remember(to)
	switch {
	case more > d.MaxReplicas && to == d.MaxReplicas:
		return d.to(to, ReasonAtMaximum, "%s needed and maxReplicas is %d", replicas(more), d.MaxReplicas)
	case to < more:
		return d.to(to, reason, "%s needed; at most %g times the %d that are ready are ordered at once", replicas(more), d.MaxScaleUp, d.ready)
	}
	return d.to(to, reason, "%s needed", replicas(more))
}

// in takes pods away when that is safe, and says what is in the way when it is not. Fewer are enough when they were so for a whole
// stable window: a shorter look would say so, and take it back, with every breath of the noise.
func (d *decider) in() Decision {
	now := d.enough(d.StableWindow)
	if now >= d.present && d.enoughFor(d.StableWindow) < d.present {
		return d.asked()
	}
	if now >= d.present {
		return d.keep(ReasonSteady, "%s enough", replicas(d.present))
	}
	if len(d.silent) > 0 {
		return d.keep(ReasonReadingsMissing, "%s enough by what is known, but nothing is taken away without knowing the load of %s", replicas(now), names(d.silent))
	}
	// What works or arrives at this moment has to stay, whatever the windows say.
	least := max(pods(max(d.burst, d.work)), pods(float64(d.present)/d.MaxScaleDown))
	to := max(d.enough(d.ScaleDownDelay), least)
	if to >= d.present && max(d.enoughFor(d.ScaleDownDelay), least) < d.present {
		return d.asked()
	}
	justChanged := d.mostWanted(d.now, d.StableWindow) > d.present
	if to >= d.present || justChanged || !d.heard(d.now, d.ScaleDownDelay) {
		return d.keep(ReasonDelayed, "%s enough now; pods are taken away when they were for %v", replicas(now), d.ScaleDownDelay)
	}
	return d.to(to, ReasonLoadFell, "%s enough", replicas(to))
}

// asked keeps what somebody asked for: whoever did may know something that the arrivals do not show yet.
func (d *decider) asked() Decision {
	return d.keep(ReasonRequested, "%s enough for that, and %d were asked for: so many are kept for %v, and then as many as are needed",
		replicas(d.enoughFor(d.StableWindow)), d.mostAsked(d.now, d.ScaleDownDelay), d.ScaleDownDelay)
}

// enough is how many would have met every need of the last while, with a margin, and everybody who asked for more.
func (d *decider) enough(while time.Duration) int32 {
	return max(d.enoughFor(while), d.mostAsked(d.now, while))
}

// enoughFor is enough without those who asked: what the load needs.
func (d *decider) enoughFor(while time.Duration) int32 {
	return max(pods(d.mostNeeded(d.now, while)*margin), d.MinReplicas)
}

// remember counts an order as a need, so that it stands for the scale-down delay although the stable window may never confirm it.
func (d *decider) remember(order int32) {
	last := &d.samples[len(d.samples)-1]
	last.need = max(last.need, float64(order)/margin)
}

func (d *decider) keep(reason Reason, format string, args ...any) Decision {
	return d.to(d.present, reason, format, args...)
}

func (d *decider) to(number int32, reason Reason, format string, args ...any) Decision {
	why := fmt.Sprintf(format, args...)
	if d.reports > 0 {
		why = fmt.Sprintf("work for %.1f pods arrives and a request waits %v (target %v): %s",
			d.arrivals, d.wait.Round(100*time.Millisecond), d.TargetBacklog, why)
	}
	return Decision{Replicas: number, Reason: reason, Message: why}
}

func (d *decider) recheck(decision Decision) time.Duration {
	moving := decision.Replicas != d.wanted || len(d.coming) > 0 || d.overloaded || d.wait > d.TargetBacklog
	if moving {
		return recheckMoving
	}
	return recheckCalm
}

// names are the first few, because a message has to stay short.
func names(of []string) string {
	const few = 3
	if len(of) <= few {
		return strings.Join(of, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(of[:few], ", "), len(of)-few)
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica is"
	}
	return fmt.Sprintf("%d replicas are", n)
}
