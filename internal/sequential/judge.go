package sequential

import (
	"fmt"
	"math"
	"time"
)

// Verdict is what a judgement comes to.
type Verdict string

const (
	// Promote: every gate's metric has been shown to be better than its margin.
	Promote Verdict = "Promote"
	// Reject: a gate's metric has been shown to be worse than its margin.
	Reject Verdict = "Reject"
	// KeepCollecting: neither has been shown. No traffic is neither pass nor fail.
	KeepCollecting Verdict = "KeepCollecting"
)

// Judgement is the outcome of all gates together.
type Judgement struct {
	Verdict Verdict
	// Rule names the gate that decided, or the one that is waited for.
	Rule string
	// Message says in one sentence what was found.
	Message string
	// Have and Need count the pairs of that gate: seen so far, and estimated for a verdict if what comes looks like what came. Need is 0
	// when that cannot be told yet.
	Have, Need int64
	// ETA is how long the missing pairs take at the given rate; 0 when that cannot be told, or nothing is missing.
	ETA time.Duration
	// Findings has one entry per gate, in their order.
	Findings []Finding
}

// Finding is what one gate's evidence shows.
type Finding struct {
	Metric string
	// Verdict of this gate alone.
	Verdict Verdict
	Margin  float64
	// Estimate is NaN without evidence.
	Estimate float64
	// Lower and Upper are time-uniform bounds: each holds at all looks at once, Upper with confidence 1−α, Lower with 1−α/(number of gates).
	// The gate promotes when Upper is below the margin, and rejects when Lower is above it. Infinite or 0 where nothing is known.
	Lower, Upper float64
	Have, Need   int64
	Message      string
}

// levels are the log wealths that promotion and rejection ask for.
type levels struct{ promote, reject float64 }

// Decide gives the verdict alone; Judge explains it. alpha in (0, 0.5) bounds two probabilities, each over the whole rollout however often it is
// judged: that a candidate at or beyond the margin of any gate is promoted, and that a candidate within all margins is rejected.
//
// Promotion needs all gates. To promote a bad candidate, the gate that it fails must err, so every gate may use the whole alpha
// (intersection-union test, Berger 1982). Rejection needs one gate. To reject a good candidate any of them may err, so they share alpha.
// Errors wrap ErrInvalid.
func Decide(gates []Gate, alpha float64) (Verdict, error) {
	level, err := prepare(gates, alpha)
	if err != nil {
		return KeepCollecting, err
	}
	verdict := Promote
	for _, g := range gates {
		if g.logWealth(above, g.limit(), 1) >= level.reject {
			return Reject, nil
		}
		if verdict == Promote && g.logWealth(below, g.limit(), 1) < level.promote {
			verdict = KeepCollecting
		}
	}
	return verdict, nil
}

// Judge decides like Decide, and says why, how much evidence is missing, and how long it takes at perSecond pairs per second (0 when
// no traffic comes).
func Judge(gates []Gate, alpha, perSecond float64) (Judgement, error) {
	level, err := prepare(gates, alpha)
	if err != nil {
		return Judgement{Verdict: KeepCollecting}, err
	}
	findings := make([]Finding, len(gates))
	for i, g := range gates {
		findings[i] = find(g, level)
	}
	j := summarize(findings)
	if missing := float64(j.Need - j.Have); missing > 0 && perSecond > 0 && missing/perSecond < math.MaxInt64/1e9 {
		j.ETA = time.Duration(missing / perSecond * float64(time.Second))
	}
	return j, nil
}

func prepare(gates []Gate, alpha float64) (levels, error) {
	if len(gates) == 0 || !(alpha > 0 && alpha < 0.5) {
		return levels{}, fmt.Errorf("%w: %d gates at alpha %g", ErrInvalid, len(gates), alpha)
	}
	for _, g := range gates {
		if err := g.check(); err != nil {
			return levels{}, fmt.Errorf("gate %s: %w", g.Metric(), err)
		}
	}
	return levels{promote: math.Log(1 / alpha), reject: math.Log(float64(len(gates)) / alpha)}, nil
}

