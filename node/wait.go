package node

import (
	"slices"
	"time"

	"holdfast/resp"
	"holdfast/server/session"
)

// wait is a parked WAIT.
type wait struct {
	s        *session.Session
	replicas int
	offset   int64
}

// Wait parks the session until enough replicas have acknowledged its last write, or the timeout has passed.
func (n *Node) Wait(s *session.Session, replicas int, timeout time.Duration) {
	w := &wait{s: s, replicas: replicas, offset: s.WriteEnd}
	block := &session.Block{Kind: "wait", Cancel: func() {
		n.waits = slices.DeleteFunc(n.waits, func(o *wait) bool { return o == w })
	}}
	block.Timeout = func(out *resp.Writer) { out.Int(int64(n.ReplicaAcks(w.offset))) }
	n.Park(s, block, timeout)
	n.waits = append(n.waits, w)
	n.waiting.Store(true)
	n.acksMoved() // an acknowledgement may have come in between
}

// Park blocks the session; when the timeout is over the block's Timeout answers.
func (n *Node) Park(s *session.Session, b *session.Block, timeout time.Duration) {
	if timeout > 0 {
		b.Timer = time.AfterFunc(timeout, func() {
			n.do(func(time.Time) {
				if s.Blocked() == b {
					n.unblock(s, b.Timeout)
				}
			})
		})
	}
	s.Park(b)
}

// ReplicaAcks counts replicas that have acknowledged offset: those that follow this node, and in a chain, where only
// one does, all members behind it once the offset is committed.
func (n *Node) ReplicaAcks(offset int64) int {
	acked := n.feeder.Acked(offset)
	if n.chained() && n.place().Master && n.log.Commit() >= offset {
		acked = max(acked, len(n.place().Group.Chain)-1)
	}
	return acked
}

// acksMoved has the parked WAITs looked at again. It may be called with any lock held.
func (n *Node) acksMoved() {
	if !n.waiting.Load() {
		return
	}
	n.writers.Go(func() {
		n.do(func(time.Time) {
			for _, w := range slices.Clone(n.waits) {
				if acked := n.ReplicaAcks(w.offset); acked >= w.replicas {
					n.unblock(w.s, func(out *resp.Writer) { out.Int(int64(acked)) })
				}
			}
			n.waiting.Store(len(n.waits) > 0)
		})
	})
}
