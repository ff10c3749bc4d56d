package member

import (
	"sync"
	"sync/atomic"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
)

// standing is where the node stands, and what comes with it.
type standing struct {
	place  *Place // guarded by the execution lock, as all up to the next line
	steady Steady
	drain  Drain

	shown     atomic.Pointer[Place] // place, for who can't wait for the lock
	relinking atomic.Bool           // a new master waits for the chain behind it
	holding   atomic.Bool           // drain holds
	drained   atomic.Uint64         // drain.Told

	mu    sync.Mutex
	under chan struct{} // closed when the look that is under way has ended; nil: none is
}

// Place is where the node stands. It needs the execution lock. What it answers does not change.
func (a *Agent) Place() *Place { return a.standing.place }

// Standing is where the node stands, for who can't wait for the lock: it changes once all else belongs to it.
func (a *Agent) Standing() *Place { return a.standing.shown.Load() }

// Stand has everybody see where the node stands from here on. It needs the execution lock.
func (a *Agent) Stand(p *Place) {
	a.standing.place = p
	a.standing.shown.Store(p)
}

// Adopt begins to take over a group, if it is the node's and of a newer epoch: what Change says is then to be done,
// with Enter in between, and Stand and Adopted at the end. It needs the execution lock, so that every write belongs to
// one epoch. broken says that the node's data is not what its log says.
func (a *Agent) Adopt(g cluster.Group, broken bool) (c Change, ok bool) {
	if g.Name != a.cfg.Settings.Group() {
		return Change{}, false
	}
	if c, ok = Adopt(*a.standing.place, g, a.self, broken); !ok {
		return c, false
	}
	a.cfg.Features.Hear(g.Features)
	a.standing.place = &c.After
	a.cfg.Lease.SetInChain(c.After.InChain())
	return c, true
}

// relinkMax is for how long at most a new master has clients wait for the chain behind it to link: they could do
// nothing but wait with their writes, and all coming at once they would keep it from linking.
const relinkMax = 8 * time.Millisecond

// Enter has the log, and those who follow, go by the new epoch; what was ordered in the previous one is over. It needs
// the execution lock.
func (a *Agent) Enter(c *Change) {
	a.SetChain()
	relinking := c.Relinking(a.standing.relinking.Load(), a.cfg.Log.HeldBySuccessor())
	a.standing.relinking.Store(relinking)
	a.setDrain(a.standing.drain.Adopted())
}

// Adopted tells the sentinels where the node stands now, and that clients may come as soon as the chain is ready.
func (a *Agent) Adopted(c *Change) {
	a.tellPlace(&c.After)
	if a.standing.relinking.Load() {
		time.AfterFunc(relinkMax, a.chainReady)
	}
}

// chainReady tells the sentinels that clients may come.
func (a *Agent) chainReady() {
	if a.standing.relinking.CompareAndSwap(true, false) {
		a.Nudge()
	}
}

// chainMoved is called whenever what the successor has acknowledged has changed.
func (a *Agent) chainMoved() {
	if a.standing.relinking.Load() && a.cfg.Log.HeldBySuccessor() {
		a.chainReady()
	}
}

// SetChain has the log wait for the acknowledgements of whoever it has to in the adopted epoch; those that came already
// count. It needs the execution lock.
func (a *Agent) SetChain() {
	p, self := a.standing.place, a.self
	awaited, ok := p.Awaited(self)
	a.cfg.Log.SetChain(p.Epoch(), awaited, ok && a.cfg.Settings.AckChain())
	a.cfg.Feeder.SetGroup(p.Group, self)
}

// letJoin has the tail commit nothing more without a learner that has nearly caught up, that it has met, and that keeps
// pace. It needs the execution lock.
func (a *Agent) letJoin() {
	s := &a.standing
	p := s.place
	if !p.Tail() {
		a.forgetLearners()
	}
	if !p.MayLetJoin() {
		s.steady = nil
		return
	}
	now, followers := time.Now(), a.cfg.Feeder.Followers()
	s.steady = s.steady.Look(p.Group, followers, now)
	a.meetLearners(p.Group, followers)
	joined, ok := p.LetJoin(followers, a.cfg.Log.End(), func(m cluster.Member) bool {
		return s.steady.Proven(p.Group, m, now) && a.met(m)
	})
	if !ok {
		return
	}
	s.place = &joined
	a.SetChain()
	a.Stand(&joined)
}

