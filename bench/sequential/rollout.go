package main

import (
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// margins of the gates; a gate with no margin is not asked. They are those of the sample TryOnDeployment unless a scenario says otherwise.
type margins struct {
	latency                 float64
	errors, artefacts, mean *float64
}

func at(x float64) *float64 { return &x }

var sampleMargins = margins{latency: 1.10, errors: at(0.002), artefacts: at(0.01)}

const alpha = 0.05

// state is what the controller keeps of a rollout.
type state struct {
	latencies         sequential.LatencyState
	block             sequential.Latencies
	errors, artefacts sequential.Pairs
	scores            sequential.Differences
}

func (m margins) start() *state {
	s := &state{}
	if m.latency > 0 {
		s.latencies, _ = sequential.NewLatencyState(0.95, m.latency)
		s.block = s.latencies.Seen
	}
	return s
}

func (m margins) gates(s *state) []sequential.Gate {
	var gates []sequential.Gate
	if m.latency > 0 {
		gates = append(gates, sequential.Quantile{Name: "latency-p95-ratio", Evidence: &s.latencies})
	}
	if m.errors != nil {
		gates = append(gates, sequential.Rate{Name: "error-rate-difference", Margin: *m.errors, Pairs: s.errors})
	}
	if m.artefacts != nil {
		gates = append(gates, sequential.Rate{Name: "artefact-rate-difference", Margin: *m.artefacts, Pairs: s.artefacts})
	}
	if m.mean != nil {
		gates = append(gates, sequential.Mean{Name: "garment-distance", Margin: *m.mean, Evidence: s.scores})
	}
	return gates
}

// observe counts a pair for the gates that are asked.
func (m margins) observe(s *state, p pair) error {
	s.errors.Observe(p.stableFails, p.candidateFails)
	s.artefacts.Observe(p.stableArtefact, p.candidateArtefact)
	if m.mean != nil {
		if err := s.scores.Observe(p.stableScore, p.candidateScore); err != nil {
			return err
		}
	}
	if m.latency > 0 {
		return s.block.Observe(p.stable, p.candidate)
	}
	return nil
}

// poll adds the block of latencies to the state.
func (m margins) poll(s *state) (err error) {
	if m.latency > 0 {
		s.latencies, err = s.latencies.Add(s.block)
		s.block, _ = sequential.NewLatencies(m.latency)
	}
	return err
}

// rollout judges one rollout after every block until a verdict that stops it, or until horizon pairs. It gives the last verdict and the pairs seen.
func rollout(src *source, m margins, horizon int, stops func(sequential.Verdict) bool) (sequential.Verdict, int, error) {
	s := m.start()
	for n := 0; n < horizon; {
		size := min(src.block(), horizon-n)
		for range size {
			if err := m.observe(s, src.next(m.latency > 0, m.mean != nil)); err != nil {
				return "", n, err
			}
		}
		n += size
		if err := m.poll(s); err != nil {
			return "", n, err
		}
		verdict, err := sequential.Decide(m.gates(s), alpha)
		if err != nil || stops(verdict) {
			return verdict, n, err
		}
	}
	return sequential.KeepCollecting, horizon, nil
}

func anyVerdict(v sequential.Verdict) bool { return v != sequential.KeepCollecting }

func onlyRejection(v sequential.Verdict) bool { return v == sequential.Reject }
