package scale

import "slices"

// outlier is how many times the median a claim may be before it is cut.
const outlier = 3

// total adds what the pods claim, winsorised, and counts each silent pod like the median of the others, but at most like own.
func total(claims []float64, silent int, own float64) float64 {
	sum := float64(silent) * min(lowerMedian(claims), own)
	for _, x := range winsorised(claims, own) {
		sum += x
	}
	return sum
}

// winsorised moves claims that are far from the others' to a third or three times their median. The Service spreads requests over all
// pods alike, so a claim that no other pod confirms is either wrong or about work that only this pod gets, which more pods would not
// take away from it. Up to own, which a pod can have by itself (all of its time, or the target backlog), it is always believed.
//
// The median is the lower one: of two pods the modest one is believed. A single pod has nobody to be compared with and is limited by
// what is physically possible only; as soon as the pods that it caused to start report, its claim is cut.
func winsorised(claims []float64, own float64) []float64 {
	middle := lowerMedian(claims)
	low, high := middle/outlier, max(middle*outlier, own)
	cut := make([]float64, len(claims))
	for i, x := range claims {
		cut[i] = clamp(x, low, high)
	}
	return cut
}

// lowerMedian is 0 for no values.
func lowerMedian(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(max(len(values), 1))
}
