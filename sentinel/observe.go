package sentinel

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/sentinel/plan"
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
	busy     string    // the command that subscribers were told of as slow, while it runs; "" for none
	broken   bool      // that connection has ended
	followed bool      // it has been seen to follow a member of the chain in the epoch then in force
}

// saysBroken says whether the node was heard, and says that its data is not what its log says.
func (s *sighting) saysBroken() bool { return s != nil && s.hb.Broken != "" }

// steady says whether the node is there for more than a word: one that is not begins no group.
func (s *sighting) steady() bool { return !s.broken && s.last.After(s.first) }

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
	refused  map[string]*refused  // by incarnation: heard, but another node has the name or the address

	reached     plan.Reached  // the most that the chain was heard to have committed
	reachedAt   time.Time     // it was stored
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
		nodes: map[string]*sighting{}, fences: map[string]*fence{}, known: map[string]time.Time{},
		replaced: map[string]bool{}, refused: map[string]*refused{},
		reached: stored.Reached, promise: promise, promiseOld: now.Add(promise), stored: stored, floor: now,
		floorPledge: now.Add(promise),
	}
	for _, incarnation := range stored.Fenced {
		w.fences[incarnation] = &fence{member: cluster.Member{Incarnation: incarnation}, durable: true,
			reason: reasonStored, at: now}
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
	for _, m := range plan.Members(g) {
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

// hear takes in a heartbeat. A nil sighting says that it does not count: a dead process left it behind, or its name or
// address is held by somebody else, who keeps it for as long as that one is heard. refusal then tells the sender why,
// unless that may pass by itself at once.
func (w *watch) hear(g cluster.Group, hb cluster.Heartbeat, from origin, now time.Time) (s *sighting, refusal string) {
	m, after := hb.Member, plan.DownAfter(g.Settings)
	if w.replaced[m.Incarnation] {
		return nil, ""
	}
	s = w.nodes[m.Name]
	if s != nil && !s.hb.Member.Is(m) && s.broken && slices.Contains(hb.Replaces, s.hb.Member.Incarnation) {
		w.replaced[s.hb.Member.Incarnation] = true
		s = nil
	}
	if holder := w.holder(g, s, hb, from, after, now); holder != nil {
		if holder.broken || from.number < holder.origin.number {
			return nil, "" // it is about to be known which of the two has gone
		}
		return nil, w.refuse(hb, holder, now)
	}
	if s == nil || !s.hb.Member.Is(m) {
		s = &sighting{first: now, since: from.accepted}
		w.nodes[m.Name] = s
	} else if now.Sub(s.last) >= after/2 {
		s.first = now
	}
	delete(w.refused, m.Incarnation)
	if g.Position(m) >= 0 && hb.Epoch == g.Epoch && !hb.Async {
		w.reached = w.reached.Later(plan.Reached{Epoch: g.Epoch, Offset: hb.Commit}, g.Began)
	}
	s.hb, s.last = hb, now
	if from.number != s.origin.number {
		s.origin, s.broken = from, false
	}
	for _, old := range plan.Members(g) {
		if old.Name == m.Name && slices.Contains(hb.Replaces, old.Incarnation) {
			w.replaced[old.Incarnation] = true
		}
	}
	return s, ""
}

// holder is who keeps the name or the address that a heartbeat claims, nil if it may have both. s is the present
// sighting of that name.
//
// Two that claim one name are a copied directory, two that claim one address a copied configuration. Whoever has the
// better claim goes first, otherwise the one that was there first stays.
func (w *watch) holder(g cluster.Group, s *sighting, hb cluster.Heartbeat, from origin, after time.Duration,
	now time.Time) *sighting {
	m := hb.Member
	mine := w.claim(g, m)
	if s != nil && s.hb.Member.Is(m) {
		another := from.number != s.origin.number && !s.broken && now.Sub(s.last) < missedBeats*after/beats
		if another || m.Addr != s.hb.Member.Addr && s.keeps(after, now) {
			return s
		}
		if mine == claimPlace {
			return nil
		}
	}
	for name, o := range w.nodes {
		same := name == m.Name || o.hb.Member.Addr == m.Addr
		if rules.KeepPlace && same && !o.hb.Member.Is(m) && o.keeps(after, now) && mine <= w.claim(g, o.hb.Member) &&
			!w.replaced[o.hb.Member.Incarnation] {
			return o
		}
	}
	return nil
}

// claim is how good a node's claim to its name and address is.
type claim int

const (
	claimNone  claim = iota // a learner that is not where it says to be
	claimFresh              // a node that is not in the group
	claimPlace              // a member, or another learner
)

func (w *watch) claim(g cluster.Group, m cluster.Member) claim {
	switch {
	case w.unmet(g, m) != "":
		return claimNone
	case plan.IsIn(g, m):
		return claimPlace
	}
	return claimFresh
}

// unmet is why the tail does not let a learner join; empty: it does, or has not said yet.
func (w *watch) unmet(g cluster.Group, m cluster.Member) string {
	tail, ok := g.Tail()
	s := w.seen(tail)
	if !ok || s == nil || !g.IsLearner(m) {
		return ""
	}
	i := slices.IndexFunc(s.hb.Unmet, func(u cluster.Unmet) bool { return u.Incarnation == m.Incarnation })
	if i < 0 {
		return ""
	}
	return s.hb.Unmet[i].Why
}

// keeps says whether the node has to be taken for alive, so that nobody gets its name or address: it may hold a lease.
// When its connection has ended it may be about to come back by another.
func (s *sighting) keeps(after time.Duration, now time.Time) bool {
	if s.broken {
		return now.Sub(s.last) < reconnectBeats*after/beats
	}
	return now.Sub(s.last) < after
}

// reconnectBeats is how many heartbeats a node that is alive misses at most when its connection ends.
const reconnectBeats = 1

// refused is a node that is heard and does not count.
type refused struct {
	hb     cluster.Heartbeat
	last   time.Time
	reason string
}

// refuse notes that a node is heard whose name or address another one has, and says so.
func (w *watch) refuse(hb cluster.Heartbeat, holder *sighting, now time.Time) (reason string) {
	m, h := hb.Member, holder.hb.Member
	switch {
	case m.Is(h):
		reason = fmt.Sprintf("another connection speaks for node %s at %s already", h.Name, h.Addr)
	case m.Name == h.Name:
		reason = fmt.Sprintf("node %s is there already, at %s with incarnation %.8s: is this directory a copy? Start "+
			"with an empty --dir, or with another --node-name",
			h.Name, h.Addr, h.Incarnation)
	default:
		reason = fmt.Sprintf("address %s is that of node %s, which is there: announce another (--port, "+
			"--announce-ip, --announce-port)", h.Addr, h.Name)
	}
	return w.note(hb, reason, now)
}

// note keeps who was refused, for status.
func (w *watch) note(hb cluster.Heartbeat, reason string, now time.Time) string {
	if m := hb.Member; w.refused[m.Incarnation] != nil || len(w.refused) < maxRefused {
		w.refused[m.Incarnation] = &refused{hb: hb, last: now, reason: reason}
	}
	return reason
}

// maxRefused bounds the memory for nodes that don't count.
const maxRefused = 64

// isReplaced says whether m is known to be dead because its node was started again: the later start has the lock of its
// directory.
func (w *watch) isReplaced(m cluster.Member) bool { return w.replaced[m.Incarnation] }

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
	if s == nil || now.Sub(s.last) >= downAfter/2 || w.isReplaced(f.member) || f.reason == reasonStuck &&
		!s.hb.LinkUp ||
		w.slow(g, f.member, now) || plan.IsBusyTooLong(g, s.hb) || s.hb.Broken != "" {
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
	reasonBusy     = "busy for too long"
	reasonBroken   = "broken"
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
func (w *watch) subject(g cluster.Group, m cluster.Member, downAfter time.Duration, now time.Time) plan.Subject {
	sub := plan.Subject{Heard: w.heard(m), Promised: w.floorPledge, Replaced: w.isReplaced(m)}
	if s := w.seen(m); s != nil {
		if s.promised.After(sub.Promised) {
			sub.Promised = s.promised
		}
		sub.Stuck = w.stuck(g, s, downAfter, now)
		sub.Slow = w.slow(g, m, now)
		sub.Busy = plan.IsBusyTooLong(g, s.hb)
		sub.Broken = s.hb.Broken != ""
	}
	return sub
}

// stuck says whether the node is stuck because of itself: its predecessor is there, and neither executes a command that
// would keep them from linking.
func (w *watch) stuck(g cluster.Group, s *sighting, downAfter time.Duration, now time.Time) bool {
	if !plan.IsStuck(g, s.hb, downAfter) {
		return false
	}
	p, ok := g.Predecessor(s.hb.Member)
	if !ok || w.fences[p.Incarnation] != nil || !w.fresh(p, now, downAfter) {
		return false
	}
	return !plan.IsBusy(s.hb, downAfter) && !plan.IsBusy(w.seen(p).hb, downAfter)
}

// slow says whether m holds up the chain. One member is dealt with at a time: what the others say changes with it.
func (w *watch) slow(g cluster.Group, m cluster.Member, now time.Time) bool {
	for incarnation := range w.fences {
		if incarnation != m.Incarnation {
			return false
		}
	}
	culprit, ok := plan.Slowest(g, func(o cluster.Member) (cluster.Heartbeat, bool) {
		s := w.seen(o)
		if s == nil || now.Sub(s.last) >= plan.DownAfter(g.Settings) {
			return cluster.Heartbeat{}, false
		}
		return s.hb, true
	})
	return ok && culprit.Is(m)
}

// judgement is the durable half of the watch as it should be now.
func (w *watch) judgement() groupJudgement {
	j := groupJudgement{Epoch: w.epoch, PromiseMs: w.promise.Milliseconds(), Reached: w.reached}
	for incarnation := range w.fences {
		j.Fenced = append(j.Fenced, incarnation)
	}
	slices.Sort(j.Fenced)
	return j
}

// reachedEvery is how often at most it is stored how far the chain has come.
const reachedEvery = 5 * time.Second

// unstored says whether the stored judgement has to be written anew.
func (w *watch) unstored(now time.Time) bool {
	j := w.judgement()
	if j.Reached.Offset != w.stored.Reached.Offset && now.Sub(w.reachedAt) >= reachedEvery {
		w.reachedAt = now
		return true
	}
	return j.Epoch != w.stored.Epoch || j.PromiseMs != w.stored.PromiseMs || !slices.Equal(j.Fenced, w.stored.Fenced)
}

// forget drops nodes that have been silent for long and are in no chain, so that strangers cannot fill the memory.
func (w *watch) forget(g cluster.Group, now time.Time, age time.Duration) {
	for name, s := range w.nodes {
		if _, in := g.Lookup(name); !in && now.Sub(s.last) > age {
			delete(w.nodes, name)
		}
	}
	maps.DeleteFunc(w.refused, func(_ string, r *refused) bool { return now.Sub(r.last) > age })
	if len(w.replaced) > maxReplaced {
		w.replaced = map[string]bool{}
	}
}

// maxReplaced bounds the memory for dead incarnations. Forgetting them is safe long after: their connections are gone.
const maxReplaced = 1024
