package main

import (
	"github.com/braincreators/tryon-operator/internal/sequential"
)

// margins of the gates; a gate with no margin is not asked. They are those of the sample TryOnDeployment unless a scenario says otherwise.
type margins struct {
	latency                 float64
	errors, artefacts, mean *float64
	// percent, if set, is a weighted rollout: every request goes to one version, this share to the candidate.
	percent int
}

func at(x float64) *float64 { return &x }

var sampleMargins = margins{latency: 1.10, errors: at(0.002), artefacts: at(0.01)}

const alpha = 0.05

// state is what the controller keeps of a rollout.
type state struct {
	latencies         sequential.LatencyState
	block             sequential.Latencies
	errors, artefacts sequential.Pairs
	streams           sequential.Streams
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
		gates = append(gates, sequential.Rate{Name: "artefact-rate-difference", Margin: *m.artefacts, Pairs: s.artefacts, Streams: s.streams})
	}
	if m.mean != nil {
		gates = append(gates, sequential.Mean{Name: "garment-distance", Margin: *m.mean, Evidence: s.scores})
	}
	return gates
}

// observe counts a pair for the gates that are asked.
func (m margins) observe(s *state, p pair) error {
	s.errors.Observe(p.stableFails, p.candidateFails)
	if m.percent > 0 {
		m.split(s, p)
	} else {
		s.artefacts.Observe(p.stableArtefact, p.candidateArtefact)
	}
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

// split sends a request to one of the versions, evenly spread as the sidecar does.
func (m margins) split(s *state, p pair) {
	if s.streams == nil {
		s.streams = sequential.Streams{{Percent: m.percent}}
	}
	share := &s.streams[0]
	if share.Candidate*100 < (share.Stable+share.Candidate+1)*int64(m.percent) {
		share.Candidate++
		share.CandidateBad += int64(indicator(p.candidateArtefact))
		return
	}
	share.Stable++
	share.StableBad += int64(indicator(p.stableArtefact))
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
