package queue

import "time"

// Load is what a pod says of its work over the last seconds.
type Load struct {
	// Backlog is how long a request that came now would wait for others that somebody waits for.
	Backlog time.Duration
	// Arrivals is the work that came, in seconds per second, that of refused requests included. Busy is the part of the time in which the
	// model server worked.
	Arrivals, Busy float64
}

// meter measures work. A run's work is the time that it is in the model server, shared with the runs beside it: two that overlap for a second did
// half a second of work each. So the work of all runs is the time in which the model server works, whether it really works on two at once or has the
// second one wait, and no division by the number of runs is needed that would be wrong for one of the two.
type meter struct {
	began, last time.Time
	running     int
	// shoppers are the runs that somebody waits for. Work that may wait (copies for a shadow comparison) is none of theirs: it gives way, so no pod
	// has to be started for it, and counted as load it would keep pods that nobody needs.
	shoppers int
	// shared is the work of a run that had been there from the beginning.
	shared         time.Duration
	arrivals, busy window
}

// advance brings the meter up to now. It comes before every change of what is running.
func (m *meter) advance(now time.Time) {
	passed := now.Sub(m.last)
	if m.running > 0 && passed > 0 {
		m.shared += passed / time.Duration(m.running)
		m.busy.spread(m.last.Sub(m.began), passed, float64(m.shoppers)/float64(m.running))
	}
	m.last = now
}

// arrive counts work that came.
func (m *meter) arrive(now time.Time, work time.Duration) {
	m.arrivals.add(now.Sub(m.began), work.Seconds())
}

func (m *meter) load(now time.Time) Load {
	m.advance(now)
	at := now.Sub(m.began)
	return Load{Arrivals: m.arrivals.perSecond(at), Busy: min(1, m.busy.perSecond(at))}
}

const (
	slots = 20
	slot  = 500 * time.Millisecond
)

// window sums seconds of work over the last ten seconds, all times since it began.
type window struct {
	sums [slots]float64
	// newest is the number of the newest slot since the beginning.
	newest int64
}

// turn forgets what is older than the window.
func (w *window) turn(at time.Duration) {
	newest := int64(at / slot)
	for i := max(w.newest+1, newest-slots+1); i <= newest; i++ {
		w.sums[i%slots] = 0
	}
	w.newest = max(w.newest, newest)
}

func (w *window) add(at time.Duration, work float64) {
	w.turn(at)
	w.sums[int64(at/slot)%slots] += work
}

// spread adds a part of the time from at on.
func (w *window) spread(at, length time.Duration, part float64) {
	w.turn(at + length)
	end := at + length
	// What lies before the window is of no interest, so a long time takes no longer than a short one.
	at = max(at, end-slots*slot+slot)
	for at < end {
		next := min(at.Truncate(slot)+slot, end)
		w.sums[int64(at/slot)%slots] += (next - at).Seconds() * part
		at = next
	}
}

// perSecond is what the window holds by the time that it covers. In its first second it tells what came in a second, not more.
func (w *window) perSecond(at time.Duration) float64 {
	w.turn(at)
	sum := 0.0
	for _, s := range w.sums {
		sum += s
	}
	covered := min(at, (slots-1)*slot+at%slot)
	return sum / max(covered, time.Second).Seconds()
}
