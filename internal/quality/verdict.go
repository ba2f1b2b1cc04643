package quality

// Fault is a hard fault: an answer that is wrong whatever the model. Its text is its name in metrics and documents.
type Fault string

const (
	// NoFault says that no hard fault was seen, which does not mean that the answer is good.
	NoFault Fault = ""
	// FaultBlack is an answer without light where the photo has some.
	FaultBlack Fault = "black"
	// FaultFlat is an answer of one colour.
	FaultFlat Fault = "flat"
	// FaultNoOp is the photo, given back.
	FaultNoOp Fault = "no-op"
	// FaultWrongGarment is a garment of other colours than the one asked for.
	FaultWrongGarment Fault = "wrong-garment"
)

// Thresholds of the hard faults. They are set in the gap between true and spoilt answers that docs/quality.md reports, nearer
// to the spoilt ones: a hard fault is a reason to throw an answer away.
const (
	nearlyAll = 0.9
	// aCopy is the difference over the frame below which an answer is the photo but for rounding: one level.
	aCopy = 1.0 / 255
	// untouched is the NoEffect from which nothing was put on.
	untouched = 0.965
	// otherColours is the mismatch from which a garment is another. A no-op needs less: that the photo was left as it is is
	// evidence of its own, but right for someone who asks for what is worn already.
	otherColours, notTheGarment = 0.15, 0.08
)

// mismatch weighs how little the worn garment has of the colours of the one asked for. The mean is steady under print, light
// and blur; the histogram tells apart garments of the same mean.
func (s *Scores) mismatch() (float64, bool) {
	mean, known := s.Get(MeanColourDist)
	return mean + 0.1*s.values[HistDistGarment], known
}

// Fault is the first hard fault that the scores show. What was not measured shows none.
func (s *Scores) Fault() Fault {
	// What was not measured is 0 and passes no threshold.
	over := func(p Proxy, least float64) bool { return s.values[p] >= least }
	frame, whole := s.Get(FrameDiff)
	mismatch, compared := s.mismatch()
	switch {
	case over(Dark, nearlyAll):
		return FaultBlack
	case over(Flat, nearlyAll):
		return FaultFlat
	case compared && mismatch < notTheGarment:
		return NoFault
	case whole && frame < aCopy, over(NoEffect, untouched):
		return FaultNoOp
	case compared && mismatch >= otherColours:
		return FaultWrongGarment
	}
	return NoFault
}

// farOut is the robust z from which a proxy is out of its reference. It is this large because fourteen skewed proxies are
// asked at once: docs/quality.md has what it costs in false alarms.
const farOut = 6

// Artefact says whether an answer is an artefact and by what: the name of its hard fault, or of the proxy that lies furthest
// outside what golden answers have. With an empty reference only hard faults count. This is the signal of the gate
// artefact-rate-difference.
func Artefact(s Scores, r Reference) (cause string, artefact bool) {
	if f := s.Fault(); f != NoFault {
		return string(f), true
	}
	furthest := float64(farOut)
	for p, v := range s.All() {
		if z := r.z(p, v); z > furthest {
			furthest, cause = z, p.String()
		}
	}
	return cause, cause != ""
}

// z is how far a value lies on a bad side of the reference's median, in robust standard deviations of that side; 0 where the
// reference does not know the proxy.
func (r *Reference) z(p Proxy, v float64) float64 {
	g := &r[p]
	switch {
	case g.cases == 0:
		return 0
	case v >= g.median:
		return (v - g.median) / max(g.high-g.median, leastSpread) * sidedQuantile
	case bothTails>>p&1 == 1:
		return (g.median - v) / max(g.median-g.low, leastSpread) * sidedQuantile
	}
	return 0
}

const (
	// leastCases have to be there before their quantiles are trusted.
	leastCases = 20
	// outer is the share below low and above high; sidedQuantile is where a normal distribution has it.
	outer         = 0.05
	sidedQuantile = 1.645
	// leastSpread keeps references without spread, such as an untouched head, from calling rounding an artefact: one level.
	leastSpread = 1.0 / 255
)
