package pace

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestEveryObjectHasItsTurnEverySoOften(t *testing.T) {
	const every = 4 * time.Second
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var p Pace
	for i, tt := range []struct {
		uid   types.UID
		after time.Duration
		want  bool
	}{
		{"a", 0, true}, {"a", time.Second, false}, {"b", time.Second, true}, {"a", every, true}, {"b", every, false},
	} {
		if got := p.Turn(tt.uid, every, noon.Add(tt.after)); got != tt.want {
			t.Errorf("%d: %v, want %v", i, got, tt.want)
		}
	}
	p.Turn("c", every, noon.Add(time.Hour))
	if len(p.last) != 1 {
		t.Errorf("%d objects are remembered, want the one of the last moment", len(p.last))
	}
}
