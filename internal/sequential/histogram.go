package sequential

// Bin is a part of two histograms: how many latencies lie above From and up to To, in seconds.
type Bin struct {
	From, To float64
	N        int64
}

// Histograms gives the latencies of both versions, from the first bin that has any to the last. The candidate's bins are the ratio
// times as wide, because pairs are compared at that ratio. What is slower than the last edge is in a last bin without width.
func (l *Latencies) Histograms() (stable, candidate []Bin) {
	return l.bins(1, func(i int) int64 { return l.later[i] }), l.bins(l.ratio, l.candidateLater)
}

// bins takes differences of exceedance counts; scale stretches the edges.
func (l *Latencies) bins(scale float64, later func(i int) int64) []Bin {
	var all []Bin
	before, from := l.n, 0.0
	for i := range edges {
		here, to := later(i), scale*edge(i)
		if before > here || len(all) > 0 && here > 0 {
			all = append(all, Bin{From: from, To: to, N: before - here})
		}
		before, from = here, to
	}
	if before > 0 {
		all = append(all, Bin{From: from, To: from, N: before})
	}
	return all
}

// Quantiles gives one quantile of both versions in seconds, interpolated within a bin; NaN without evidence.
func (l *Latencies) Quantiles(level float64) (stable, candidate float64) {
	return l.quantile(level, func(i int) int64 { return l.later[i] }), l.ratio * l.quantile(level, l.candidateLater)
}
