package sentinel

import (
	"errors"
	"maps"
	"slices"
	"time"

	"holdfast/cluster"
	"holdfast/internal/steps"
	"holdfast/sentinel/plan"
)

// maxGroups bounds how many groups heartbeats alone can bring into being.
const maxGroups = 256

// Errors of heartbeats.
var (
	errBadHeartbeat  = errors.New("a heartbeat needs a group, and a member with name, incarnation and address")
	errTooManyGroups = errors.New("too many groups")
)

// heartbeat takes in what a node says and answers it.
func (s *Sentinel) heartbeat(hb cluster.Heartbeat, from origin) (cluster.HeartbeatReply, error) {
	if hb.Group == "" || hb.Member.Name == "" || hb.Member.Incarnation == "" || hb.Member.Addr == "" {
		return cluster.HeartbeatReply{}, errBadHeartbeat
	}
	voters := len(s.quorum.voters())
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watches[hb.Group] == nil && len(s.watches) >= maxGroups {
		return cluster.HeartbeatReply{}, errTooManyGroups
	}
	g, w := s.group(hb.Group), s.watch(hb.Group, now)
	after := plan.DownAfter(g.Settings)
	reply := cluster.HeartbeatReply{
		Seq: hb.Seq, Sentinel: s.id, DownAfterMs: after.Milliseconds(), Voters: voters, Sentinels: s.sentinelAddrs(),
	}
	if len(s.state.Removed) != hb.Removed { // else it knows them
		reply.Removed = slices.Sorted(maps.Keys(s.state.Removed))
	}
	reply.Installation, reply.Tentative = s.installation()
	reply.Features = g.Features
	if g.Epoch > hb.Epoch {
		reply.Group = &g
	}
	before := w.seen(hb.Member)
	var old cluster.Heartbeat
	doubted := false
	if before != nil {
		old, doubted = before.hb, before.doubtful(after, now)
	}
	_, known := w.refused[hb.Member.Incarnation]
	seen, refusal := (*sighting)(nil), ""
	if old := cluster.TooOld("this node", hb.Level, g.Features.Level); old != nil && !plan.IsIn(g, hb.Member) {
		refusal = w.note(hb, old.Error(), now)
	} else {
		seen, refusal = w.hear(g, hb, from, now)
	}
	if seen == nil {
		if reply.Refused = refusal; refusal != "" && !known {
			s.log.Warn("a node is refused", "group", hb.Group, "node", hb.Member.Name, "addr", hb.Member.Addr,
				"because", refusal)
		}
		return reply, nil
	}
	reply.Refused = w.unmet(g, hb.Member)
	if hb.LinkUp && hb.Epoch == g.Epoch && g.Position(hb.Upstream) >= 0 {
		seen.followed = true
	}
	if before == nil || changed(old, hb) {
		wake(s.wakeWatch)
		wake(s.wakeReport)
	}
	if s.accept(g, w, seen, after, now) {
		reply.Accepted = true
		seen.promised = now.Add(after)
	}
	if v := s.verdicts[hb.Group]; v.Epoch == g.Epoch && g.Position(hb.Member) == 0 && now.Sub(s.heardLead) < after {
		reply.Drain = v.Drain // no longer than the leader stands by it, as it silences the master
	}
	s.confirmMaster(g, hb)
	if doubted && !seen.doubtful(after, now) {
		s.tellNews()
	}
	s.publishFollowing(g, seen)
	s.publishBusy(g, seen, after)
	return reply, nil
}

// changed says whether a heartbeat tells more than that time has passed.
func changed(a, b cluster.Heartbeat) bool {
	return a.Epoch != b.Epoch || a.Role != b.Role || a.LinkUp != b.LinkUp || a.Leaving != b.Leaving ||
		a.Drained != b.Drained ||
		!a.Upstream.Is(b.Upstream) || !a.Joining.Is(b.Joining) || (a.Broken == "") != (b.Broken == "")
}

// accept says whether the heartbeat just heard extends the lease of its sender. The caller holds mu.
func (s *Sentinel) accept(g cluster.Group, w *watch, seen *sighting, after time.Duration, now time.Time) bool {
	m := seen.hb.Member
	a := plan.Acceptance{
		Voter:  s.state.IsVoter(s.id),
		Epoch:  w.epoch,
		Member: g.Epoch == w.epoch && (g.Position(m) >= 0 || g.IsLearner(m)),
		Fenced: seen.hb.Epoch <= w.epoch && w.fences[m.Incarnation] != nil,
		Stuck: w.stuck(g, seen, after, now) || w.slow(g, m, now) || plan.IsBusyTooLong(g, seen.hb) ||
			seen.hb.Broken != "",
	}
	if a.Stuck {
		wake(s.wakeWatch) // it is to be judged
	}
	if !a.Accepts(seen.hb.Epoch) {
		return false
	}
	// A promise must be known to the next start of this sentinel before it is given.
	if w.promise < after {
		w.promise = after
	}
	if time.Duration(w.stored.PromiseMs)*time.Millisecond < after {
		wake(s.wakeWatch)
		return false
	}
	if after == w.promise {
		w.promiseOld = now.Add(after)
	}
	return true
}

