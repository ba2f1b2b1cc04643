package judgement

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"time"

	"github.com/braincreators/tryon-operator/internal/evidence"
	"github.com/braincreators/tryon-operator/internal/sequential"
)

//go:embed *.html
var sources embed.FS

var templates = template.Must(template.ParseFS(sources, "*.html"))

// render writes a self-contained HTML page.
func render(name string, page any) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, page); err != nil {
		return nil, fmt.Errorf("writing page: %w", err)
	}
	return out.Bytes(), nil
}

// page is what the template shows.
type page struct {
	Title, Heading, Where, Badge, Tone, Lead, Rule string
	Numbers                                        [][2]string
	Confidence                                     string
	Plots                                          []plot
	Latency                                        *latencies
	Outcomes                                       []outcomeRow
	Unpaired                                       [][2]string
	Notes                                          []string
	Shared                                         string
	Pairs                                          []shot
	Singles                                        []ownAnswers
	Facts                                          [][2]string
}

// outcomeRow counts what became of pairs.
type outcomeRow struct {
	Name, Pairs, Stable, Candidate           string
	OnlyStable, OnlyCandidate, Both, Neither string
}

// shot is a request with its pictures.
type shot struct {
	Pictures []shotPicture
	// Inside and Outside are how far two answers are apart, empty where there are not two.
	Inside, Outside string
	Words           []string
}

// shotPicture is a JPEG in base64; where there is none, Alt says why.
type shotPicture struct{ Caption, Alt, JPEG string }

// ownAnswers are the answers of one version alone.
type ownAnswers struct {
	Version string
	Shots   []shot
}

// badges say an outcome to people.
var badges = map[string][2]string{
	"Promoted":       {"Promoted", "good"},
	"Fixed":          {"Took over, because the spec names it", "good"},
	"Rejected":       {"Rejected", "bad"},
	"RolledBack":     {"Rolled back", "bad"},
	"ForwardsFailed": {"Rolled back", "bad"},
	"Aborted":        {"Aborted", "open"},
}

// makePage writes the self-contained HTML page.
func makePage(d *Document, g *gallery) ([]byte, error) {
	p := page{
		Heading: fmt.Sprintf("%s judged against %s", d.Candidate.Name, d.Stable.Name),
		Where:   d.where(),
		Lead:    d.lead(), Rule: d.ruleSentence(), Confidence: d.confidence(),
		Numbers: d.numbers(), Outcomes: d.outcomes(), Unpaired: d.unpaired(), Notes: d.Notes, Facts: d.facts(),
		Latency: latenciesOf(&d.Evidence.Totals.Latency),
	}
	p.Badge, p.Tone = d.badge()
	p.Title = p.Heading + ": " + p.Badge
	for _, gate := range d.Gates {
		p.Plots = append(p.Plots, plotOf(gate, d.Evidence.History))
	}
	p.show(d, g)
	return render("page.html", p)
}

// badge says the outcome, and whether it is a good one.
func (d *Document) badge() (words, tone string) {
	if badge, known := badges[d.Outcome]; known {
		return badge[0], badge[1]
	}
	return d.Outcome, "open"
}

// where says which deployment was judged.
func (d *Document) where() string {
	return fmt.Sprintf("TryOnDeployment %s in namespace %s", d.Deployment, d.Namespace)
}

// show puts the pictures in.
func (p *page) show(d *Document, g *gallery) {
	if len(g.pairs) > 0 {
		p.Shared = fmt.Sprintf("%d requests are in the golden sets of both versions; the %d on which they disagree most are shown, the greatest disagreement first.", g.shared, len(g.pairs))
		if g.shared == len(g.pairs) {
			p.Shared = fmt.Sprintf("All %d requests that are in the golden sets of both versions, the greatest disagreement first.", g.shared)
		}
	}
	for _, s := range g.pairs {
		p.Pairs = append(p.Pairs, s.shot("stable", s.Name))
	}
	for _, own := range []struct {
		version string
		shots   []single
	}{{d.Stable.Name, g.stable}, {d.Candidate.Name, g.candidate}} {
		if len(own.shots) == 0 {
			continue
		}
		a := ownAnswers{Version: own.version}
		for _, s := range own.shots {
			a.Shots = append(a.Shots, shot{Words: []string{s.name}, Pictures: []shotPicture{
				{"person", "person", encoded(s.person)}, {"garment", "garment", encoded(s.garment)}, {"answer", "recorded answer", encoded(s.answer)},
			}})
		}
		p.Singles = append(p.Singles, a)
	}
}

// shot shows a request with both answers; ours says whose the first is.
func (p pair) shot(ours string, words ...string) shot {
	out := shot{Words: words, Inside: percent(p.Garment), Outside: percent(p.Outside), Pictures: []shotPicture{
		{"person", "person", encoded(p.person)}, {"garment", "garment", encoded(p.garment)}, {ours, "answer of the stable version", encoded(p.stable)},
		{"candidate", "answer of the candidate", encoded(p.candidate)}, {"difference", "difference of the answers", encoded(p.difference)},
	}}
	if p.candidate == nil {
		out.Inside, out.Outside, out.Pictures[3].Alt, out.Pictures[4].Alt = "", "", "no answer", "–"
	}
	return out
}

func encoded(body []byte) string { return base64.StdEncoding.EncodeToString(body) }

// lead says what was compared with what.
func (d *Document) lead() string {
	pairs := d.Evidence.Totals.Pairs
	if pairs == 0 {
		return fmt.Sprintf("No request was answered by both versions between %s and %s.", clock(d.Evidence.Since), clock(d.Decided))
	}
	// True of copies of live requests and of a replay's known ones: totals do not tell them apart.
	return fmt.Sprintf("Both versions were asked the same %s requests within %s. No shopper saw the candidate's answers to them.",
		count(pairs), span(d.Decided.Sub(d.Evidence.Since)))
}

