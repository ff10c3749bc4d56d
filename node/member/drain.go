package member

import "time"

// Drain is how far a master has got with a planned handover's drain: everything is held back, and once all is committed
// the sentinels are told so. The order is repeated while it stands; when it stops, the node goes on by itself, unless
// it has said so: who hears that may make another member the master however late, and that one must have all that this
// one ever executed. Then only another epoch ends it, and the sentinels agree on one when nothing comes of the
// handover.
type Drain struct {
	Until time.Time // everything is held back until then; zero: nothing is
	Told  uint64    // the epoch in which the sentinels were told that everything is committed
}

// drainedHold is how often a master that has drained looks whether it still has to hold back its clients.
const drainedHold = 100 * time.Millisecond

// Holds reports whether everything is held back.
func (d Drain) Holds() bool { return !d.Until.IsZero() }

// MayDrain reports whether an order to drain in an epoch is for a node in this place.
func (p *Place) MayDrain(epoch uint64) bool { return p.Master && p.Epoch() == epoch }

// Committed notes that all is committed, if it is and nothing new can come: from here on the heartbeats say so.
func (d Drain) Committed(p *Place, commit, end int64) Drain {
	if p.Master && d.Holds() && commit == end {
		d.Told = p.Epoch()
	}
	return d
}

// Expire is the drain at a later time: it ends when its time is over, unless the sentinels were told in this epoch.
func (d Drain) Expire(p *Place, now time.Time) Drain {
	switch {
	case !d.Holds() || now.Before(d.Until):
	case d.Told == p.Epoch():
		d.Until = now.Add(drainedHold)
	default:
		d.Until = time.Time{}
	}
	return d
}

// Adopted is the drain in another epoch: what was ordered in the previous one is over.
func (d Drain) Adopted() Drain {
	d.Until = time.Time{}
	return d
}

// Order is a sentinel's order to drain. Before a master holds its clients back, each sentinel hears that it is about
// to: from then on they keep whoever asks them for the master waiting for the new one.
type Order struct {
	epoch uint64    // in which it was given; 0: none was
	since time.Time // the sentinels are told
	until time.Time // they are told, unless the order is repeated
}

// drainHold is for how many heartbeats clients are held back after the last order to drain: it is repeated while it
// stands.
const drainHold = 2

// Repeat takes in an order, which may be the present one once more. interval is the time between two heartbeats. begun:
// it is a new one.
func (o Order) Repeat(epoch uint64, now time.Time, interval time.Duration) (next Order, begun bool) {
	if begun = o.epoch != epoch || now.After(o.until); begun {
		o.epoch, o.since = epoch, now
	}
	o.until = now.Add(drainHold * interval)
	return o, begun
}

// Epoch is the one in which the node says that it is about to drain; 0: none.
func (o Order) Epoch(now time.Time) uint64 {
	if now.After(o.until) {
		return 0
	}
	return o.epoch
}

// Ready says whether the drain may begin: all sentinels that are there have heard of it, or had the time to. answered
// says when the newest heartbeat that each of them has answered was sent.
func (o Order) Ready(now time.Time, interval time.Duration, answered []time.Time) bool {
	if now.Sub(o.since) >= interval {
		return true
	}
	for _, sent := range answered {
		if sent.Before(o.since) {
			return false
		}
	}
	return true
}

// Left is for how long the order stands if it is not repeated.
func (o Order) Left(now time.Time) time.Duration { return o.until.Sub(now) }
