package problem

import (
	"cmp"
	"slices"
)

// Refusal is a code with what the API says about it, for the reference in docs.
type Refusal struct {
	Code          Code
	Status        int
	Title, Advice string
}

// Refusals lists every code that a caller can get, by HTTP status and code.
func Refusals() []Refusal {
	all := make([]Refusal, 0, len(problems))
	for code, k := range problems {
		all = append(all, Refusal{Code: code, Status: k.status, Title: k.title, Advice: k.advice})
	}
	slices.SortFunc(all, func(a, b Refusal) int {
		return cmp.Or(cmp.Compare(a.Status, b.Status), cmp.Compare(a.Code, b.Code))
	})
	return all
}
