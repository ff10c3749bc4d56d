package node

import "time"

// evictPause between two turns lets clients have the execution lock, and the scheduler look at their sockets.
const evictPause = 500 * time.Microsecond

// evictSoon has keys evicted in the background if that is due. It needs the execution lock.
func (n *Node) evictSoon() {
	if !n.env.EvictionDue() {
		return
	}
	select {
	case n.evictions <- struct{}{}:
	default:
	}
}

// evict goes on, slice by slice, where commands have stopped evicting as it took too long. Each turn under the
// execution lock ends with evictSoon, so it is called again until nothing is due.
func (n *Node) evict() {
	for {
		select {
		case <-n.evictions:
			n.do(func(now time.Time) { n.env.Evict(now.UnixMilli()) })
			n.sleep(evictPause)
		case <-n.stopped:
			return
		}
	}
}
