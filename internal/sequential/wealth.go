package sequential

import "math"

// stake is the share of the wealth that a bet puts at risk on each request, and the part of the starting capital that plays it.
type stake struct{ fraction, capital float64 }

// stakes span seven octaves: the best fraction is (distance from the margin) / (variance), and a mixture over a grid comes within a
// logarithm of a small number of the best one without knowing either. They are fixed before the first request.
var stakes = [...]stake{
	{0.9, 0.12}, {0.45, 0.28}, {0.22, 0.28}, {0.11, 0.16}, {0.055, 0.07}, {0.028, 0.04}, {0.014, 0.03}, {0.007, 0.02},
}

// outcome is a value and how many requests had it.
type outcome struct{ value, count float64 }

// sample is what was seen of a quantity in [low, high].
type sample struct {
	low, high float64
	outcomes  []outcome
}

// negated turns "is the mean above m" into "is it below -m".
func (s sample) negated() sample {
	turned := sample{low: -s.high, high: -s.low, outcomes: make([]outcome, len(s.outcomes))}
	for i, o := range s.outcomes {
		turned.outcomes[i] = outcome{-o.value, o.count}
	}
	return turned
}

// logWealthBelow gives the log wealth of the gambler who bets that the mean lies below m, after repeat times what was seen. Request x pays
// 1 + fraction·(m−x)/(high−m): never negative, and 1 or less on average if the mean is m or more (Waudby-Smith and Ramdas 2024).
// It rises with m, request by request, so the m at which it passes a level is one end of a confidence interval.
func logWealthBelow(samples []sample, m, repeat float64) float64 {
	var logs [len(stakes)]float64
	for k, s := range stakes {
		logs[k] = math.Log(s.capital)
		for _, sample := range samples {
			for _, o := range sample.outcomes {
				logs[k] += repeat * o.count * math.Log1p(s.fraction*(m-o.value)/(sample.high-m))
			}
		}
	}
	return logSumExp(logs[:])
}

// logSumExp is log(Σ exp(x)) without overflow.
func logSumExp(xs []float64) float64 {
	top := math.Inf(-1)
	for _, x := range xs {
		top = max(top, x)
	}
	if math.IsInf(top, 0) {
		return top
	}
	var sum float64
	for _, x := range xs {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum)
}
