package control

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/braincreators/tryon-operator/internal/strict"
)

// Bounds of a Load. More cannot be: a pod refuses what would wait for an hour, and no network brings a million seconds of work in a second.
const (
	MaxBacklogSeconds    = 3600
	MaxArrivalsPerSecond = 1e6
)

// Load is what a pod says of its work, in seconds of work: a second of work keeps the whole pod busy for one second. It is a reading of
// internal/scale.
type Load struct {
	// BacklogSeconds is how long a request that came now would wait.
	BacklogSeconds float64 `json:"backlogSeconds"`
	// ArrivalsPerSecond is the work that came over the last seconds, refused requests included.
	ArrivalsPerSecond float64 `json:"arrivalsPerSecond"`
	// Busy is the part of the last seconds in which the pod worked, 0..1.
	Busy float64 `json:"busy"`
}

// UnmarshalJSON reads a load of which nothing is missing: a pod that does not say how busy it is must not look idle.
func (l *Load) UnmarshalJSON(body []byte) error {
	var said struct {
		BacklogSeconds    *float64 `json:"backlogSeconds"`
		ArrivalsPerSecond *float64 `json:"arrivalsPerSecond"`
		Busy              *float64 `json:"busy"`
	}
	if err := strict.Decode(body, MaxStatusBytes, &said); err != nil {
		return err
	}
	if said.BacklogSeconds == nil || said.ArrivalsPerSecond == nil || said.Busy == nil {
		return errors.New("load must have backlogSeconds, arrivalsPerSecond and busy")
	}
	*l = Load{*said.BacklogSeconds, *said.ArrivalsPerSecond, *said.Busy}
	return l.check()
}

// MarshalJSON refuses what no reader would take.
func (l Load) MarshalJSON() ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	type plain Load
	return json.Marshal(plain(l))
}

func (l Load) check() error {
	for _, figure := range []struct {
		name        string
		value, most float64
	}{{"backlogSeconds", l.BacklogSeconds, MaxBacklogSeconds}, {"arrivalsPerSecond", l.ArrivalsPerSecond, MaxArrivalsPerSecond}, {"busy", l.Busy, 1}} {
		// What is not a number fails this too.
		if !(figure.value >= 0 && figure.value <= figure.most) {
			return fmt.Errorf("load %s is %g, want 0..%g", figure.name, figure.value, figure.most)
		}
	}
	return nil
}
