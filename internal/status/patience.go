package status

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/braincreators/tryon-operator/api/v1alpha1"
)

const (
	// bearFor is how long trouble of the API server is kept out of the conditions.
	bearFor = time.Minute
	// maxPause is more than there is between two passes in trouble: the workqueue waits a thousand seconds at most.
	maxPause = time.Hour
)

// Patience keeps trouble of the API server out of the conditions while it is young: what a pass could not read or write, the next one does,
// and nobody is to be woken for it. Its zero value is ready. It is safe for concurrent use, and forgets when the manager restarts.
type Patience struct {
	mu       sync.Mutex
	troubles map[types.UID]trouble
}

// trouble that an object's passes have had one after the other.
type trouble struct{ since, last time.Time }

// Bear has a pass that ended with err leave the conditions as they were, where the next pass may be spared it. A conflict is never news:
// everything is decided again from the newer object.
func (p *Patience) Bear(w *Writer, err error, now time.Time) {
	switch {
	case apierrors.IsConflict(err), errors.Is(err, context.Canceled):
		w.keepConditions()
	case !passing(err):
		p.forget(w.obj.GetUID())
	case now.Sub(p.remember(w.obj.GetUID(), now)) < bearFor:
		w.keepConditions()
	}
}

// remember gives when the trouble of an object began.
func (p *Patience) remember(uid types.UID, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	// Whoever was not passed over for so long is gone.
	maps.DeleteFunc(p.troubles, func(_ types.UID, t trouble) bool { return now.Sub(t.last) > maxPause })
	t, known := p.troubles[uid]
	if !known {
		t.since = now
	}
	t.last = now
	if p.troubles == nil {
		p.troubles = map[types.UID]trouble{}
	}
	p.troubles[uid] = t
	return t.since
}

func (p *Patience) forget(uid types.UID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.troubles, uid)
}

// passing tells whether an error is trouble of the API server, or on the way to it, that may pass by itself. One that has a reason of its
// own is not: somebody has to do something about it.
func passing(err error) bool {
	if err == nil || ReasonOf(err) != v1alpha1.ReasonReconcileError {
		return false
	}
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		code := answer.Status().Code
		return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
	}
	var lost *net.OpError
	return errors.As(err, &lost) || utilnet.IsTimeout(err) || utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err)
}

// keepConditions takes back what the pass has said in conditions, and that it was about the present generation.
func (w *Writer) keepConditions() {
	if before, ok := w.before.(Object); ok {
		w.kept = true
		*w.obj.ConditionList() = slices.Clone(*before.ConditionList())
	}
}