// watchLoop judges, stores fences and tells subscribers.
func (s *Sentinel) watchLoop() {
	for s.sleep(s.nextLook(), s.wakeWatch) {
		touch := s.quorum.inTouch()
		now := s.now()
		s.mu.Lock()
		s.inTouch = touch
		for name, w := range s.watches {
			s.judgeGroup(s.group(name), w, now)
			if _, agreed := s.state.Groups[name]; !agreed && w.epoch == 0 && len(w.nodes) == 0 {
				delete(s.watches, name) // nobody is heard of it any more
			}
		}
		record, dirty := s.unstored(now)
		s.settleMasters(now)
		s.raiseAlarms(now)
		s.mu.Unlock()
		if (dirty || s.disk.refusedValue()) && s.store(record) {
			wake(s.wakeReport)
		}
		s.keepInstallation()
	}
}

// nextLook is how long to wait until the next look: a tick, unless before that a member's silence is too long, or a
// promise runs out, or a new master has not confirmed.
func (s *Sentinel) nextLook() time.Duration {
	now := s.now()
	wait := cluster.Tick(now, s.pace())
	until := func(at time.Time) {
		if left := at.Sub(now); left > 0 {
			wait = min(wait, left)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, w := range s.watches {
		g := s.group(name)
		for _, m := range plan.Members(g) {
			if w.fences[m.Incarnation] != nil {
				continue
			}
			until(w.heard(m).Add(plan.DownAfter(g.Settings)))
			if seen := w.seen(m); seen != nil {
				until(seen.promised)
			}
		}
	}
	for _, m := range s.masters {
		if m.next != nil {
			until(m.since.Add(confirmPatience))
		}
	}
	return wait
}

// judgeGroup fences whoever is down. From here on the member's heartbeats are refused; the fence is reported once it is
// stored. The caller holds mu.
func (s *Sentinel) judgeGroup(g cluster.Group, w *watch, now time.Time) {
	after := plan.DownAfter(g.Settings)
	if after < w.promise && now.After(w.promiseOld) {
		w.promise = after
	}
	if g.Epoch == 0 && w.epoch == 0 {
		w.forget(g, now, after)
	} else {
		w.forget(g, now, 10*after)
	}
	if g.Epoch != w.epoch || s.state.Ignored[g.Name] || !s.state.IsVoter(s.id) {
		return
	}
	for _, m := range plan.Members(g) {
		if w.fences[m.Incarnation] != nil {
			continue
		}
		sub := w.subject(g, m, after, now)
		if !plan.IsDown(sub, after, now) {
			continue
		}
		reason := reasonSilent
		switch {
		case sub.Replaced:
			reason = reasonReplaced
		case sub.Stuck && !sub.Broken:
			reason = reasonStuck
		case sub.Slow && now.Sub(sub.Heard) < after:
			reason = reasonSlow
		case sub.Busy && now.Sub(sub.Heard) < after:
			reason = reasonBusy
		case sub.Broken && now.Sub(sub.Heard) < after:
			reason = reasonBroken
		}
		w.fences[m.Incarnation] = &fence{member: m, reason: reason, at: now}
	}
}

// unstored is the durable judgement of all groups, and whether it differs from what is stored. The caller holds mu.
func (s *Sentinel) unstored(now time.Time) (judgement, bool) {
	j, dirty := judgement{Groups: map[string]groupJudgement{}}, false
	for name, w := range s.watches {
		if s.state.Groups[name].Epoch == 0 && w.epoch == 0 {
			continue
		}
		dirty = w.unstored(now) || dirty
		j.Groups[name] = w.judgement()
		// From now until it is written, only the shorter promise is sure to be on disk.
		w.stored.PromiseMs = min(w.stored.PromiseMs, j.Groups[name].PromiseMs)
	}
	return j, dirty
}

// store writes the judgement and then marks what it holds as durable, as far as it is still in force. Only watchLoop
// calls it.
func (s *Sentinel) store(j judgement) bool {
	s.cfg.Steps.At(steps.StoreFences)
	if err := s.cfg.Storage.saveJudgement(j); err != nil {
		s.log.Debug("cannot store fences", "error", err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, stored := range j.Groups {
		w := s.watches[name]
		w.stored = stored
		if w.epoch != stored.Epoch {
			continue
		}
		for _, incarnation := range stored.Fenced {
			if f := w.fences[incarnation]; f != nil && !f.durable {
				f.durable = true
				s.raise(name, f.member, true, false)
				s.cfg.Steps.At(steps.Fenced)
				s.log.Info("fenced", "group", name, "member", f.member.Label(), "epoch", w.epoch, "reason", f.reason)
			}
		}
	}
	return true
}

// sentinelAddrs are the client addresses of all known sentinels. The caller holds mu.
func (s *Sentinel) sentinelAddrs() []string {
	return slices.Sorted(maps.Values(s.state.Sentinels))
}
