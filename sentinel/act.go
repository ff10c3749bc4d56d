package sentinel

import (
	"context"
	"slices"
	"sync"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/internal/steps"
	"holdfast/resp"
	"holdfast/sentinel/plan"
)

// handover is a planned handover somebody asked the leader for. It is not agreed on: with the leader it is forgotten.
type handover struct {
	target  string // name; empty is the next in the chain
	head    cluster.Member
	expires time.Time
}

// inEpoch says since when something has been so in an epoch.
type inEpoch struct {
	epoch uint64
	since time.Time
}

// Replies to a failover that cannot be, in Redis's words.
const (
	errInProgress  = resp.Error("INPROG Failover already in progress")
	errNoGoodSlave = resp.Error("NOGOODSLAVE No suitable replica to promote")
	errNoSuchGroup = resp.Error("ERR No such master with that name")
)

// leadLoop does the leader's work, on the sentinel that is it: who votes, and one change of each group at a time.
func (s *Sentinel) leadLoop() {
	for s.sleepTick(s.pace(), s.wakeLead) {
		if s.quorum.fresh && s.quorum.empty() {
			s.tryBootstrap()
			continue
		}
		if !s.quorum.isLeader() {
			s.forgetLeading()
			s.tellOfLostMajority()
			continue
		}
		s.quorum.begin()
		if s.transferLead() {
			continue
		}
		founded := s.found()
		s.tendVoters()
		s.tendSentinelLevel(s.quorum.voters())
		// All at once: what many groups need together, as when a machine with a member of each dies, Raft writes
		// together.
		var groups sync.WaitGroup
		for _, name := range s.watchedGroups() {
			if !founded && !s.isAgreed(name) {
				continue
			}
			groups.Go(func() { s.lead(name) })
		}
		groups.Wait()
	}
}

// heartbeatLoop has the leader's heartbeats go out at the ticks, at which those who hear them are awake.
func (s *Sentinel) heartbeatLoop() {
	for s.sleepTick(heartbeatEvery(s.cfg.DownAfter), s.wakeHeart) {
		s.quorum.heartbeat(s.hearsAll())
	}
}

// hearsAll says whether all the other voters have reported lately.
func (s *Sentinel) hearsAll() bool {
	voters, now := s.quorum.voters(), s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(voters, func(v plan.Voter) bool {
		last, reported := s.reports[v.ID]
		return v.ID != s.id && (!reported || now.Sub(last.at) >= s.cfg.DownAfter)
	})
}

// electionLoop has all loops look when there is another leader, or none.
func (s *Sentinel) electionLoop() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.quorum.elections:
		}
		for _, loop := range []chan struct{}{s.wakeHeart, s.wakeWatch, s.wakeReport, s.wakeLead} {
			wake(loop)
		}
	}
}

// calmSince is since when this sentinel has led the group in its present epoch. The caller holds mu.
func (s *Sentinel) calmSince(g cluster.Group, now time.Time) time.Time {
	c := s.calm[g.Name]
	if c.since.IsZero() || c.epoch != g.Epoch {
		c = inEpoch{epoch: g.Epoch, since: now}
		s.calm[g.Name] = c
	}
	return c.since
}

// forgetLeading drops what only a leader keeps, so that it does not come back with a later leadership.
func (s *Sentinel) forgetLeading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.reports)
	clear(s.handovers)
	clear(s.dead)
	clear(s.calm)
}

