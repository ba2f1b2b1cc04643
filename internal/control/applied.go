package control

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
)

// ErrStale says that a document is older than the applied one, or has its generation with another content.
var ErrStale = errors.New("stale control document")

// Applied holds the document that is in force. The zero value is ready; it is safe for concurrent use.
type Applied struct {
	mu  sync.RWMutex
	doc Document
}

// Current gives the document in force; its Generation is 0 when there is none.
func (a *Applied) Current() Document {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.doc
}

// Apply puts a document in force. changed is false when it was already. Errors wrap ErrStale or ErrInvalid.
func (a *Applied) Apply(d Document) (changed bool, err error) {
	if err := d.check(); err != nil {
		return false, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case d.Generation < a.doc.Generation:
		return false, fmt.Errorf("%w: generation %d is applied, %d came", ErrStale, a.doc.Generation, d.Generation)
	case d.Generation > a.doc.Generation:
		a.doc = d
		return true, nil
	case !reflect.DeepEqual(d, a.doc):
		return false, fmt.Errorf("%w: another document of generation %d is applied", ErrStale, d.Generation)
	}
	return false, nil
}
