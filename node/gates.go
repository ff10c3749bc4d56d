package node

import "sync"

// gates wakes connections whose replies wait for the commit point.
type gates struct {
	mu      sync.Mutex
	waiting []waiting // a binary heap, least gate first
}

type waiting struct {
	gate int64
	d    *driver
}

// add has d flushed once gate is committed.
func (g *gates) add(gate int64, d *driver) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, waiting{gate, d})
	for i := len(g.waiting) - 1; i > 0; {
		up := (i - 1) / 2
		if g.waiting[up].gate <= g.waiting[i].gate {
			break
		}
		g.waiting[up], g.waiting[i] = g.waiting[i], g.waiting[up]
		i = up
	}
}

// open takes out everybody whose gate is at most commit.
func (g *gates) open(commit int64) []*driver {
	g.mu.Lock()
	defer g.mu.Unlock()
	var free []*driver
	for len(g.waiting) > 0 && g.waiting[0].gate <= commit {
		free = append(free, g.waiting[0].d)
		last := len(g.waiting) - 1
		g.waiting[0] = g.waiting[last]
		g.waiting[last].d = nil
		g.waiting = g.waiting[:last]
		for i := 0; ; {
			least := 2*i + 1
			if least >= last {
				break
			}
			if r := least + 1; r < last && g.waiting[r].gate < g.waiting[least].gate {
				least = r
			}
			if g.waiting[i].gate <= g.waiting[least].gate {
				break
			}
			g.waiting[i], g.waiting[least] = g.waiting[least], g.waiting[i]
			i = least
		}
	}
	return free
}

// committed is called by the log whenever its commit point has moved. Where a follower's word has moved it, the replies leave at once:
// whoever has read it has nothing more urgent to do.
func (n *Node) committed(commit int64, acked bool) {
	var polled []*driver
	for _, d := range n.gates.open(commit) {
		if d.polled != nil {
			polled = append(polled, d)
		} else {
			d.flushSoon()
		}
	}
	switch {
	case len(polled) == 0:
	case acked:
		flushAll(polled)
	default:
		n.writers.Go(func() { flushAll(polled) })
	}
	n.acksMoved()
	if n.draining.Load() && commit == n.log.End() {
		n.agent.nudge() // the sentinels wait for the last write to be committed
	}
}

// flushAll writes what clients' connections take at once.
func flushAll(polled []*driver) {
	for _, d := range polled {
		if d.flush(false) {
			d.signal()
		}
	}
}
