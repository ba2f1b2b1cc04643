package control

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func statusWith(load string) []byte {
	return []byte(`{"schema":"tryon.control-status/v1","generation":1,"version":"a","ready":true,"inFlight":0,"served":0,"forwarded":{},"errors":{}` + load + `}`)
}

func TestALoadSurvivesTheWire(t *testing.T) {
	want := Status{Schema: StatusSchema, Generation: 1, Version: "a", Load: &Load{BacklogSeconds: 1.25, ArrivalsPerSecond: 3.2, Busy: 1}}
	body, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeStatus(body)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %s", err, cmp.Diff(want, got))
	}
}

// A pod of an older operator says nothing of its load, which is another thing than having none.
func TestAStatusWithoutLoadIsNotAnIdlePod(t *testing.T) {
	got, err := DecodeStatus(statusWith(""))
	if err != nil || got.Load != nil {
		t.Errorf("%v, load %+v", err, got.Load)
	}
}

func TestImpossibleLoadsAreRefused(t *testing.T) {
	for name, load := range map[string]string{
		"not a number":           `{"backlogSeconds":NaN,"arrivalsPerSecond":0,"busy":0}`,
		"endless":                `{"backlogSeconds":1e999,"arrivalsPerSecond":0,"busy":0}`,
		"a backlog below 0":      `{"backlogSeconds":-0.1,"arrivalsPerSecond":0,"busy":0}`,
		"a huge backlog":         `{"backlogSeconds":3601,"arrivalsPerSecond":0,"busy":0}`,
		"arrivals below 0":       `{"backlogSeconds":0,"arrivalsPerSecond":-1,"busy":0}`,
		"huge arrivals":          `{"backlogSeconds":0,"arrivalsPerSecond":1e7,"busy":0}`,
		"busy below 0":           `{"backlogSeconds":0,"arrivalsPerSecond":0,"busy":-1}`,
		"more busy than it can":  `{"backlogSeconds":0,"arrivalsPerSecond":0,"busy":1.01}`,
		"a text":                 `{"backlogSeconds":"0","arrivalsPerSecond":0,"busy":0}`,
		"an unknown figure":      `{"backlogSeconds":0,"arrivalsPerSecond":0,"busy":0,"idle":1}`,
		"nothing said":           `{}`,
		"no backlog":             `{"arrivalsPerSecond":0,"busy":0}`,
		"no arrivals":            `{"backlogSeconds":0,"busy":0}`,
		"not how busy":           `{"backlogSeconds":0,"arrivalsPerSecond":0}`,
		"a figure that is null":  `{"backlogSeconds":null,"arrivalsPerSecond":0,"busy":0}`,
		"a list":                 `[0,0,0]`,
		"a number for an object": `0`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := DecodeStatus(statusWith(`,"load":` + load)); !errors.Is(err, ErrInvalid) {
				t.Errorf("%+v, error %v, want one that wraps %v", got.Load, err, ErrInvalid)
			}
		})
	}
}

func TestAPodSaysNothingThatNobodyWouldRead(t *testing.T) {
	for _, load := range []Load{{BacklogSeconds: math.NaN()}, {ArrivalsPerSecond: math.Inf(1)}, {Busy: 1.5}, {BacklogSeconds: -1}} {
		if body, err := json.Marshal(Status{Load: &load}); err == nil {
			t.Errorf("%s is sent", body)
		}
	}
}
