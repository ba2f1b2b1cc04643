package history

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

// Bounds of what is remembered.
const (
	maxEntries  = 20
	maxRejected = 10
	maxSentence = 512
)

// Serve remembers that a version is served; nothing when that is known. fixed says that the spec names the version, and why is what
// spoke for it; it may be empty.
func Serve(s *v1alpha1.TryOnDeploymentStatus, version string, fixed bool, why string, at time.Time) {
	before := served(s.History)
	entry := v1alpha1.HistoryEntry{Version: version, Reason: v1alpha1.ReasonPromoted, Message: "it took over from " + before}
	switch {
	case version == "" || version == before:
		return
	case before == "":
		entry.Reason, entry.Message = v1alpha1.ReasonFirstVersion, "it is the first version that is served"
	case fixed:
		entry.Reason = v1alpha1.ReasonFixed
	}
	if why != "" && before != "" {
		entry.Message += "; " + why
	}
	add(s, entry, at)
	s.Rejected = slices.DeleteFunc(s.Rejected, func(r v1alpha1.RejectedVersion) bool { return r.Version == version })
}

// Reject remembers that a version is not tried again.
func Reject(s *v1alpha1.TryOnDeploymentStatus, rejected v1alpha1.RejectedVersion, at time.Time) {
	rejected.Message = cut(rejected.Message)
	s.Rejected = newestFirst(rejected, s.Rejected, maxRejected)
	add(s, v1alpha1.HistoryEntry{Version: rejected.Version, Reason: rejected.Reason, Message: rejected.Message}, at)
}

// Since gives the entries that have come since an earlier history, oldest first.
func Since(history, before []v1alpha1.HistoryEntry) []v1alpha1.HistoryEntry {
	var fresh []v1alpha1.HistoryEntry
	for _, e := range history {
		if len(before) > 0 && e.Version == before[0].Version && e.Reason == before[0].Reason && e.Time.Equal(before[0].Time) {
			break
		}
		fresh = append(fresh, e)
	}
	slices.Reverse(fresh)
	return fresh
}

// served is the version that is named last as one that is served.
func served(history []v1alpha1.HistoryEntry) string {
	for _, e := range history {
		switch e.Reason {
		case v1alpha1.ReasonFirstVersion, v1alpha1.ReasonPromoted, v1alpha1.ReasonFixed:
			return e.Version
		}
	}
	return ""
}

func add(s *v1alpha1.TryOnDeploymentStatus, entry v1alpha1.HistoryEntry, at time.Time) {
	entry.Time, entry.Message = ptr.To(metav1.NewTime(at)), cut(entry.Message)
	s.History = newestFirst(entry, s.History, maxEntries)
}

func newestFirst[T any](entry T, list []T, limit int) []T {
	list = append([]T{entry}, list...)
	return list[:min(len(list), limit)]
}

func cut(message string) string {
	if runes := []rune(message); len(runes) > maxSentence {
		return string(runes[:maxSentence-1]) + "…"
	}
	return message
}