// ruleSentence is why, and the sentence of the gate where it says more.
func (d *Document) ruleSentence() string {
	took := d.Outcome == "Promoted" || d.Outcome == "Fixed"
	switch {
	case took && d.Verdict != "Promote":
		return "It took over before its gates were clear: " + d.Rule
	case took || d.Reason == "" || d.Reason == d.Rule:
		return d.Rule
	}
	return d.Reason + ". What was found until then: " + d.Rule
}

// confidence explains the intervals in one sentence.
func (d *Document) confidence() string {
	k := max(1, len(d.Gates))
	return fmt.Sprintf("The band is where the true value lies: with %s confidence it was never above the band and with %s never below, at all looks at once (α = %s, which a rejection shares among %d %s). "+
		"A gate is kept once its whole band is below the margin, and missed once it is above.",
		trimPercent(1-d.Alpha), trimPercent(1-d.Alpha/float64(k)), trim(d.Alpha), k, plural(k, "gate", "gates"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func trim(x float64) string { return fmt.Sprintf("%.3g", x) }

func trimPercent(x float64) string { return fmt.Sprintf("%.3g\u00a0%%", 100*x) }

// numbers are the first things to know.
func (d *Document) numbers() [][2]string {
	t := d.Evidence.Totals
	rate := func(p sequential.Pairs, bad int64) string { return share(bad, p.N()) }
	out := [][2]string{
		{"pairs compared", count(t.Pairs)},
		{"requests that failed", rate(t.Errors, t.Errors.OnlyStable+t.Errors.BothBad) + " → " + rate(t.Errors, t.Errors.OnlyCandidate+t.Errors.BothBad)},
		{"pictures with a fault", rate(t.Artefacts, t.Artefacts.OnlyStable+t.Artefacts.BothBad) + " → " + rate(t.Artefacts, t.Artefacts.OnlyCandidate+t.Artefacts.BothBad)},
	}
	if t.Latency.N() > 0 {
		s, c := t.Latency.Quantiles(0.95)
		out = append(out, [2]string{"latency, 95th percentile", milliseconds(s) + " → " + milliseconds(c)})
	}
	return out
}

func share(n, of int64) string {
	if of == 0 {
		return "–"
	}
	return percent(float64(n) / float64(of))
}

// outcomes count errors and faults of both versions.
func (d *Document) outcomes() []outcomeRow {
	row := func(name string, p sequential.Pairs) outcomeRow {
		of := func(n int64) string { return count(n) + " (" + share(n, p.N()) + ")" }
		return outcomeRow{
			Name: name, Pairs: count(p.N()), Stable: of(p.OnlyStable + p.BothBad), Candidate: of(p.OnlyCandidate + p.BothBad),
			OnlyStable: count(p.OnlyStable), OnlyCandidate: count(p.OnlyCandidate), Both: count(p.BothBad), Neither: count(p.BothGood),
		}
	}
	return []outcomeRow{row("no answer in time, or a wrong one", d.Evidence.Totals.Errors), row("a picture with a visible fault", d.Evidence.Totals.Artefacts)}
}

// unpaired counts what speaks neither for nor against the candidate.
func (d *Document) unpaired() [][2]string {
	drops := d.Evidence.Totals.Dropped
	var out [][2]string
	for _, row := range []struct {
		what string
		n    int64
	}{
		{"copies that waited in a full queue", drops.Full}, {"copies that came too fast", drops.TooFast},
		{"copies that the candidate had no time for", drops.Busy}, {"answers that could not be compared", drops.Unmeasured},
	} {
		if row.n > 0 {
			out = append(out, [2]string{row.what, count(row.n)})
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(d.Evidence.Drops)) {
		out = append(out, [2]string{"reports of pods refused as " + string(reason), count(d.Evidence.Drops[reason])})
	}
	return out
}

// facts say what exactly was compared.
func (d *Document) facts() [][2]string {
	facts := [][2]string{
		{"outcome", d.Outcome}, {"verdict of the gates", d.Verdict}, {"rule", d.Rule}, {"epoch", d.Evidence.Epoch}, {"compared from", clock(d.Evidence.Since)}, {"decided", clock(d.Decided)},
	}
	for _, side := range []struct {
		name string
		v    Version
	}{{"stable", d.Stable}, {"candidate", d.Candidate}} {
		facts = append(facts, [2]string{side.name, side.v.Name})
		for _, digest := range [][2]string{{"weights", side.v.Weights}, {"dataset", side.v.Dataset}, {"golden set", side.v.Golden}} {
			if digest[1] != "" {
				facts = append(facts, [2]string{side.name + "'s " + digest[0], digest[1]})
			}
		}
	}
	for _, differ := range []struct {
		where string
		d     sequential.Differences
	}{{"inside the garments", d.Evidence.Totals.Disagreement.Garment}, {"elsewhere", d.Evidence.Totals.Disagreement.Outside}} {
		if differ.d.N > 0 {
			facts = append(facts, [2]string{"the pictures differ " + differ.where, fmt.Sprintf("%s on average, %s at most", percent(differ.d.Sum/float64(differ.d.N)), percent(differ.d.Max))})
		}
	}
	return append(facts, [2]string{"looks that are drawn", fmt.Sprintf("%d of %d at most", len(d.looks()), evidence.MaxLooks)})
}

// span says a duration to people.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
