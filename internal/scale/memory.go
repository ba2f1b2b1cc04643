package scale

import (
	"slices"
	"time"
)

// Memory is what is kept from look to look. The zero value is that of a manager that has just started; losing it is always safe.
type Memory struct {
	samples []sample
	// began is since when there has been a look at least every gap.
	began time.Time
	// heardSince is since when every ready pod has been heard at every look; zero while one is silent.
	heardSince time.Time
	// expected is the highest number of replicas that this look should find, whether or not the last decision was carried out. When
	// there are more, somebody else asked for them.
	expected int32
}

// sample is one look.
type sample struct {
	at       time.Time
	arrivals float64
	// need is how many pods would have been enough, by the stable window.
	need float64
	// wanted is how many there were to be, and asked how many of them somebody asked for in this look; 0 for nobody.
	wanted, asked int32
}

const (
	// gap is the longest time between two looks that still counts as watching.
	gap = 30 * time.Second
	// most bounds the samples. Looks that follow each other too closely for that are merged.
	most = 512
)

// at is the memory as of now. A clock that went backwards and a time without looks both end what is known.
func (m Memory) at(now time.Time, s Settings) Memory {
	if n := len(m.samples); n > 0 {
		if age := now.Sub(m.samples[n-1].at); age < 0 || age > gap {
			return Memory{expected: m.expected}
		}
	}
	m.samples = slices.DeleteFunc(slices.Clone(m.samples), func(x sample) bool { return now.Sub(x.at) > s.ScaleDownDelay })
	return m
}

// with adds a look. It may write over the last sample, which is why at makes a copy.
func (m Memory) with(x sample, s Settings) Memory {
	if m.began.IsZero() {
		m.began = x.at
	}
	n := len(m.samples)
	if n > 0 && x.at.Sub(m.samples[n-1].at) < max(time.Second, s.ScaleDownDelay/most) {
		last := &m.samples[n-1]
		last.arrivals, last.need, last.wanted = x.arrivals, max(last.need, x.need), max(last.wanted, x.wanted)
		return m
	}
	m.samples = append(m.samples, x)
	return m
}

// hearing notes whether every ready pod was heard.
func (m Memory) hearing(now time.Time, all bool) Memory {
	switch {
	case !all:
		m.heardSince = time.Time{}
	case m.heardSince.IsZero():
		m.heardSince = now
	}
	return m
}

// watched says whether there was no gap in the last d, heard whether moreover every pod was heard.
func (m Memory) watched(now time.Time, d time.Duration) bool {
	return !m.began.IsZero() && now.Sub(m.began) >= d
}

func (m Memory) heard(now time.Time, d time.Duration) bool {
	return m.watched(now, d) && !m.heardSince.IsZero() && now.Sub(m.heardSince) >= d
}

// mean is that of the arrivals over the last d, each sample weighted with the time since the one before it.
func (m Memory) mean(now time.Time, d time.Duration) float64 {
	var sum, weights float64
	for i, x := range m.samples {
		if now.Sub(x.at) > d {
			continue
		}
		weight := 1.0
		if i > 0 {
			weight = x.at.Sub(m.samples[i-1].at).Seconds()
		}
		sum += x.arrivals * weight
		weights += weight
	}
	if weights == 0 {
		return 0
	}
	return sum / weights
}

// mostNeeded, mostAsked and mostWanted are the highest of the last d.
func (m Memory) mostNeeded(now time.Time, d time.Duration) float64 {
	high := 0.0
	for _, x := range m.samples {
		if now.Sub(x.at) <= d {
			high = max(high, x.need)
		}
	}
	return high
}

func (m Memory) mostAsked(now time.Time, d time.Duration) int32 {
	var high int32
	for _, x := range m.samples {
		if now.Sub(x.at) <= d {
			high = max(high, x.asked)
		}
	}
	return high
}

func (m Memory) mostWanted(now time.Time, d time.Duration) int32 {
	var high int32
	for _, x := range m.samples {
		if now.Sub(x.at) <= d {
			high = max(high, x.wanted)
		}
	}
	return high
}
