package evaluate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"slices"

	"github.com/braincreators/tryon-operator/internal/artefact"
	"github.com/braincreators/tryon-operator/internal/imaging"
	"github.com/braincreators/tryon-operator/internal/oip"
	"github.com/braincreators/tryon-operator/internal/report"
	"github.com/braincreators/tryon-operator/internal/task"
)

// SystemServed is what the runtime answers, beside the baselines.
const SystemServed = "served"

// systems in the order in which everything shows them.
var systems = []string{SystemServed, BaselineCopy, BaselinePaste}

const documentSchema = "tryon.evaluation/v1"

// Sizes of what is shown.
const (
	shownCases = 24
	sheetRows  = 8
	sheetCellW = 192
	thumbSide  = 220
)

// Document is evaluations/<key>/report.json.
type Document struct {
	Schema   string `json:"schema"`
	Key      string `json:"key"`
	Title    string `json:"title,omitempty"`
	Weights  string `json:"weights"`
	Dataset  string `json:"dataset"`
	Protocol string `json:"protocol"`
	// Evaluator is the digest of Method; only reports with the same one compare.
	Evaluator string    `json:"evaluator"`
	Method    evaluator `json:"method"`
	// Scores by system (served, copy-person, paste-garment) and metric.
	Scores map[string]map[string]Estimate `json:"scores"`
	// Golden is the digest of the recorded golden requests.
	Golden string `json:"golden"`
	Rows   []Row  `json:"rows"`
}

// Row is one case.
type Row struct {
	Name    string `json:"name"`
	Person  string `json:"person"`
	Garment string `json:"garment"`
	// Scores by system.
	Scores map[string]report.Scores `json:"scores"`
}

func newDocument(t task.Evaluate, p plan, s oip.Signature) (*Document, error) {
	method := makeEvaluator(p, s)
	id, err := method.ID()
	if err != nil {
		return nil, err
	}
	return &Document{
		Schema: documentSchema, Key: t.Key, Title: t.Title, Weights: t.Weights, Dataset: t.Digest, Protocol: p.protocol, Evaluator: id, Method: method,
	}, nil
}

// aggregate fills the means from the rows.
func (d *Document) aggregate() {
	d.Scores = map[string]map[string]Estimate{}
	for _, system := range systems {
		d.Scores[system] = map[string]Estimate{}
		for _, m := range metrics {
			values := make([]float64, len(d.Rows))
			for i, row := range d.Rows {
				values[i] = row.Scores[system][m.name]
			}
			d.Scores[system][m.name] = estimate(values)
		}
	}
}

func (d *Document) summary() report.EvaluationSummary {
	means := func(system string) report.Scores {
		out := report.Scores{}
		for name, e := range d.Scores[system] {
			out[name] = e.Mean
		}
		return out
	}
	return report.EvaluationSummary{
		Evaluator: d.Evaluator, Protocol: d.Protocol, Cases: int32(len(d.Rows)), Scores: means(SystemServed), Golden: d.Golden,
		Baselines: map[string]report.Scores{BaselineCopy: means(BaselineCopy), BaselinePaste: means(BaselinePaste)},
	}
}

// order gives the rows' indices from worst to best inside the garments.
func (d *Document) order() []int {
	out := make([]int, len(d.Rows))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return cmp.Compare(d.Rows[a].Scores[SystemServed][MetricGarmentSSIM], d.Rows[b].Scores[SystemServed][MetricGarmentSSIM])
	})
	return out
}

// shownCase is a case with its pictures, for the eyes.
type shownCase struct {
	row                            Row
	person, garment, result, truth *image.RGBA
}

// showcase asks again for cases from the worst to the best, evenly spread; keeping all pictures would take too much memory.
func (s *session) showcase(ctx context.Context, d *Document) ([]shownCase, error) {
	order := d.order()
	var shown []shownCase
	for _, k := range spread(len(order), shownCases) {
		i := order[k]
		p, out, err := s.answer(ctx, s.plan.cases[i])
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", s.plan.cases[i].name, err)
		}
		shown = append(shown, shownCase{d.Rows[i], p.person, p.garment, fromRGB(out.Image, s.signature), p.truth})
	}
	return shown, nil
}

// publish leaves the reports in the store, report.json last.
func (s *session) publish(ctx context.Context, hexKey string, d *Document, shown []shownCase) (*report.Reference, error) {
	sheet, err := makeSheet(d, shown)
	if err != nil {
		return nil, err
	}
	page, err := makePage(d, shown)
	if err != nil {
		return nil, err
	}
	body, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encoding report: %w", err)
	}
	folder := "evaluations/" + hexKey + "/"
	for _, doc := range []struct {
		name string
		body []byte
	}{{"contact-sheet.png", sheet}, {"report.html", page}, {"report.json", body}} {
		if err := s.store.PutDocument(ctx, folder+doc.name, doc.body); err != nil {
			return nil, fmt.Errorf("publishing evaluation: %w", err)
		}
	}
	return &report.Reference{URI: folder + "report.json", Digest: artefact.DigestOf(body)}, nil
}

// makeSheet draws the contact sheet.
func makeSheet(d *Document, shown []shownCase) ([]byte, error) {
	sheet := imaging.Sheet{
		Title: d.heading(), Heads: []string{"person", "garment", "result", "truth"},
		Footer: fmt.Sprintf("%s · %d cases · mean SSIM %.3f, inside the garments %.3f · rows from worst to best", d.Protocol, len(d.Rows),
			d.Scores[SystemServed][MetricSSIM].Mean, d.Scores[SystemServed][MetricGarmentSSIM].Mean),
	}
	for _, k := range spread(len(shown), sheetRows) {
		c := shown[k]
		if sheet.CellW == 0 {
			sheet.CellW = sheetCellW
			sheet.CellH = sheetCellW * c.person.Rect.Dy() / c.person.Rect.Dx()
		}
		served := c.row.Scores[SystemServed]
		sheet.Rows = append(sheet.Rows, []imaging.Cell{
			{Image: c.person, Caption: stemOf(c.row.Person)}, {Image: c.garment, Caption: stemOf(c.row.Garment)},
			{Image: c.result, Caption: fmt.Sprintf("SSIM %.3f · garments %.3f", served[MetricSSIM], served[MetricGarmentSSIM])},
			{Image: c.truth, Caption: fmt.Sprintf("PSNR %.1f dB · L1 %.3f", served[MetricPSNR], served[MetricL1])},
		})
	}
	drawn, err := sheet.Draw()
	if err != nil {
		return nil, err
	}
	return imaging.EncodePNG(drawn)
}

// heading names the evaluation for people.
func (d *Document) heading() string {
	if d.Title != "" {
		return "Evaluation of " + d.Title
	}
	return "Evaluation of " + d.Weights[:19] + "…"
}
