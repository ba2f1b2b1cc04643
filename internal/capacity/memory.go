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

// Keep remembers.
func (m *Memories) Keep(name types.NamespacedName, uid types.UID, memory Memory) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[types.NamespacedName]kept{}
	}
	m.kept[name] = kept{uid: uid, memory: memory}
}

// Forget drops what is remembered of an object.
func (m *Memories) Forget(name types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.kept, name)
}
