package netloop

import (
	"os"
	"slices"
	"sync"
	"time"
)

// queue is a poller of connections that say themselves when they have something to read.
type queue struct {
	some   chan struct{} // a token: there may be some
	closed chan struct{}

	mu    sync.Mutex
	ready []*Conn // each once, first come first
}

func newQueue() (poller, error) {
	return &queue{some: make(chan struct{}, 1), closed: make(chan struct{})}, nil
}

func (q *queue) add(c *Conn) error {
	c.source.(Pollable).Notify(func() { q.put(c) })
	return nil
}

func (q *queue) put(c *Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !c.queued {
		c.queued = true
		q.ready = append(q.ready, c)
		q.wake()
	}
}

// wake needs mu.
func (q *queue) wake() {
	select {
	case q.some <- struct{}{}:
	default:
	}
}

func (q *queue) remove(c *Conn) {
	c.source.(Pollable).Notify(nil)
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.queued {
		c.queued = false
		q.ready = slices.DeleteFunc(q.ready, func(other *Conn) bool { return other == c })
	}
}

func (q *queue) wait(ready []event, block bool) ([]event, error) {
	for {
		if ready = q.take(ready); len(ready) > 0 || !block {
			return ready, nil
		}
		select {
		case <-q.some:
		case <-q.closed:
			return ready, os.ErrClosed
		}
	}
}

func (q *queue) take(ready []event) []event {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.ready), MaxBatch)
	for _, c := range q.ready[:n] {
		c.queued = false
		ready = append(ready, event{Of: c})
	}
	left := copy(q.ready, q.ready[n:])
	clear(q.ready[left:])
	if q.ready = q.ready[:left]; left > 0 {
		q.wake()
	}
	return ready
}

// spin does not: to be woken by another goroutine takes little.
func (q *queue) spin(ready []event, _ time.Duration) ([]event, error) { return q.wait(ready, false) }

func (q *queue) close() error {
	close(q.closed)
	return nil
}
