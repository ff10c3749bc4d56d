package sentinel

import (
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// master is whom clients are sent to. It follows the head of the chain, but not before the new head says itself that it
// leads: a client sent there too early would be refused.
type master struct {
	member cluster.Member
	epoch  uint64          // in which it said that it leads; 0: it has not
	before *cluster.Member // whom it took over from, until subscribers are told
	next   *cluster.Member // the new head, until it has confirmed
	since  time.Time       // of next
}

// confirmPatience is how long clients are still sent to the old head when the new one does not confirm here; it may be
// this sentinel that it cannot reach.
const confirmPatience = time.Second

// adoptMaster follows a change of the agreed group. The caller holds mu.
func (s *Sentinel) adoptMaster(g cluster.Group, now time.Time) {
	head, ok := g.Head()
	if !ok {
		return
	}
	m := s.masters[g.Name]
	switch {
	case m == nil:
		s.masters[g.Name] = &master{member: head}
	case g.Epoch < m.epoch:
		// Clients are further ahead already.
	case m.member.Is(head):
		m.next = nil
	case m.member.Addr == head.Addr || !s.inTouch:
		// Either nothing changes for clients, or this sentinel is catching up: subscribers are told where that ends,
		// not the past.
		s.switchMaster(m, head)
	case m.next == nil || !m.next.Is(head):
		m.next, m.since = &head, now
		if seen := s.watch(g.Name, now).seen(head); seen != nil {
			s.confirmMaster(g, seen.hb) // it may have learned of the change before this sentinel
		}
	}
}

// confirmMaster switches when the new head says that it leads and has its chain behind it, in the agreed epoch or a
// newer one. The caller holds mu.
func (s *Sentinel) confirmMaster(g cluster.Group, hb cluster.Heartbeat) {
	m := s.masters[g.Name]
	switch {
	case m == nil || hb.Role != cluster.RoleMaster || hb.Forming || hb.Broken != "":
	case m.next != nil && m.next.Is(hb.Member) && hb.Epoch >= g.Epoch:
		m.epoch = max(m.epoch, hb.Epoch)
		s.switchMaster(m, hb.Member)
		s.publishSwitch(g.Name, m)
	case hb.Epoch > max(g.Epoch, m.epoch) && g.Position(hb.Member) >= 0:
		// Nodes adopt only what was agreed; here the news is still on its way.
		m.epoch = hb.Epoch
		if !m.member.Is(hb.Member) {
			s.switchMaster(m, hb.Member)
		}
		s.publishSwitch(g.Name, m)
	}
}

// settleMasters switches without confirmation after a while, and tells subscribers what came while this sentinel was
// catching up. The caller holds mu.
func (s *Sentinel) settleMasters(now time.Time) {
	for name, m := range s.masters {
		if m.next != nil && now.Sub(m.since) >= confirmPatience {
			s.switchMaster(m, *m.next)
		}
		if s.inTouch {
			s.publishSwitch(name, m)
		}
	}
}

// switchMaster makes head the one clients are sent to. The caller holds mu.
func (s *Sentinel) switchMaster(m *master, head cluster.Member) {
	if old := m.member; old.Addr != head.Addr {
		m.before = &old
	}
	m.member, m.next = head, nil
	s.tellNews()
}

// replica is one slave as clients see it.
type replica struct {
	member cluster.Member
	seen   *sighting // nil when it was not heard here
	joined bool      // it is in the chain: its data is good to read
	sdown  bool
	odown  bool
}

// lookup is a group as clients see it.
type lookup struct {
	group    cluster.Group
	master   cluster.Member
	seen     *sighting
	sure     bool // the master is known to be the present one
	sdown    bool
	odown    bool
	moving   bool // a planned handover is on its way
	replicas []replica
	others   []peer // the other sentinels
	votes    int    // how many sentinels hold the master for down
}

// find looks a group up. ok is false for a group that is unknown, or that has no chain yet. The caller holds mu.
func (s *Sentinel) find(name string, now time.Time) (l lookup, ok bool) {
	g, ok := s.state.Group(name)
	m := s.masters[name]
	if !ok || m == nil {
		return lookup{}, false
	}
	w := s.watch(name, now)
	l = lookup{group: g, master: m.member, seen: w.seen(m.member), others: s.others()}
	l.sdown, l.odown = s.isDown(g, w, m.member)
	l.sure = s.inTouch || l.seen != nil && l.seen.hb.Committing && l.seen.hb.Epoch == w.epoch && g.Epoch == w.epoch &&
		now.Sub(l.seen.last) < plan.DownAfter(g.Settings)
	l.moving = s.handovers[name] != nil
	l.votes = s.verdicts[name].Votes
	for _, r := range plan.Members(g) {
		if r.Name == m.member.Name {
			continue
		}
		one := replica{member: r, seen: w.seen(r), joined: g.Position(r) >= 0}
		one.sdown, one.odown = s.isDown(g, w, r)
		l.replicas = append(l.replicas, one)
	}
	return l, true
}

// isDown says what is known about a member: fenced here, and fenced by a majority. A member that has left the group is
// down as well; clients get to see one only until its successor has confirmed. The caller holds mu.
func (s *Sentinel) isDown(g cluster.Group, w *watch, m cluster.Member) (sdown, odown bool) {
	f := w.fences[m.Incarnation]
	gone := g.Position(m) < 0 && !g.IsLearner(m)
	v := s.verdicts[g.Name]
	odown = v.Epoch == g.Epoch && slices.Contains(v.Down, m.Incarnation) || gone
	return f != nil && f.durable || odown, odown
}

// others are all sentinels but this one, by id. The caller holds mu.
func (s *Sentinel) others() []peer {
	var list []peer
	for _, v := range s.state.Voters {
		if v.ID != s.id {
			list = append(list, peer{ID: v.ID, Addr: s.state.Sentinels[v.ID], RaftAddr: v.Addr})
		}
	}
	slices.SortFunc(list, func(a, b peer) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}
