package runner

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/braincreators/tryon-operator/internal/podwatch"
)

// The pauses between two readings of the events about a Job that lacks a pod. At first they are shorter than the pace at which work
// under way is looked at, so that a refusal is told at once; a Job that waits for hours must not have all events of its namespace read
// every few seconds.
const (
	firstSilence = 2 * time.Second
	maxSilence   = 5 * time.Minute
)

// silence is what was read last about a Job that lacks a pod.
type silence struct {
	// version is the resource version of the Job, and lastPod when its youngest pod was created.
	version string
	lastPod time.Time
	// trouble is empty where no event explains the missing pod.
	trouble podwatch.Trouble
	readAt  time.Time
	pause   time.Duration
}

// of tells whether a silence is that of the Job as it is now.
func (s silence) of(job client.Object, lastPod time.Time) bool {
	return s.version == job.GetResourceVersion() && s.lastPod.Equal(lastPod)
}

// silences remembers them by the UIDs of their Jobs. Its zero value is ready. It is safe for concurrent use, and forgets when the
// manager restarts.
type silences struct {
	mu    sync.Mutex
	known map[types.UID]silence
}

// recall gives what was read last, where it is too early to read again. A Job that has changed, or had a pod since, is read at once.
func (s *silences) recall(job client.Object, lastPod, now time.Time) (podwatch.Trouble, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, found := s.known[job.GetUID()]
	if !found || !last.of(job, lastPod) || now.Sub(last.readAt) >= last.pause {
		return podwatch.Trouble{}, false
	}
	return last.trouble, true
}

// keep remembers what was read; the next pause is twice as long where it says the same of the same Job.
func (s *silences) keep(job client.Object, read silence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Whoever was not read for so long is gone, or has its pods.
	maps.DeleteFunc(s.known, func(_ types.UID, old silence) bool { return read.readAt.Sub(old.readAt) > 2*maxSilence })
	read.pause = firstSilence
	if last, found := s.known[job.GetUID()]; found && last.of(job, read.lastPod) && last.trouble == read.trouble {
		read.pause = min(2*last.pause, maxSilence)
	}
	if s.known == nil {
		s.known = map[types.UID]silence{}
	}
	s.known[job.GetUID()] = read
}