func find(g Gate, level levels) Finding {
	f := Finding{
		Metric: g.Metric(), Verdict: KeepCollecting, Margin: g.limit(), Estimate: g.Estimate(), Have: g.N(),
		Lower: g.bound(above, level.reject), Upper: g.bound(below, level.promote),
	}
	switch {
	case g.logWealth(above, g.limit(), 1) >= level.reject:
		f.Verdict, f.Need = Reject, f.Have
	case g.logWealth(below, g.limit(), 1) >= level.promote:
		f.Verdict, f.Need = Promote, f.Have
	case f.Estimate > f.Margin:
		f.Need = need(g, above, level.reject)
	default:
		f.Need = need(g, below, level.promote)
	}
	f.Message = f.sentence()
	return f
}

// horizon is how many times the evidence so far an estimate of the need may reach.
const horizon = 1000

// need estimates how many pairs the gambler of a side wants for a log wealth, if what comes looks like what came; 0 when it is beyond the horizon.
// The log wealth is convex in the number of repetitions, so there is one crossing.
func need(g Gate, side side, level float64) int64 {
	if g.N() == 0 || g.logWealth(side, g.limit(), horizon) < level {
		return 0
	}
	few, enough := 1.0, float64(horizon)
	for enough/few > 1.001 {
		middle := math.Sqrt(few * enough)
		if g.logWealth(side, g.limit(), middle) >= level {
			enough = middle
		} else {
			few = middle
		}
	}
	return int64(math.Ceil(enough * float64(g.N())))
}

// sentence says the finding to a user.
func (f Finding) sentence() string {
	if f.Have == 0 {
		return fmt.Sprintf("%s: no evidence yet", f.Metric)
	}
	seen := fmt.Sprintf("%s is %.4g, %s after %d requests", f.Metric, f.Estimate, f.interval(), f.Have)
	switch {
	case f.Verdict == Reject:
		return fmt.Sprintf("%s: worse than the margin %.4g", seen, f.Margin)
	case f.Verdict == Promote:
		return fmt.Sprintf("%s: better than the margin %.4g", seen, f.Margin)
	case f.Need == 0:
		return fmt.Sprintf("%s: too close to the margin %.4g to say when it will be clear", seen, f.Margin)
	}
	return fmt.Sprintf("%s: not clear of the margin %.4g, about %d more needed", seen, f.Margin, f.Need-f.Have)
}

// interval says it to a user, for whom nothing is between 0 and infinity.
func (f Finding) interval() string {
	switch {
	case !math.IsInf(f.Upper, 1):
		return fmt.Sprintf("between %.4g and %.4g", f.Lower, f.Upper)
	case f.Lower > 0:
		return fmt.Sprintf("at least %.4g", f.Lower)
	}
	return "not yet bounded"
}

// summarize finds the gate that decides: any that rejects; else the one that would reject soonest; else the one that holds promotion up longest.
func summarize(findings []Finding) Judgement {
	decisive := findings[0]
	for _, f := range findings[1:] {
		if f.before(decisive) {
			decisive = f
		}
	}
	return Judgement{
		Verdict: decisive.Verdict, Rule: decisive.Metric, Message: decisive.Message, Have: decisive.Have, Need: decisive.Need, Findings: findings,
	}
}

// before orders findings by how much they decide.
func (f Finding) before(other Finding) bool {
	a, b := f.rank(), other.rank()
	if a != b {
		return a < b
	}
	if f.worsening() {
		return f.missing() < other.missing()
	}
	return f.missing() > other.missing()
}

func (f Finding) rank() int {
	switch {
	case f.Verdict == Reject:
		return 0
	case f.worsening():
		return 1
	case f.Verdict == KeepCollecting:
		return 2
	}
	return 3
}

// worsening says that more of the same would reject.
func (f Finding) worsening() bool {
	return f.Verdict == KeepCollecting && f.Need > 0 && f.Estimate > f.Margin
}

// missing is how much the gate still needs; what cannot be told is more than anything.
func (f Finding) missing() int64 {
	if f.Need == 0 {
		return math.MaxInt64
	}
	return f.Need - f.Have
}
