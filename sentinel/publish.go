package sentinel

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"holdfast/cluster"
	"holdfast/sentinel/plan"
)

// Subscribers are told what happens in the words and forms of Redis Sentinel, which clients parse by position:
//
//	master <group> <ip> <port>
//	slave <ip>:<port> <ip> <port> @ <group> <master ip> <master port>
//	sentinel <id> <ip> <port> @ <group> <master ip> <master port>
//
// and for +switch-master: <group> <old ip> <old port> <new ip> <new port>. An IPv6 address stands in brackets where its
// port follows a colon.

// alarms is what subscribers were told last about a group's nodes, by name.
type alarms struct {
	sdown map[string]bool
	odown map[string]bool
}

func masterPayload(group, addr string) string {
	host, port := splitAddr(addr)
	return "master " + group + " " + host + " " + port
}

func slavePayload(group, addr, master string) string {
	host, port := splitAddr(addr)
	mhost, mport := splitAddr(master)
	return fmt.Sprintf("slave %s %s %s @ %s %s %s", net.JoinHostPort(host, port), host, port, group, mhost, mport)
}

func sentinelPayload(id, addr, group, master string) string {
	host, port := splitAddr(addr)
	mhost, mport := splitAddr(master)
	return fmt.Sprintf("sentinel %s %s %s @ %s %s %s", id, host, port, group, mhost, mport)
}

// masterAddr is the address of whom clients take for the master. The caller holds mu.
func (s *Sentinel) masterAddr(group string) string {
	if m := s.masters[group]; m != nil {
		return m.member.Addr
	}
	return ""
}

// payload describes a member in its present role. The caller holds mu.
func (s *Sentinel) payload(group string, m cluster.Member) string {
	master := s.masterAddr(group)
	if m.Addr == master {
		return masterPayload(group, m.Addr)
	}
	return slavePayload(group, m.Addr, master)
}

// publishChange reports a new epoch, a group that comes into care or leaves it, and slaves that are new. The caller
// holds mu.
func (s *Sentinel) publishChange(was, g cluster.Group, ignored, wasIgnored bool) {
	master := s.masterAddr(g.Name)
	switch {
	case ignored && !wasIgnored:
		s.front.publish("-monitor", masterPayload(g.Name, master))
		return
	case wasIgnored && !ignored, was.Epoch == 0 && g.Epoch > 0:
		s.front.publish("+monitor", masterPayload(g.Name, master)+" quorum "+strconv.Itoa(g.Settings.Quorum))
	}
	if g.Epoch == was.Epoch {
		return
	}
	s.front.publish("+new-epoch", strconv.FormatUint(g.Epoch, 10))
	if head, ok := was.Head(); ok && g.Position(head) < 0 && s.alarmsOf(g.Name).sdown[head.Name] {
		s.raise(g.Name, head, true, true)
	}
	before := plan.Members(was)
	for i, m := range plan.Members(g) {
		isNew := !slices.ContainsFunc(before, func(b cluster.Member) bool { return b.Name == m.Name })
		if isNew && i > 0 {
			s.front.publish("+slave", slavePayload(g.Name, m.Addr, master))
		}
	}
}

// publishSwitch reports, once, that clients are to go to another master. The caller holds mu.
func (s *Sentinel) publishSwitch(name string, m *master) {
	if m.before == nil {
		return
	}
	old, head := m.before.Addr, m.member.Addr
	m.before = nil
	oldHost, oldPort := splitAddr(old)
	host, port := splitAddr(head)
	s.front.publish("+switch-master", fmt.Sprintf("%s %s %s %s %s", name, oldHost, oldPort, host, port))
	s.log.Info("clients go to another master", "group", name, "from", old, "to", head)
}

// publishFollowing reports, once an epoch, a replica that follows its place in the present chain, when clients are sent
// to its head. The second name is the one that go-redis waits for. The caller holds mu.
func (s *Sentinel) publishFollowing(g cluster.Group, seen *sighting) {
	m, hb := s.masters[g.Name], seen.hb
	if seen.told == g.Epoch || m == nil || m.next != nil || g.Position(hb.Member) <= 0 || !hb.LinkUp ||
		hb.Epoch != g.Epoch {
		return
	}
	seen.told = g.Epoch
	text := slavePayload(g.Name, hb.Member.Addr, m.member.Addr)
	s.front.publish("+slave-reconf-done", text)
	s.front.publish("+replica-reconf-done", text)
}

// publishBusy reports, once a command, a member that one has kept from all else for down-after, and when that is over.
// The caller holds mu.
func (s *Sentinel) publishBusy(g cluster.Group, seen *sighting, after time.Duration) {
	hb, slow := seen.hb, time.Duration(seen.hb.Busy)*time.Millisecond >= after
	if slow == (seen.busy != "") || g.Position(hb.Member) < 0 && !g.IsLearner(hb.Member) {
		return
	}
	event := "-slow-command"
	if slow {
		event, seen.busy = "+slow-command", busyWith(hb)
	}
	s.front.publish(event, s.payload(g.Name, hb.Member)+" #command "+seen.busy)
	if !slow {
		seen.busy = ""
	}
}

