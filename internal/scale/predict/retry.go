package predict

import (
	"math"
	"time"
)

const (
	soonest = 1
	latest  = 120
)

// RetryAfter gives the whole seconds after which a refused client may try again: when the backlog that refused it will be worked off
// (RFC 9110, section 10.2.3). At least one second, so that nobody hammers, at most two minutes, because nobody waits for longer and
// more pods may have come by then.
func RetryAfter(backlog time.Duration) int {
	return int(min(max(math.Ceil(backlog.Seconds()), soonest), latest))
}
