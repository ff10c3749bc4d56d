package sentinel

import (
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// Status is everything HOLDFAST STATUS says, as one sentinel sees it.
type Status struct {
	Sentinel  string           `json:"sentinel"` // who answers
	Leader    string           `json:"leader"`   // empty when none is known
	Term      uint64           `json:"term"`
	InTouch   bool             `json:"in_touch"` // the answer is up to date
	Sentinels []SentinelStatus `json:"sentinels"`
	Advice    string           `json:"advice,omitempty"` // when another number of sentinels were wiser
	Groups    []GroupStatus    `json:"groups"`

	Level cluster.Level `json:"level"`          // the feature level of the sentinels
	Held  string        `json:"held,omitempty"` // which of them keep it from being the newest

	Installation string `json:"installation"` // empty: it belongs to none yet
	// members of other installations, and sentinels too old, refused of late
	Strangers []StrangerStatus `json:"strangers,omitempty"`
}

// SentinelStatus is one sentinel.
type SentinelStatus struct {
	ID      string `json:"id"`
	Addr    string `json:"addr"`
	Voter   bool   `json:"voter"`
	Leader  bool   `json:"leader"`
	Alive   bool   `json:"alive"`   // in the gossip
	Removed bool   `json:"removed"` // for good; it still runs
	// ok; full: it takes no writes, and counts as one that is down; empty: not known, as it is silent
	Disk string `json:"disk"`
}

// GroupStatus is one group.
type GroupStatus struct {
	Name     string           `json:"name"`
	Epoch    uint64           `json:"epoch"`
	Master   string           `json:"master"` // the address clients are given
	Settings cluster.Settings `json:"settings"`
	Chain    []MemberStatus   `json:"chain"`
	Learners []MemberStatus   `json:"learners,omitempty"`
	Others   []MemberStatus   `json:"others,omitempty"` // heard, but in no chain
	Waits    string           `json:"waits,omitempty"`  // for whom, when no member of the chain is left, and what to do

	Level cluster.Level `json:"level"`          // the feature level of the group
	Held  string        `json:"held,omitempty"` // what keeps it from being the newest
}

// MemberStatus is one node of a group.
type MemberStatus struct {
	Name        string       `json:"name"`
	Addr        string       `json:"addr"`
	Incarnation string       `json:"incarnation"`
	Role        cluster.Role `json:"role"`
	Epoch       uint64       `json:"epoch"` // the node's own
	Offset      int64        `json:"offset"`
	Commit      int64        `json:"commit"`
	Lag         int64        `json:"lag"` // bytes behind the head
	Lease       bool         `json:"lease"`
	Memory      int64        `json:"memory"`
	LinkUp      bool         `json:"link_up"`
	Leaving     bool         `json:"leaving,omitempty"`
	AckDelay    int64        `json:"ack_delay"`   // see cluster.Heartbeat
	StoreDelay  int64        `json:"store_delay"` // likewise
	Busy        int64        `json:"busy"`        // likewise
	Command     string       `json:"command"`     // likewise
	// how often of late it was taken out of the chain for holding it up
	Slow     int    `json:"slow,omitempty"`
	SilentMs int64  `json:"silent_ms"` // since the last heartbeat here; -1: none yet
	Sdown    bool   `json:"sdown"`
	Odown    bool   `json:"odown"`
	Refused  string `json:"refused,omitempty"` // why it has no place, or gets none in the chain
	Broken   string `json:"broken,omitempty"`  // why its data is not what its log says
	Version  string `json:"version"`

	Level cluster.Level `json:"level"` // the newest feature level that it understands; 0: it was not heard
}

func (s *Sentinel) status() Status {
	present, voters, leader := s.gossip.Peers(), s.quorum.voters(), s.quorum.leader()
	now := s.now()
	out := Status{Sentinel: s.id, Leader: leader, Term: s.quorum.term(), InTouch: s.quorum.inTouch(),
		Advice: Survival(len(voters))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if lost := s.lostMajority(voters, present); lost != "" && !out.InTouch {
		out.Advice = "WARNING: " + lost
	}
	out.Installation, _ = s.installation()
	out.Level, out.Held = s.state.Level.OrBase(), s.held
	out.Strangers = s.strangerStatus(now)
	all := append([]peer{{ID: s.id, Addr: s.addr, DiskFull: s.disk.isFull()}}, present...)
	for _, v := range voters {
		if !slices.ContainsFunc(all, func(p peer) bool { return p.ID == v.ID }) {
			all = append(all, peer{ID: v.ID, Addr: s.state.Sentinels[v.ID]})
		}
	}
	for i, p := range all {
		disk := "ok"
		switch {
		case i > len(present):
			disk = ""
		case p.DiskFull:
			disk = "full"
		}
		out.Sentinels = append(out.Sentinels, SentinelStatus{
			ID: p.ID, Addr: p.Addr, Leader: p.ID == leader, Alive: i <= len(present), Disk: disk,
			Removed: s.state.Removed[p.ID],
			Voter:   slices.ContainsFunc(voters, func(v plan.Voter) bool { return v.ID == p.ID }),
		})
	}
	slices.SortFunc(out.Sentinels, func(a, b SentinelStatus) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	for _, name := range s.state.Names() {
		out.Groups = append(out.Groups, s.groupStatus(s.state.Groups[name], now))
	}
	return out
}

// groupStatus describes one group. The caller holds mu.
func (s *Sentinel) groupStatus(g cluster.Group, now time.Time) GroupStatus {
	w := s.watch(g.Name, now)
	out := GroupStatus{Name: g.Name, Epoch: g.Epoch, Master: s.masterAddr(g.Name), Settings: g.Settings,
		Chain: []MemberStatus{}, Level: g.Features.Level.OrBase()}
	if v := s.verdicts[g.Name]; v.Epoch == g.Epoch {
		out.Waits, out.Held = v.Waits, v.Held
	}
	var end int64
	if head, ok := g.Head(); ok {
		if seen := w.seen(head); seen != nil {
			end = seen.hb.Offset
		}
	}
	for _, m := range g.Chain {
		out.Chain = append(out.Chain, s.memberStatus(g, w, m, end, now))
	}
	for _, m := range g.Learners {
		out.Learners = append(out.Learners, s.memberStatus(g, w, m, end, now))
	}
	for _, seen := range w.nodes {
		if m := seen.hb.Member; g.Position(m) < 0 && !g.IsLearner(m) {
			out.Others = append(out.Others, s.memberStatus(g, w, m, end, now))
		}
	}
	for _, r := range w.refused {
		if now.Sub(r.last) < plan.DownAfter(g.Settings) {
			out.Others = append(out.Others, refusedStatus(r, now))
		}
	}
	return out
}

// refusedStatus describes a node that is heard and does not count.
func refusedStatus(r *refused, now time.Time) MemberStatus {
	m := r.hb.Member
	return MemberStatus{
		Name: m.Name, Addr: m.Addr, Incarnation: m.Incarnation, Role: r.hb.Role, Epoch: r.hb.Epoch, Offset: r.hb.Offset,
		Commit: r.hb.Commit,
		Memory: r.hb.Memory, SilentMs: millis(now.Sub(r.last)), Refused: r.reason, Version: r.hb.Version,
		Level: r.hb.Level.OrBase(),
	}
}

// memberStatus describes one node. The caller holds mu.
func (s *Sentinel) memberStatus(g cluster.Group, w *watch, m cluster.Member, end int64, now time.Time) MemberStatus {
	out := MemberStatus{Name: m.Name, Addr: m.Addr, Incarnation: m.Incarnation, Role: cluster.RoleNone, SilentMs: -1,
		Slow: g.Slow[m.Name]}
	if g.Position(m) >= 0 || g.IsLearner(m) {
		out.Sdown, out.Odown = s.isDown(g, w, m)
	}
	seen := w.seen(m)
	if seen == nil {
		return out
	}
	hb := seen.hb
	out.Role, out.Epoch, out.Offset, out.Commit = hb.Role, hb.Epoch, hb.Offset, hb.Commit
	out.Lag = max(end-hb.Offset, 0)
	out.Lease, out.Memory, out.LinkUp, out.Leaving, out.Version = hb.Lease, hb.Memory, hb.LinkUp, hb.Leaving, hb.Version
	out.AckDelay, out.StoreDelay, out.Busy, out.Command = hb.AckDelay, hb.StoreDelay, hb.Busy, hb.Command
	out.Broken, out.Refused = hb.Broken, w.unmet(g, m)
	out.SilentMs, out.Level = millis(now.Sub(seen.last)), hb.Level.OrBase()
	return out
}
