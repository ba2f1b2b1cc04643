package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// traffic is a model of what shadowing sees: pairs of the same request at both versions.
type traffic struct {
	// Latency: log-normal with this sigma, part of its variance shared by the pair, and a share of requests that hit a slow spot of their own,
	// with a Pareto tail. The candidate is slower by the factor.
	sigma, shared, spikes, slower float64
	// wider, if set, is the candidate's sigma relative to the stable one, with the same p95.
	wider float64
	// Errors and artefacts: the stable version's rate, half of it shared by the pair, and what the candidate adds to it.
	errors, moreErrors, artefacts, moreArtefacts float64
	// worse is the mean difference of a quality proxy, whose differences are skewed.
	worse float64
	// drift lets load and rates swing by half during the rollout, as day and night do.
	drift bool
	// spells are the share of time that the candidate alone, or the stable version alone, is 30 % slower, for about 200 requests each.
	spells float64
}

// shop is a try-on shop's ordinary traffic with two equal versions.
var shop = traffic{sigma: 0.4, shared: 0.5, spikes: 0.02, slower: 1, errors: 0.002, artefacts: 0.03}

const medianLatency = 0.4 // seconds

// pair is one request at both versions.
type pair struct {
	stable, candidate                 time.Duration
	stableFails, candidateFails       bool
	stableArtefact, candidateArtefact bool
	stableScore, candidateScore       float64
}

// source draws pairs.
type source struct {
	traffic
	rng                         *rand.Rand
	drawn                       int
	stableSpell, candidateSpell bool
}

func newSource(t traffic, seed, rollout uint64) *source {
	return &source{traffic: t, rng: rand.New(rand.NewPCG(seed, rollout))}
}

// swing moves with time: 1 without drift.
func (s *source) swing() float64 {
	if !s.drift {
		return 1
	}
	return 1 + 0.5*math.Sin(float64(s.drawn)/700)
}

// next draws a pair, with a latency and a score only if they are asked for.
func (s *source) next(latency, score bool) pair {
	s.drawn++
	swing := s.swing()
	var p pair
	p.stableFails, p.candidateFails = s.outcomes(s.errors*swing, s.moreErrors)
	p.stableArtefact, p.candidateArtefact = s.outcomes(s.artefacts*swing, s.moreArtefacts)
	if latency {
		common := math.Sqrt(s.shared) * s.rng.NormFloat64()
		p.stable = s.latency(common, swing*s.spell(&s.stableSpell))
		p.candidate = s.candidateLatency(common, swing)
	}
	if score {
		p.stableScore, p.candidateScore = s.scores()
	}
	return p
}

// scores draws a proxy in [0, 1] whose differences are skewed: one in twenty is worse by 0.3.
func (s *source) scores() (stable, candidate float64) {
	stable = 0.3 + 0.2*s.rng.Float64()
	candidate = stable + s.worse + 0.1*(s.rng.Float64()-0.5) - 0.015
	if s.rng.Float64() < 0.05 {
		candidate += 0.3
	}
	return stable, candidate
}

// candidateLatency differs by a factor, or turns about the p95 of the log-normal, 1.645 sigma above its median.
func (s *source) candidateLatency(common, swing float64) time.Duration {
	factor := swing * s.slower * s.spell(&s.candidateSpell)
	latency := s.latency(common, factor)
	if s.wider == 0 {
		return latency
	}
	p95 := medianLatency * factor * math.Exp(1.645*s.sigma)
	return time.Duration(p95 * math.Pow(latency.Seconds()/p95, s.wider) * float64(time.Second))
}

func (s *source) latency(common, factor float64) time.Duration {
	z := common + math.Sqrt(1-s.shared)*s.rng.NormFloat64()
	seconds := medianLatency * factor * math.Exp(s.sigma*z)
	if s.rng.Float64() < s.spikes {
		seconds *= math.Pow(1-s.rng.Float64(), -1/2.5)
	}
	return time.Duration(seconds * float64(time.Second))
}

// spell gives the factor of a version's own slow spells, which begin and end at random.
func (s *source) spell(slow *bool) float64 {
	if s.spells == 0 {
		return 1
	}
	const length = 200
	leave := 1.0 / length
	if !*slow {
		leave *= s.spells / (1 - s.spells)
	}
	if s.rng.Float64() < leave {
		*slow = !*slow
	}
	if *slow {
		return 1.3
	}
	return 1
}

// outcomes draws whether a request went bad at both versions.
func (s *source) outcomes(rate, more float64) (stable, candidate bool) {
	switch u := s.rng.Float64(); {
	case u < rate/2:
		return true, true
	case u < rate:
		return true, false
	default:
		return false, u < 1.5*rate+more
	}
}

// block gives the size of the next block: what a poll of a few seconds finds, from one request to a burst.
func (s *source) block() int { return 1 + int(s.rng.ExpFloat64()*20) }
