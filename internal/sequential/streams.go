package sequential

import (
	"fmt"
	"slices"
)

// MaxShares bounds the different shares of one rollout.
const MaxShares = 16

// Share counts the requests of two separate streams while the candidate answered Percent of the traffic.
type Share struct {
	// Percent of the traffic that the candidate answers, 1 to 99.
	Percent      int   `json:"percent"`
	Stable       int64 `json:"stable"`
	StableBad    int64 `json:"stableBad"`
	Candidate    int64 `json:"candidate"`
	CandidateBad int64 `json:"candidateBad"`
}

// Streams counts requests that went to one version or to the other, in weighted rollout. They are kept apart by the share in force: the mix
// of requests may change from one share to the next (day and night), and pooled rates would mistake that for a difference of the versions.
type Streams []Share

// N counts the requests of both streams.
func (s Streams) N() int64 {
	var n int64
	for _, share := range s {
		n += share.Stable + share.Candidate
	}
	return n
}

// Add gives the counts of both together, sorted by share. On an error, which wraps ErrInvalid, s is returned as it was.
func (s Streams) Add(block Streams) (Streams, error) {
	if err := block.check(); err != nil {
		return s, err
	}
	sum := slices.Clone(s)
	for _, b := range block {
		i, found := slices.BinarySearchFunc(sum, b.Percent, func(a Share, percent int) int { return a.Percent - percent })
		if !found {
			sum = slices.Insert(sum, i, b)
			continue
		}
		sum[i].Stable += b.Stable
		sum[i].StableBad += b.StableBad
		sum[i].Candidate += b.Candidate
		sum[i].CandidateBad += b.CandidateBad
	}
	if err := sum.check(); err != nil {
		return s, err
	}
	return sum, nil
}

func (s Streams) check() error {
	if len(s) > MaxShares {
		return fmt.Errorf("%w: %d shares, allowed are %d", ErrInvalid, len(s), MaxShares)
	}
	var total int64
	for i, share := range s {
		if share.Percent < 1 || share.Percent > 99 || i > 0 && share.Percent <= s[i-1].Percent {
			return fmt.Errorf("%w: a share of %d %%: shares rise from 1 to 99", ErrInvalid, share.Percent)
		}
		if err := checkCounts(share.Stable, share.StableBad, share.Candidate, share.CandidateBad); err != nil {
			return err
		}
		if share.StableBad > share.Stable || share.CandidateBad > share.Candidate {
			return fmt.Errorf("%w: more bad requests than requests", ErrInvalid)
		}
		total += share.Stable + share.Candidate
	}
	return checkCounts(total)
}