// watchedGroups are all groups to decide about: agreed ones, and those only heartbeats know yet.
func (s *Sentinel) watchedGroups() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.state.Names()
	for name := range s.watches {
		if _, agreed := s.state.Groups[name]; !agreed {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// isAgreed says whether a group has a chain.
func (s *Sentinel) isAgreed(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Groups[name].Epoch > 0
}

// lead plans for one group and does it.
func (s *Sentinel) lead(name string) {
	voters := s.quorum.voters()
	now := s.now()
	s.mu.Lock()
	// before the view: a new head must not be asked to drain for the old one's handover
	s.endHandover(s.group(name), now)
	v := s.viewOf(name, voters, now)
	s.watchDead(v, now)
	a := plan.Next(v)
	drain := uint64(0)
	if a.Kind == plan.Drain {
		drain = v.Group.Epoch
	}
	before, verdict := s.verdicts[name], verdictOn(v, drain)
	s.verdicts[name], s.heardLead = verdict, now
	s.mu.Unlock()
	if a.Kind == plan.Propose {
		// What came of it the next look at the state shows.
		_, _ = s.decide(v, a)
		return
	}
	held := s.tendLevel(v)
	s.mu.Lock()
	verdict.Held = held
	s.verdicts[name] = verdict
	s.mu.Unlock()
	if verdict.Waits != before.Waits && verdict.Waits != "" {
		s.log.Warn("a group waits", "group", name, "epoch", v.Group.Epoch, "because", verdict.Waits)
	}
}

// decide has the quorum agree on a proposal, and tells of it.
func (s *Sentinel) decide(v plan.View, a plan.Action) (plan.Result, error) {
	name := v.Group.Name
	s.publishDecision(v, a)
	s.cfg.Steps.At(steps.Propose)
	result, err := s.quorum.propose(plan.Entry{Decision: &plan.Decision{Expect: v.Group.Epoch, Group: a.Group,
		Reason: a.Reason}})
	log := s.log.With("group", name, "epoch", a.Group.Epoch, "reason", a.Reason, "chain", plan.Labels(a.Group.Chain),
		"learners", plan.Labels(a.Group.Learners))
	switch {
	case err != nil:
		// It may be committed all the same; the next look at the state will show.
		log.Warn("decision not confirmed", "error", err)
	case result.Conflict:
		log.Info("decision came too late", "now", result.Epoch)
	case a.Cost != "":
		log.Warn("decided, at a possible cost", "cost", a.Cost)
	default:
		log.Info("decided")
	}
	if err == nil && !result.Conflict {
		s.cfg.Steps.At(steps.Decided)
		if len(a.Group.Chain) > len(v.Group.Chain) {
			s.cfg.Steps.At(steps.Appended)
		}
		s.publishDone(v, a)
	}
	return result, err
}

// verdictOn is what the other sentinels are told about a view.
func verdictOn(v plan.View, drain uint64) verdict {
	out := verdict{Epoch: v.Group.Epoch, Drain: drain, Waits: v.Waits()}
	for _, m := range plan.Members(v.Group) {
		if v.Odown(m) {
			out.Down = append(out.Down, m.Incarnation)
		}
	}
	if head, ok := v.Group.Head(); ok {
		out.Votes = v.Fenced[head.Incarnation]
	}
	return out
}

// watchDead notes since when a chain has had no member left. The caller holds mu.
func (s *Sentinel) watchDead(v plan.View, now time.Time) {
	dead := len(v.Group.Chain) > 0
	for _, m := range v.Group.Chain {
		dead = dead && v.Odown(m)
	}
	switch d := s.dead[v.Group.Name]; {
	case !dead:
		delete(s.dead, v.Group.Name)
	case d.since.IsZero() || d.epoch != v.Group.Epoch:
		s.dead[v.Group.Name] = inEpoch{epoch: v.Group.Epoch, since: now}
	}
}

// endHandover forgets a handover that is done or took too long. The caller holds mu.
func (s *Sentinel) endHandover(g cluster.Group, now time.Time) {
	h := s.handovers[g.Name]
	if h == nil {
		return
	}
	head, _ := g.Head()
	switch {
	case !head.Is(h.head):
		delete(s.handovers, g.Name)
	case now.After(h.expires):
		delete(s.handovers, g.Name)
		s.front.publish("-failover-abort-slave-timeout", masterPayload(g.Name, head.Addr))
		s.log.Warn("handover given up: the master did not drain in time", "group", g.Name)
	}
}

// askHandover begins a planned handover, on the leader.
func (s *Sentinel) askHandover(name, target string) error {
	if !s.quorum.isLeader() {
		return errNotLeader
	}
	voters := s.quorum.voters()
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.state.Group(name)
	head, chained := g.Head()
	switch {
	case !ok:
		return errNoSuchGroup
	case s.handovers[name] != nil:
		return errInProgress
	case !chained || len(g.Chain) < 2:
		return errNoGoodSlave
	}
	v := s.viewOf(name, voters, now)
	if v.Odown(head) {
		return errInProgress
	}
	successor := g.Chain[1]
	if target != "" {
		i := slices.IndexFunc(g.Chain, func(m cluster.Member) bool { return m.Name == target || m.Addr == target })
		if i <= 0 {
			return errNoGoodSlave
		}
		successor = g.Chain[i]
		target = successor.Name
	}
	if _, ok := v.Alive(successor); !ok {
		return errNoGoodSlave
	}
	timeout := time.Duration(g.Settings.FailoverTimeoutMs) * time.Millisecond
	s.handovers[name] = &handover{target: target, head: head, expires: now.Add(timeout)}
	s.cfg.Steps.At(steps.HandoverAsked)
	s.log.Info("handover asked for", "group", name, "from", head.Label(), "to", successor.Label())
	s.front.publish("+try-failover", masterPayload(name, head.Addr))
	wake(s.wakeLead)
	return nil
}

// tryBootstrap begins the Raft log once as many sentinels as expected see each other. The one with the lowest id does
// it, with the consent of all the others: each gives it to one sentinel only, and none that has a log already gives it.
func (s *Sentinel) tryBootstrap() {
	if !s.gossip.Joined() || s.isTorn() {
		return
	}
	peers := s.gossip.Peers()
	voters := []plan.Voter{{ID: s.id, Addr: s.raftAddr}}
	for _, p := range peers {
		if p.ID < s.id || p.Installation != "" {
			return // it is for that one to begin, or others have begun
		}
		voters = append(voters, plan.Voter{ID: p.ID, Addr: p.RaftAddr})
	}
	if len(voters) < s.cfg.BootstrapExpect || !s.consent(s.id, nil) {
		return
	}
	for _, p := range peers {
		if !s.askConsent(p) {
			return
		}
	}
	if err := s.quorum.bootstrap(voters); err != nil {
		s.log.Warn("cannot begin the log of the sentinels", "error", err)
		return
	}
	s.log.Info("began the log of the sentinels", "sentinels", len(voters))
}

// consent promises not to become a voter by anyone but that sentinel: only without a log of its own, and only once,
// unless the one it was promised to has gone, or can begin no log any more, as it is itself among those who vote in the
// asker's.
func (s *Sentinel) consent(to string, voters []string) bool {
	if !s.quorum.empty() || !s.gossip.Joined() || s.isTorn() {
		return false
	}
	given, err := s.cfg.Storage.get(keyPromise)
	if err != nil {
		s.log.Error("cannot read the storage", "error", err)
		return false
	}
	if string(given) == to {
		return true
	}
	held := slices.ContainsFunc(s.gossip.Peers(), func(p peer) bool { return p.ID == string(given) })
	if given != nil && held && !slices.Contains(voters, string(given)) {
		return false
	}
	if err := s.cfg.Storage.stable.Set(keyPromise, []byte(to)); err != nil {
		s.log.Debug("cannot store a promise", "error", err)
		return false
	}
	return true
}

// consentPatience bounds the question; it is asked again soon.
const consentPatience = 500 * time.Millisecond

func (s *Sentinel) askConsent(p peer) bool {
	ctx, cancel := context.WithTimeout(s.ctx, consentPatience)
	defer cancel()
	client, err := s.dialSentinel(ctx, p.ID, p.Addr)
	if err != nil {
		s.log.Debug("sentinel not reached", "id", p.ID, "addr", p.Addr, "error", err)
		return false
	}
	// The answer is all that was wanted.
	defer func() { _ = client.Close() }()
	question := []any{"HOLDFAST", "BOOTSTRAP", s.id}
	for _, v := range s.quorum.voters() {
		question = append(question, v.ID)
	}
	v, err := client.Do(ctx, question...)
	return err == nil && v.Int == 1
}

// hasPlace says whether a sentinel has a vote, or may be given one: the voter whose place it takes, if any, is removed.
// Who votes has its own place, wherever it has moved.
func (s *Sentinel) hasPlace(p peer, votes bool, voters []plan.Voter) bool {
	if !rules.ReplaceWiped || rules.OnlyNewReplace && votes {
		return true
	}
	return s.replace(p, voters) || votes
}

// tendVoters makes sentinels that have turned up voters, and publishes where clients reach each. Where each is for Raft
// the gossip says: the addresses in Raft's configuration stay those of the beginning. (To change one would make Raft
// read it while it writes it: raft 1.8.0, updateLastAppended.) It is the leader's work. One change a round; silent
// voters stay, as only a person can know that they won't return, unless somebody else is at their address.
func (s *Sentinel) tendVoters() {
	voters := s.quorum.voters()
	s.forget(voters)
	known := append([]peer{{ID: s.id, Addr: s.addr, RaftAddr: s.raftAddr}}, s.gossip.Peers()...)
	for _, p := range known {
		if s.isRemoved(p.ID) {
			if err := s.tellRemoved(p.ID, p.Addr); err != nil {
				s.log.Debug("a removed sentinel was not told", "id", p.ID, "addr", p.Addr, "error", err)
			}
			continue
		}
		votes := slices.ContainsFunc(voters, func(v plan.Voter) bool { return v.ID == p.ID })
		switch {
		case p.ID == s.id:
		case !votes && !s.askConsent(p) || !s.hasPlace(p, votes, voters):
			continue
		case !votes:
			if err := s.quorum.addVoter(plan.Voter{ID: p.ID, Addr: p.RaftAddr}); err != nil {
				s.log.Warn("cannot add a sentinel", "error", err)
				return
			}
			s.log.Info("sentinel has a vote", "id", p.ID, "raft", p.RaftAddr)
			voters = s.quorum.voters()
		}
		s.mu.Lock()
		current := s.state.Sentinels[p.ID]
		s.mu.Unlock()
		if current != p.Addr {
			if _, err := s.quorum.propose(
				plan.Entry{Sentinel: &plan.SentinelEntry{ID: p.ID, Addr: p.Addr}}); err != nil {
				s.log.Warn("cannot publish a sentinel's address", "error", err)
				return
			}
		}
	}
}

func (s *Sentinel) isRemoved(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Removed[id]
}

// raftAddrOf is where the Raft port of another sentinel is, as the gossip has it.
func (s *Sentinel) raftAddrOf(id string) (string, bool) {
	for _, p := range s.gossip.Peers() {
		if p.ID == id {
			return p.RaftAddr, true
		}
	}
	return "", false
}

// raftAddrElsewhere is where it says to be, if the gossip has it at another address still.
func (s *Sentinel) raftAddrElsewhere(id string) (string, bool) {
	p := s.gossip.Elsewhere(id)
	return p.RaftAddr, p.ID != ""
}

// sentinelAddr is where the client port of another sentinel is.
func (s *Sentinel) sentinelAddr(id string) (string, bool) {
	for _, p := range s.gossip.Peers() {
		if p.ID == id {
			return p.Addr, true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	addr, ok := s.state.Sentinels[id]
	return addr, ok
}
