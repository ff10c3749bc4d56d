package sentinel

import (
	"slices"
	"time"

	"holdfast/cluster"
)

// sighting is what this sentinel has heard of the present start of one node.
type sighting struct {
	hb       cluster.Heartbeat // the newest
	origin   origin            // the connection the newest came by
	since    time.Time         // the first connection of this start was accepted
	first    time.Time         // of the heartbeats since the last gap
	last     time.Time
	promised time.Time // the node was told that it won't be fenced before
	told     uint64    // the epoch in which subscribers were told that it follows
	broken   bool      // that connection has ended
	followed bool      // it has been seen to follow a member of the chain in the epoch then in force
}

// origin is the connection that something came by.
type origin struct {
	number   uint64 // counts connections in the order they were accepted
	accepted time.Time
}

// fence is the end of this sentinel's trust in one incarnation for one epoch.
type fence struct {
	member  cluster.Member
	durable bool // stored, so it may be reported
	reason  string
	at      time.Time
}

// watch is everything this sentinel observes about one group. It is protected by the sentinel's mutex.
type watch struct {
	epoch    uint64 // the newest known: of the agreed state, or of the stored judgement when that is ahead
	nodes    map[string]*sighting
	fences   map[string]*fence    // by incarnation, in epoch
	known    map[string]time.Time // since when an incarnation is known to be in the group
	replaced map[string]bool      // incarnations that a later start of the same node has shown to be dead

	promise     time.Duration // longest promise given of late, as stored or to be stored
	promiseOld  time.Time     // no promise longer than down-after is left after this
	stored      groupJudgement
	floor       time.Time // silence is not counted from before this
	floorPledge time.Time // promises of an earlier process of this sentinel end here at the latest
}

func newWatch(now time.Time, stored groupJudgement) *watch {
	promise := time.Duration(stored.PromiseMs) * time.Millisecond
	w := &watch{
		epoch: stored.Epoch,
		nodes: map[string]*sighting{}, fences: map[string]*fence{}, known: map[string]time.Time{}, replaced: map[string]bool{},
		promise: promise, promiseOld: now.Add(promise), stored: stored, floor: now, floorPledge: now.Add(promise),
	}
	for _, incarnation := range stored.Fenced {
		w.fences[incarnation] = &fence{member: cluster.Member{Incarnation: incarnation}, durable: true, reason: reasonStored, at: now}
	}
	return w
}

// adopt follows a change of the agreed group: fences end with their epoch, and new members begin to be listened for.
func (w *watch) adopt(g cluster.Group, now time.Time) {
	if g.Epoch > w.epoch {
		w.epoch = g.Epoch
		w.fences = map[string]*fence{}
	}
	if g.Epoch < w.epoch {
		return // the log is being replayed
	}
	known := make(map[string]time.Time, len(w.known))
	for _, m := range members(g) {
		since, ok := w.known[m.Incarnation]
		if !ok {
			since = now
		}
		known[m.Incarnation] = since
		if f := w.fences[m.Incarnation]; f != nil {
			f.member = m
		}
	}
	w.known = known
}

// members are all of a group, the chain first.
func members(g cluster.Group) []cluster.Member {
	return slices.Concat(g.Chain, g.Learners)
}

// hear takes in a heartbeat. It returns nil for one that a dead process left behind in a connection.
//
// Which of two incarnations of a node is the later one is told by the connections they came by: the new process connected
// after the old one had, and connections are numbered in the order they were accepted.
func (w *watch) hear(hb cluster.Heartbeat, from origin, gap time.Duration, now time.Time) *sighting {
	if w.replaced[hb.Member.Incarnation] {
		return nil
	}
	s := w.nodes[hb.Member.Name]
	if s != nil && s.hb.Member.Incarnation != hb.Member.Incarnation {
		if from.number <= s.origin.number {
			return nil
		}
		w.replaced[s.hb.Member.Incarnation] = true
		s = nil
	}
	if s == nil {
		s = &sighting{first: now, since: from.accepted}
		w.nodes[hb.Member.Name] = s
	} else if now.Sub(s.last) >= gap {
		s.first = now
	}
	s.hb, s.last = hb, now
	if from.number > s.origin.number {
		s.origin, s.broken = from, false
	}
	return s
}

// isReplaced says whether m is known to be dead because its node was started again: either two starts were seen here, or one
// was seen that is not the one in the group. The latter can be no older start, as an incarnation is in the group only
// after it was heard, and a process that ended before cannot connect now.
func (w *watch) isReplaced(m cluster.Member) bool {
	if w.replaced[m.Incarnation] {
		return true
	}
	s := w.nodes[m.Name]
	return s != nil && s.hb.Member.Incarnation != m.Incarnation && w.laterThan(s, m)
}

