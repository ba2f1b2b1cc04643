package capacity

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/braincreators/tryon-operator/internal/scale"
)

// Memory is what is kept of a TryOnDeployment from look to look. The zero value is that of a manager that has just started; losing it is
// always safe.
type Memory struct {
	scale scale.Memory
	// heard is the newest reading of each pod.
	heard map[types.UID]scale.Reading
	// decided is the last number; 0 when there was none.
	decided int32
}

// Memories keeps the memory of every TryOnDeployment until the manager ends. Its zero value is ready. It is safe for concurrent use.
type Memories struct {
	mu   sync.Mutex
	kept map[types.NamespacedName]kept
}

// kept is a memory of one object: another one of the same name shares nothing with it.
type kept struct {
	uid    types.UID
	memory Memory
}

// Recall gives what is remembered of an object.
func (m *Memories) Recall(name types.NamespacedName, uid types.UID) Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.kept[name]; k.uid == uid {
		return k.memory
	}
	return Memory{}
}

// Keep remembers what a plan says has to be remembered of an object: nothing when the work does not decide about it.
func (m *Memories) Keep(name types.NamespacedName, uid types.UID, plan Plan) {
	if !plan.Scaled {
		m.Forget(name)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[types.NamespacedName]kept{}
	}
	m.kept[name] = kept{uid: uid, memory: plan.Memory}
}

// Forget drops what is remembered of an object.
func (m *Memories) Forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.kept, name)
}