// Drain is how far the node has got with a handover's drain. It needs the execution lock.
func (a *Agent) Drain() Drain { return a.standing.drain }

// Holds reports whether clients are held back for a handover. It takes no lock.
func (a *Agent) Holds() bool { return a.standing.holding.Load() }

// HoldBack has everything held back for a handover until then. It needs the execution lock, as ExpireDrain does.
func (a *Agent) HoldBack(until time.Time) {
	d := a.standing.drain
	d.Until = until
	a.setDrain(d)
}

// ExpireDrain ends the drain if its time is over and nobody may act on it any more.
func (a *Agent) ExpireDrain(now time.Time) {
	a.setDrain(a.standing.drain.Expire(a.standing.place, now))
}

func (a *Agent) setDrain(d Drain) {
	a.standing.drain = d
	a.standing.holding.Store(d.Holds())
	a.standing.drained.Store(d.Told)
}

// look lets a learner join, and notes that all is committed for a handover. It waits for the execution lock no longer
// than it should be held: what a command keeps from being done now is done when that has ended.
func (a *Agent) look(patience time.Duration) {
	if a.cfg.Lock.TryLock() {
		a.lookNow()
		a.cfg.Lock.Unlock()
		return
	}
	s := &a.standing
	s.mu.Lock()
	done := s.under
	if done == nil {
		done = make(chan struct{})
		s.under = done
		a.spawn(func() {
			a.lookLocked()
			s.mu.Lock()
			s.under = nil
			s.mu.Unlock()
			close(done)
		})
	}
	s.mu.Unlock()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// lookLocked waits for the lock.
func (a *Agent) lookLocked() {
	a.cfg.Lock.Lock()
	defer a.cfg.Lock.Unlock()
	a.lookNow()
}

// lookNow needs the execution lock.
func (a *Agent) lookNow() {
	a.letJoin()
	a.setDrain(a.standing.drain.Committed(a.standing.place, a.cfg.Log.Commit(), a.cfg.Log.End()))
}

// lookShare of the time between two heartbeats is the longest that one waits for the execution lock.
const lookShare = 5

// Heartbeat is what the node says of itself: also while a command runs, for how long it has. A node whose lock is stuck
// for good is found out by that.
func (a *Agent) Heartbeat() cluster.Heartbeat {
	if !rules.BeatWhileBusy {
		a.lookLocked()
	}
	downAfter := a.DownAfter()
	a.look(downAfter / beatsPerDownAfter / lookShare)
	f := a.facts(downAfter)
	return f.Heartbeat()
}

// facts are how the node is now.
func (a *Agent) facts(downAfter time.Duration) Facts {
	p, log, settings, now := a.Standing(), a.cfg.Log, a.cfg.Settings, time.Now()
	features := a.cfg.Features.Heard() // before the data's needs: what a level let in is told with it, or with the next
	f := Facts{
		Now: now, Group: settings.Group(), Self: a.self, Place: *p, DownAfter: downAfter,
		Installation: a.cfg.Identity.Installation(), Replaces: a.cfg.Identity.Ended(),
		Position: log.Position(), Commit: log.Commit(), Awaits: settings.AckChain(),
		JoiningHeld: log.HeldBy(p.Epoch(), p.Joining), AckedAt: log.AckedAt(),
		MinReplicas: settings.MinReplicasToWrite(), Priority: int(settings.Int("replica-priority")),
		Leased: a.cfg.Lease.Valid(), Relinking: a.standing.relinking.Load(), Leaving: a.cfg.Lease.Leaving(),
		Order: a.orderedDrain(), Drained: a.standing.drained.Load(), Unmet: a.unmet(),
		Level: a.cfg.Features.Understood(), Needs: a.cfg.Features.Needs(), Features: features,
	}
	f.AckDelay, f.StoreDelay = log.Delays(now)
	if f.AckDelay > 0 {
		f.Unheard = p.Unheard(a.self, a.cfg.Feeder.Followers(), f.AckDelay, now)
	}
	f.Version = a.cfg.Version
	if a.cfg.Resident != nil {
		f.Memory = a.cfg.Resident.Load()
	}
	if a.cfg.Replication != nil {
		a.cfg.Replication.Describe(&f)
	}
	return f
}
