package node

// committed is called by the log whenever its commit point has moved. Where a follower's word has moved it, the replies
// leave at once: whoever has read it has nothing more urgent to do.
func (n *Node) committed(commit int64, acked bool) {
	free := n.gates.Open(commit)
	switch {
	case len(free) == 0:
	case acked:
		flushAll(free)
	default:
		n.writers.Go(func() { flushAll(free) })
	}
	n.env.AcksMoved()
	if n.agent.Holds() && commit == n.log.End() {
		n.agent.Nudge() // the sentinels wait for the last write to be committed
	}
}

// flushAll writes what clients' connections take at once.
func flushAll(drivers []*driver) {
	for _, d := range drivers {
		if d.flush(false) {
			d.signal()
		}
	}
}