// busyWith names what a member is busy with.
func busyWith(hb cluster.Heartbeat) string {
	if hb.Command == "" {
		return "unknown"
	}
	return hb.Command
}

// publishSentinels reports sentinels that are new. The caller holds mu.
func (s *Sentinel) publishSentinels(old, next *plan.State) {
	for id, addr := range next.Sentinels {
		if id == s.id || old.Sentinels[id] == addr {
			continue
		}
		event := "+sentinel"
		if old.Sentinels[id] != "" {
			event = "+sentinel-address-switch"
		}
		for _, name := range next.Names() {
			s.front.publish(event, sentinelPayload(id, addr, name, s.masterAddr(name)))
		}
	}
}

// alarmsOf finds or begins a group's alarms. The caller holds mu.
func (s *Sentinel) alarmsOf(name string) *alarms {
	a := s.alarms[name]
	if a == nil {
		a = &alarms{sdown: map[string]bool{}, odown: map[string]bool{}}
		s.alarms[name] = a
	}
	return a
}

// raise reports a member as down or as up again, if that is news. The caller holds mu.
func (s *Sentinel) raise(name string, m cluster.Member, sdown, odown bool) {
	if m.Addr == "" {
		return // fenced before a restart, and not known by more than its incarnation yet
	}
	a := s.alarmsOf(name)
	// that a majority has fenced it stays so; it is not yet known everywhere where this is asked
	odown = odown || sdown && a.odown[m.Name]
	text := s.payload(name, m)
	if sdown && !a.sdown[m.Name] {
		s.front.publish("+sdown", text)
	}
	if odown && !a.odown[m.Name] {
		votes, quorum := plan.Majority(len(s.state.Voters)), s.group(name).Settings.Quorum
		s.front.publish("+odown", fmt.Sprintf("%s #quorum %d/%d", text, max(votes, s.verdicts[name].Votes), quorum))
	}
	if !odown && a.odown[m.Name] {
		s.front.publish("-odown", text)
	}
	if !sdown && a.sdown[m.Name] {
		s.front.publish("-sdown", text)
	}
	a.sdown[m.Name], a.odown[m.Name] = sdown, odown
}

// raiseAlarms reports what has changed since the last tick. A node is up again when it is back in the group and heard;
// until then one that was reported down stays so. Only a master is ever objectively down to clients. The caller holds
// mu.
func (s *Sentinel) raiseAlarms(now time.Time) {
	for _, name := range s.state.Names() {
		g, w := s.group(name), s.watch(name, now)
		for _, m := range plan.Members(g) {
			sdown, odown := s.isDown(g, w, m)
			if sdown || w.fresh(m, now, plan.DownAfter(g.Settings)) {
				s.raise(name, m, sdown, odown && m.Addr == s.masterAddr(name))
			}
		}
	}
}

// publishDecision is the first half of a failover's story, told by the leader before it proposes.
func (s *Sentinel) publishDecision(v plan.View, a plan.Action) {
	old, next, ok := headChange(v, a)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := v.Group.Name
	master := masterPayload(name, old.Addr)
	slave := slavePayload(name, next.Addr, old.Addr)
	if v.Odown(old) {
		s.raise(name, old, true, true)
	}
	if v.Asked == nil {
		s.front.publish("+try-failover", master)
	}
	s.front.publish("+elected-leader", master)
	s.front.publish("+failover-state-select-slave", master)
	s.front.publish("+selected-slave", slave)
	s.front.publish("+failover-state-send-slaveof-noone", slave)
}

// publishDone is the second half, told once the decision is committed.
func (s *Sentinel) publishDone(v plan.View, a plan.Action) {
	old, next, ok := headChange(v, a)
	if !ok {
		return
	}
	name := v.Group.Name
	master := masterPayload(name, old.Addr)
	s.front.publish("+promoted-slave", slavePayload(name, next.Addr, old.Addr))
	s.front.publish("+failover-state-reconf-slaves", master)
	for _, m := range plan.Members(a.Group)[1:] {
		s.front.publish("+slave-reconf-sent", slavePayload(name, m.Addr, old.Addr))
	}
	s.front.publish("+failover-end", master)
}

// headChange says whether a decision makes another node the master.
func headChange(v plan.View, a plan.Action) (old, next cluster.Member, ok bool) {
	old, had := v.Group.Head()
	next, has := a.Group.Head()
	return old, next, had && has && old.Name != next.Name
}

// helloChannel is where sentinels of Redis say hello to each other; some tools listen there.
const helloChannel = "__sentinel__:hello"

// helloLoop says hello for every group.
func (s *Sentinel) helloLoop() {
	host, port := splitAddr(s.addr)
	for s.sleep(2*time.Second, nil) {
		s.mu.Lock()
		for _, name := range s.state.Names() {
			master := s.masterAddr(name)
			if master == "" {
				continue
			}
			mhost, mport := splitAddr(master)
			epoch := s.state.Groups[name].Epoch
			s.front.publish(helloChannel, fmt.Sprintf("%s,%s,%s,%d,%s,%s,%s,%d", host, port, s.id, epoch, name, mhost,
				mport, epoch))
		}
		s.mu.Unlock()
	}
}
