package sidecar

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// conns bounds the open connections of a server. When they are too many, the one that has been idle longest is closed to make room, so that a
// crowd of idle connections cannot keep a shopper out; only when all are busy is the new one refused.
type conns struct {
	most int

	mu    sync.Mutex
	open  map[net.Conn]*list.Element
	idle  *list.List // of net.Conn, longest idle in front
	count int
}

func newConns(most int) *conns {
	return &conns{most: most, open: map[net.Conn]*list.Element{}, idle: list.New()}
}

// track is an http.Server's ConnState hook.
func (c *conns) track(conn net.Conn, state http.ConnState) {
	victim := c.move(conn, state)
	if victim != nil {
		_ = victim.Close()
	}
}

func (c *conns) move(conn net.Conn, state http.ConnState) (victim net.Conn) {
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
func (c *conns) unlist(conn net.Conn) {
	if e := c.open[conn]; e != nil {
		c.idle.Remove(e)
		c.open[conn] = nil
	}
}

func (c *conns) forget(conn net.Conn) {
	if _, known := c.open[conn]; !known {
		return
	}
	c.unlist(conn)
	delete(c.open, conn)
	c.count--
}
