package scale

import (
	"errors"
	"fmt"
	"time"
)

// Settings of one deployment. Zero values mean the defaults of Default, except for MinReplicas and MaxReplicas.
type Settings struct {
	// MinReplicas and MaxReplicas bound every decision. At least 1.
	MinReplicas, MaxReplicas int32
	// TargetBacklog is how long a request may wait before it starts.
	TargetBacklog time.Duration
	// MaxBacklog is the longest that a request can wait in a pod, because the sidecar refuses what would wait longer: the request
	// timeout. A pod that claims more is not believed.
	MaxBacklog time.Duration
	// Utilisation is the part of its time that a pod is planned to be busy, 0.1 to 1. The rest absorbs what is random in arrivals:
	// the mean wait of a pod of utilisation u with service time s is about s·u/(2(1-u)) (Pollaczek and Khinchine, M/D/1).
	Utilisation float64
	// StableWindow is what arrivals are averaged over in calm times. It is also the time within which a backlog is worked off.
	StableWindow time.Duration
	// BurstWindow is what they are averaged over to see an overload early. Not longer than StableWindow.
	BurstWindow time.Duration
	// ScaleDownDelay is how long fewer replicas must have been enough before some are taken away. Not shorter than StableWindow.
	ScaleDownDelay time.Duration
	// MaxScaleUp bounds a decision to this many times the ready pods, so that orders cannot compound while pods start.
	MaxScaleUp float64
	// MaxScaleDown bounds scale-in to this factor within a stable window: 2 takes away at most half of the pods.
	MaxScaleDown float64
}

// Default is what the zero values of Settings mean.
func Default() Settings {
	return Settings{
		MinReplicas:    1,
		MaxReplicas:    1,
		TargetBacklog:  4 * time.Second,
		MaxBacklog:     30 * time.Second,
		Utilisation:    0.75,
		StableWindow:   time.Minute,
		BurstWindow:    10 * time.Second,
		ScaleDownDelay: 5 * time.Minute,
		MaxScaleUp:     8,
		MaxScaleDown:   2,
	}
}

// The longest time that any setting may have. It bounds the memory.
const longest = time.Hour

var (
	// ErrScaleToZero says that MinReplicas is below 1.
	ErrScaleToZero = errors.New("scaling to zero is not supported: with no pod there is nobody who could hold a request; minReplicas must be at least 1")
	// ErrBounds says that MaxReplicas is below MinReplicas.
	ErrBounds = errors.New("maxReplicas is below minReplicas")
	// ErrSetting says that another setting is out of its bounds; the error names it.
	ErrSetting = errors.New("setting is out of bounds")
)

// Check says what is wrong with the settings, if anything. Decide works with wrong ones too: it moves them into their bounds.
func (s Settings) Check() error {
	var wrong []error
	if s.MinReplicas < 1 {
		wrong = append(wrong, ErrScaleToZero)
	}
	if s.MaxReplicas < s.MinReplicas {
		wrong = append(wrong, ErrBounds)
	}
	outside := func(name string, given, used any) {
		if given != used {
			wrong = append(wrong, fmt.Errorf("%w: %s is %v, nearest possible value is %v", ErrSetting, name, given, used))
		}
	}
	given, used := s.filled(), s.bounded()
	outside("targetBacklog", given.TargetBacklog, used.TargetBacklog)
	outside("maxBacklog", given.MaxBacklog, used.MaxBacklog)
	outside("utilisation", given.Utilisation, used.Utilisation)
	outside("stableWindow", given.StableWindow, used.StableWindow)
	outside("burstWindow", given.BurstWindow, used.BurstWindow)
	outside("scaleDownDelay", given.ScaleDownDelay, used.ScaleDownDelay)
	outside("maxScaleUp", given.MaxScaleUp, used.MaxScaleUp)
	outside("maxScaleDown", given.MaxScaleDown, used.MaxScaleDown)
	return errors.Join(wrong...)
}

// filled has the defaults in place of zero values.
func (s Settings) filled() Settings {
	d := Default()
	or(&s.TargetBacklog, d.TargetBacklog)
	or(&s.MaxBacklog, d.MaxBacklog)
	or(&s.Utilisation, d.Utilisation)
	or(&s.StableWindow, d.StableWindow)
	or(&s.BurstWindow, d.BurstWindow)
	or(&s.ScaleDownDelay, d.ScaleDownDelay)
	or(&s.MaxScaleUp, d.MaxScaleUp)
	or(&s.MaxScaleDown, d.MaxScaleDown)
	return s
}

func or[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// bounded are settings that Decide can work with.
func (s Settings) bounded() Settings {
	s = s.filled()
	s.MinReplicas = max(s.MinReplicas, 1)
	s.MaxReplicas = max(s.MaxReplicas, s.MinReplicas)
	s.TargetBacklog = clamp(s.TargetBacklog, 10*time.Millisecond, longest)
	s.MaxBacklog = clamp(s.MaxBacklog, s.TargetBacklog, longest)
	s.Utilisation = clamp(s.Utilisation, 0.1, 1)
	s.StableWindow = clamp(s.StableWindow, 10*time.Second, longest)
	s.BurstWindow = clamp(s.BurstWindow, 2*time.Second, s.StableWindow)
	s.ScaleDownDelay = clamp(s.ScaleDownDelay, s.StableWindow, longest)
	s.MaxScaleUp = clamp(s.MaxScaleUp, 1.1, 1000)
	s.MaxScaleDown = clamp(s.MaxScaleDown, 1.1, 1000)
	return s
}

// clamp moves x between low and high. What is not a number becomes low.
func clamp[T ~int64 | ~float64](x, low, high T) T {
	if x > high {
		return high
	}
	if x >= low {
		return x
	}
	return low
}
