package route

import "sync"

// split deals requests exactly: of any 100 consecutive requests under one weight w, w go to the candidate, spread as evenly as can be.
type split struct {
	mu     sync.Mutex
	weight int
	// owed is what the candidate is owed, in hundredths of a request.
	owed int
}

// next tells whether the next request goes to the candidate. A change of weight keeps what is owed, so no step starts with a burst.
func (s *split) next(weight int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if weight <= 0 {
		s.weight, s.owed = 0, 0
		return false
	}
	if s.weight == 0 {
		// The first share of a new candidate starts in the middle, so that weight 10 does not wait for nine others.
		s.owed = 50
	}
	s.weight = weight
	s.owed += weight
	if s.owed < 100 {
		return false
	}
	s.owed -= 100
	return true
}
