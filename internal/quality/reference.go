package quality

import "slices"

// Reference is how each proxy is spread over answers that passed evaluation. The zero value is empty. It is true for one
// model at one resolution.
type Reference [proxies]spread

// spread holds the quantiles 5 %, 50 % and 95 % of a proxy; without cases they are unknown.
type spread struct {
	cases             int
	low, median, high float64
}

// MakeReference takes the quantiles of the scores of golden answers; proxies with fewer than 20 measured cases stay unknown.
func MakeReference(golden []Scores) Reference {
	var r Reference
	values := make([]float64, 0, len(golden))
	for p := range proxies {
		values = values[:0]
		for i := range golden {
			if v, ok := golden[i].Get(p); ok {
				values = append(values, v)
			}
		}
		if n := len(values); n >= leastCases {
			slices.Sort(values)
			at := func(q float64) float64 { return values[int(q*float64(n-1)+0.5)] }
			r[p] = spread{cases: n, low: at(outer), median: at(0.5), high: at(1 - outer)}
		}
	}
	return r
}
