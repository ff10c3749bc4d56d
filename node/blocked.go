package node

import (
	"holdfast/node/command"
	"holdfast/server/session"
)

// serveBlocked answers clients whose keys have become ready, after the execution that changed them. Each is an
// execution of its own, whose reply waits for the commit point like any other's.
func (n *Node) serveBlocked() {
	for n.env.Ready() {
		c := n.env.ServeNext(n.now().UnixMilli())
		changed := !n.env.Effects.Empty()
		if changed {
			end := n.engine.Append()
			if c != nil {
				c.S.WriteEnd = end
			}
		}
		if c != nil {
			c.S.Gate = max(c.S.Gate, n.gateOf(c, c.S, changed))
		}
	}
}

// sendAway answers a blocked client of a node that ceases to be a master, and ends its connection, as Redis does. One
// that has still to be told of something uncommitted gets no answer.
func (n *Node) sendAway(s *session.Session) (answered bool) {
	if s.Blocked() == nil || !s.Out.Idle() {
		return false
	}
	n.env.Unblock(s, command.ErrUnblocked)
	s.Gate = 0 // that reveals nothing
	s.Close("blocked on a node that became a replica")
	return true
}
