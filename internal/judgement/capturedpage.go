package judgement

import (
	"context"
	"fmt"
	"strings"

	"github.com/braincreators/tryon-operator/internal/capture"
	"github.com/braincreators/tryon-operator/internal/task"
)

// capturedPage is what the template of captured requests shows.
type capturedPage struct {
	Title, Heading, Where, Banner, Badge, Tone, Rule, Lead string
	Notes                                                  []string
	Shots                                                  []shot
}

// publish leaves the page beside the pictures that it is made of.
func (s *shoppers) publish(ctx context.Context, folder *capture.Folder, d *Document) (string, error) {
	page, err := s.page(d)
	if err != nil {
		return "", err
	}
	return folder.PutPage(ctx, d.Key, s.oldest(), page)
}

func (s *shoppers) page(d *Document) ([]byte, error) {
	p := capturedPage{
		Heading: fmt.Sprintf("Captured requests: %s beside %s", d.Candidate.Name, d.Stable.Name), Where: d.where(),
		Banner: s.banner(d), Rule: d.ruleSentence(), Lead: s.lead(d), Notes: s.notes,
	}
	p.Badge, p.Tone = d.badge()
	p.Title = p.Heading + ": " + p.Badge
	for _, one := range s.shown {
		ours := "stable"
		if one.answeredBy != d.Stable.Name {
			ours = one.answeredBy
		}
		words := []string{"answered " + clock(one.takenAt), one.Name}
		if one.candidate == nil {
			words = append([]string{"the candidate did not answer"}, words...)
		}
		p.Shots = append(p.Shots, one.shot(ours, words...))
	}
	return render("captured.html", p)
}

// banner says whose pictures these are and that they do not stay.
func (s *shoppers) banner(d *Document) string {
	return fmt.Sprintf("They lie in %s, where spec.capture of the TryOnDeployment keeps requests that were answered. This page is removed with the oldest of them, on %s at the latest: "+
		"do not copy it to where it would stay. The report of this judgement, %sreport.html in the artefact store, has no shopper’s photo and may be kept.",
		strings.TrimSuffix(s.t.Capture.Shown, "/"), clock(s.until()), task.JudgementFolder(d.Key))
}

// lead says which requests are shown.
func (s *shoppers) lead(d *Document) string {
	silent := 0
	for _, one := range s.shown {
		if one.candidate == nil {
			silent++
		}
	}
	text := fmt.Sprintf("%d captured %s put to both versions for this judgement", s.compared, plural(s.compared, "request was", "requests were"))
	if s.compared == 1 {
		return text + "."
	}
	how := "the greatest disagreement first"
	if silent > 0 {
		how = fmt.Sprintf("first %s that %s did not answer, then by disagreement, the greatest first", plural(silent, "the one", fmt.Sprintf("the %d", silent)), d.Candidate.Name)
	}
	if s.compared == len(s.shown) {
		return text + ". All are shown: " + how + "."
	}
	return text + fmt.Sprintf(". %d are shown: %s.", len(s.shown), how)
}
