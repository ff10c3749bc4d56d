package member

import (
	"time"

	"holdfast/cluster"
)

// Orders are what the sentinels have a node do: one of the two.
type Orders struct {
	Adopt *cluster.Group // take over this group, if it is newer

	Drain uint64        // the epoch in which to get ready for a handover
	Hold  time.Duration // for how long that order stands, unless it is repeated
}

// order takes in what a sentinel has said, for Next. Who hears the sentinels can't wait for it to be carried out.
func (a *Agent) order(g *cluster.Group) {
	a.mu.Lock()
	if g != nil && (a.newest == nil || g.Epoch > a.newest.Epoch) {
		a.newest = g
	}
	a.mu.Unlock()
	select {
	case a.due <- struct{}{}:
	default:
	}
}

// Next waits for orders. ok is false when the agent has ended. One goroutine calls it, which can wait for a command to
// end.
func (a *Agent) Next() (o Orders, ok bool) {
	for {
		if a.looked {
			a.looked = false
			if o, ok := a.toDrain(); ok {
				return o, true
			}
		}
		select {
		case <-a.due:
		case <-a.ctx.Done():
			return Orders{}, false
		}
		a.looked = true
		a.mu.Lock()
		g := a.newest
		a.newest = nil
		a.mu.Unlock()
		if g != nil {
			return Orders{Adopt: g}, true
		}
	}
}

// ordered takes in a sentinel's order to drain. It is repeated while it stands.
func (a *Agent) ordered(epoch uint64) {
	now, interval := a.cfg.Lease.Now(), a.interval()
	a.mu.Lock()
	next, begun := a.drain.Repeat(epoch, now, interval)
	a.drain = next
	a.mu.Unlock()
	if begun {
		a.Nudge()
	}
}

// orderedDrain is the epoch in which the node says that it is about to drain; 0: none.
func (a *Agent) orderedDrain() uint64 {
	now := a.cfg.Lease.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drain.Epoch(now)
}

// toDrain is the order to drain that stands, once all sentinels that are there have heard of it, or had the time to.
func (a *Agent) toDrain() (o Orders, ok bool) {
	epoch := a.orderedDrain()
	if epoch == 0 {
		return Orders{}, false
	}
	now, interval := a.cfg.Lease.Now(), a.interval()
	a.mu.Lock()
	defer a.mu.Unlock()
	var answered []time.Time
	for _, l := range a.links {
		if l.up {
			answered = append(answered, l.answered)
		}
	}
	return Orders{Drain: epoch, Hold: a.drain.Left(now)}, a.drain.Ready(now, interval, answered)
}
