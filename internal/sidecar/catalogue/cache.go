package catalogue

import (
	"container/list"
	"sync"
	"time"
)

// cache holds garments up to a number of bytes; the one used longest ago goes first, and none is older than its age limit.
type cache struct {
	mu      sync.Mutex
	most    int64
	age     time.Duration
	bytes   int64
	entries map[string]*list.Element
	order   *list.List // of entry, most recently used in front
}

type entry struct {
	id      string
	garment Garment
	size    int64
	read    time.Time
}

func newCache(most int64, age time.Duration) *cache {
	return &cache{most: most, age: age, entries: map[string]*list.Element{}, order: list.New()}
}

func (c *cache) get(id string, now time.Time) (Garment, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if !ok {
		return Garment{}, false
	}
	if now.Sub(e.Value.(entry).read) > c.age {
		c.remove(e)
		return Garment{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(entry).garment, true
}

func (c *cache) put(id string, g Garment, now time.Time) {
	size := int64(len(g.Picture) + len(g.Mask))
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.entries[id]; ok {
		c.remove(old)
	}
	if size > c.most {
		return
	}
	c.entries[id] = c.order.PushFront(entry{id, g, size, now})
	c.bytes += size
	for c.bytes > c.most {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	c.order.Remove(e)
	delete(c.entries, e.Value.(entry).id)
	c.bytes -= e.Value.(entry).size
}
