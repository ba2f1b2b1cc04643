package pace

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Pace remembers when something was last done for an object, as long as that matters. Its zero value is ready. It is safe for
// concurrent use, and forgets when the manager restarts.
type Pace struct {
	mu   sync.Mutex
	last map[types.UID]time.Time
}

// Turn says whether it is the object's turn again, and takes it.
func (p *Pace) Turn(uid types.UID, every time.Duration, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.last, func(_ types.UID, last time.Time) bool { return now.Sub(last) >= every })
	if _, done := p.last[uid]; done {
		return false
	}
	if p.last == nil {
		p.last = map[types.UID]time.Time{}
	}
	p.last[uid] = now
	return true
}
