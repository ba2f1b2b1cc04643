package datatest

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/braincreators/tryon-operator/internal/task"
)

// ErrOverride says that an override of a check cannot take effect.
var ErrOverride = errors.New("check override")

// configure gives the suite with the overrides applied. A check that does not exist is refused with the list of those that do.
func configure(overrides []task.CheckOverride) ([]unit, error) {
	out := append([]unit(nil), suite...)
	at := make(map[string]int, len(out))
	names := make([]string, len(out))
	for i, u := range out {
		at[u.Name], names[i] = i, u.Name
	}
	seen := map[string]bool{}
	for _, o := range overrides {
		i, ok := at[o.Name]
		if !ok {
			return nil, fmt.Errorf("%w: there is no check %q; known: %s", ErrOverride, o.Name, strings.Join(names, ", "))
		}
		if seen[o.Name] {
			return nil, fmt.Errorf("%w: %s is overridden twice", ErrOverride, o.Name)
		}
		seen[o.Name] = true
		if err := out[i].override(o); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrOverride, o.Name, err)
		}
	}
	return out, nil
}

func (u *unit) override(o task.CheckOverride) error {
	switch s := Severity(o.Severity); s {
	case "":
	case Block, Warn, Report, Off:
		u.Severity = s
	default:
		return fmt.Errorf("severity %q is none of Block, Warn, Report, Off", o.Severity)
	}
	if o.Budget == "" {
		return nil
	}
	budget, err := ParseBudget(o.Budget)
	if err != nil {
		return err
	}
	u.Budget = budget
	return nil
}

// ParseBudget reads a share from 0 to 1, written "0.01" or "1%".
func ParseBudget(s string) (float64, error) {
	number, percent := strings.CutSuffix(strings.TrimSpace(s), "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || math.IsNaN(v) || v < 0 || v > 1 {
		return 0, fmt.Errorf("budget %q is no share such as \"1%%\" or \"0.01\"", s)
	}
	return v, nil
}
