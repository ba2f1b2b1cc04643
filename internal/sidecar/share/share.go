package share

import "sync"

// Deal deals requests exactly: of any 100 consecutive requests under one share of w percent, w are dealt, spread as evenly as can be. The zero
// value is ready; it is safe for concurrent use.
type Deal struct {
	mu      sync.Mutex
	percent int
	// owed is in hundredths of a request.
	owed int
}

// Next tells whether the next request is dealt. A change of the share keeps what is owed, so no step starts with a burst.
func (d *Deal) Next(percent int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if percent <= 0 {
		d.percent, d.owed = 0, 0
		return false
	}
	if d.percent == 0 {
		// The first share starts in the middle, so that 10 percent do not wait for nine others.
		d.owed = 50
	}
	d.percent = percent
	d.owed += percent
	if d.owed < 100 {
		return false
	}
	d.owed -= 100
	return true
}
