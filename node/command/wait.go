package command

import (
	"slices"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// Park blocks a session until it is unparked, or the timeout (0: none) is over and the block's Timeout has answered.
func (e *Env) Park(s *session.Session, b *session.Block, timeout time.Duration) {
	if timeout > 0 {
		b.Timer = time.AfterFunc(timeout, func() {
			e.Engine.Do(func(time.Time) {
				if s.Blocked() == b {
					e.endWait(s, b.Timeout)
				}
			})
		})
	}
	s.Park(b)
}

// waitFor is a parked WAIT.
type waitFor struct {
	s        *session.Session
	replicas int
	offset   int64
}

// parkForAcks parks a session until so many replicas have acknowledged its last write, or the timeout (0: none) has
// passed.
func (e *Env) parkForAcks(s *session.Session, replicas int, timeout time.Duration) {
	w := &waitFor{s: s, replicas: replicas, offset: s.WriteEnd}
	block := &session.Block{Kind: "wait", Cancel: func() {
		e.waits = slices.DeleteFunc(e.waits, func(o *waitFor) bool { return o == w })
	}}
	block.Timeout = func(out *resp.Writer) { out.Int(int64(e.Replication.ReplicaAcks(w.offset))) }
	e.Park(s, block, timeout)
	e.waits = append(e.waits, w)
	e.waiting.Store(true)
	e.AcksMoved() // an acknowledgement may have come in between
}

// AcksMoved has the parked WAITs looked at again. It may be called with any lock held.
func (e *Env) AcksMoved() {
	if e.waiting.Load() {
		e.goLast(func() { e.Engine.Do(func(time.Time) { e.serveWaits() }) })
	}
}

func (e *Env) serveWaits() {
	for _, w := range slices.Clone(e.waits) {
		if acked := e.Replication.ReplicaAcks(w.offset); acked >= w.replicas {
			e.endWait(w.s, func(out *resp.Writer) { out.Int(int64(acked)) })
		}
	}
	e.waiting.Store(len(e.waits) > 0)
}
