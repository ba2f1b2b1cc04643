package intake

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// Conns bounds the open connections of a server. When they are too many, the one that has been idle longest is closed to make room, so that a
// crowd of idle connections cannot keep a shopper out; only when all are busy is the new one refused.
type Conns struct {
	most int

	mu    sync.Mutex
	open  map[net.Conn]*list.Element
	idle  *list.List // of net.Conn, longest idle in front
	count int
}

// NewConns makes a bound.
func NewConns(most int) *Conns {
	return &Conns{most: most, open: map[net.Conn]*list.Element{}, idle: list.New()}
}

// Track is an http.Server's ConnState hook.
func (c *Conns) Track(conn net.Conn, state http.ConnState) {
	victim := c.move(conn, state)
	if victim != nil {
		_ = victim.Close()
	}
}

func (c *Conns) move(conn net.Conn, state http.ConnState) (victim net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.count++
		c.open[conn] = c.idle.PushBack(conn)
		if c.count > c.most {
			victim = c.idle.Front().Value.(net.Conn)
			c.forget(victim)
		}
	case http.StateActive:
		c.unlist(conn)
	case http.StateIdle:
		if _, known := c.open[conn]; known {
			c.unlist(conn)
			c.open[conn] = c.idle.PushBack(conn)
		}
	case http.StateClosed, http.StateHijacked:
		c.forget(conn)
	}
	return victim
}

// unlist takes a connection from the idle ones but keeps counting it.
func (c *Conns) unlist(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		c.idle.Remove(e)
		c.open[conn] = nil
	}
}

func (c *Conns) forget(conn net.Conn) {
	if _, known := c.open[conn]; !known {
		return
	}
	c.unlist(conn)
	delete(c.open, conn)
	c.count--
}