// laterThan says whether the start behind s is later than m: it connected after m got into the group.
func (w *watch) laterThan(s *sighting, m cluster.Member) bool {
	since, ok := w.known[m.Incarnation]
	return ok && s.since.After(since)
}

// seen is the sighting of exactly this incarnation.
func (w *watch) seen(m cluster.Member) *sighting {
	if s := w.nodes[m.Name]; s != nil && s.hb.Member.Is(m) {
		return s
	}
	return nil
}

// fresh says whether this incarnation was heard within age.
func (w *watch) fresh(m cluster.Member, now time.Time, age time.Duration) bool {
	s := w.seen(m)
	return s != nil && now.Sub(s.last) < age
}

// back says since when a fenced member has been all right again, if it is.
func (w *watch) back(g cluster.Group, f *fence, downAfter time.Duration, now time.Time) (since time.Time, ok bool) {
	s := w.seen(f.member)
	if s == nil || now.Sub(s.last) >= downAfter/2 || w.isReplaced(f.member) || f.reason == reasonStuck && !s.hb.LinkUp || w.slow(g, f.member, now) {
		return time.Time{}, false
	}
	if s.first.After(f.at) {
		return s.first, true
	}
	return f.at, true
}

// Why members are fenced.
const (
	reasonSilent   = "silent"
	reasonReplaced = "started again"
	reasonStuck    = "cannot follow"
	reasonSlow     = "slow"
	reasonStored   = "fenced before the restart"
)

// heard is when m was last heard, or this sentinel began to listen for it, whichever is later.
func (w *watch) heard(m cluster.Member) time.Time {
	at := w.floor
	if since, ok := w.known[m.Incarnation]; ok && since.After(at) {
		at = since
	}
	if s := w.seen(m); s != nil && s.last.After(at) {
		at = s.last
	}
	return at
}

// subject gathers what judge needs about m.
func (w *watch) subject(g cluster.Group, m cluster.Member, downAfter time.Duration, now time.Time) subject {
	sub := subject{Heard: w.heard(m), Promised: w.floorPledge, Replaced: w.isReplaced(m)}
	if s := w.seen(m); s != nil {
		if s.promised.After(sub.Promised) {
			sub.Promised = s.promised
		}
		sub.Stuck = w.stuck(g, s, downAfter, now)
		sub.Slow = w.slow(g, m, now)
	}
	return sub
}

// stuck says whether the node is stuck because of itself: its predecessor is there.
func (w *watch) stuck(g cluster.Group, s *sighting, downAfter time.Duration, now time.Time) bool {
	if !isStuck(g, s.hb, downAfter) {
		return false
	}
	p, ok := g.Predecessor(s.hb.Member)
	return ok && w.fences[p.Incarnation] == nil && w.fresh(p, now, downAfter)
}

// slow says whether m holds up the chain. One member is dealt with at a time: what the others say changes with it.
func (w *watch) slow(g cluster.Group, m cluster.Member, now time.Time) bool {
	for incarnation := range w.fences {
		if incarnation != m.Incarnation {
			return false
		}
	}
	culprit, ok := slowest(g, func(o cluster.Member) (cluster.Heartbeat, bool) {
		s := w.seen(o)
		if s == nil || now.Sub(s.last) >= downAfter(g.Settings) {
			return cluster.Heartbeat{}, false
		}
		return s.hb, true
	})
	return ok && culprit.Is(m)
}

// judgement is the durable half of the watch as it should be now.
func (w *watch) judgement() groupJudgement {
	j := groupJudgement{Epoch: w.epoch, PromiseMs: w.promise.Milliseconds()}
	for incarnation := range w.fences {
		j.Fenced = append(j.Fenced, incarnation)
	}
	slices.Sort(j.Fenced)
	return j
}

// unstored says whether the stored judgement has to be written anew.
func (w *watch) unstored() bool {
	j := w.judgement()
	return j.Epoch != w.stored.Epoch || j.PromiseMs != w.stored.PromiseMs || !slices.Equal(j.Fenced, w.stored.Fenced)
}

// forget drops nodes that have been silent for long and are in no chain, so that strangers cannot fill the memory.
func (w *watch) forget(g cluster.Group, now time.Time, age time.Duration) {
	for name, s := range w.nodes {
		if _, in := g.Lookup(name); !in && now.Sub(s.last) > age {
			delete(w.nodes, name)
		}
	}
	if len(w.replaced) > maxReplaced {
		w.replaced = map[string]bool{}
	}
}

// maxReplaced bounds the memory for dead incarnations. Forgetting them is safe long after: their connections are gone.
const maxReplaced = 1024
