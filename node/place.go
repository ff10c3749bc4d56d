package node

import (
	"context"
	"net"
	"strconv"
	"time"

	"holdfast/cluster"
	"holdfast/node/session"
	"holdfast/replication"
)

// place is where the node stands: in the chain of the epoch it has adopted, or, outside a group, whose replica it is.
type place struct {
	master   bool
	group    cluster.Group // adopted; epoch 0: none yet
	position int           // in the chain, 0 is the head; -1: not in it
	learner  bool
	upstream cluster.Member // whom it follows; Addr is empty for nobody
	joining  cluster.Member // tail only: the learner whose acknowledgements count already
}

// in reports whether the adopted group knows this incarnation.
func (p place) in() bool { return p.position >= 0 || p.learner }

// dispensable reports that a node that wants to leave may: nobody counts on it, or nobody could take over.
func (p place) dispensable() bool { return !p.in() || p.master && len(p.group.Chain) == 1 }

func placeIn(g cluster.Group, self cluster.Member) place {
	p := place{group: g, position: g.Position(self), learner: g.IsLearner(self)}
	p.master = p.position == 0
	p.upstream, _ = g.Predecessor(self)
	return p
}

func (p place) role() cluster.Role {
	switch {
	case p.master:
		return cluster.RoleMaster
	case p.position > 0:
		return cluster.RoleReplica
	case p.learner:
		return cluster.RoleLearner
	}
	return cluster.RoleNone
}

// adopt takes over a newer epoch of the group (rule 4: from here on nothing of an older one is accepted). Under the
// execution lock, so that every write belongs to one epoch.
func (n *Node) adopt(g cluster.Group) {
	n.mu.Lock()
	if g.Name != n.settings.Group() || g.Epoch <= n.place.group.Epoch {
		n.mu.Unlock()
		return
	}
	before, after := n.place, placeIn(g, n.self)
	n.place = after
	n.lease.inChain.Store(after.position >= 0)
	if before.master && !after.master {
		n.stepDown()
	}
	if before.position >= 0 && after.position < 0 {
		n.dropHeld("this node is not in the chain any more")
	}
	if before.upstream != after.upstream {
		n.stopFollowing()
	}
	if after.master && !before.master {
		n.takeOver()
	}
	if after.position >= 0 {
		n.logEpoch.Store(g.Epoch)
	}
	n.setChain()
	if !before.master || !after.master {
		n.forming.Store(after.master && !n.log.HeldBySuccessor())
	}
	forming := n.forming.Load()
	switch {
	case after.upstream.Addr == "":
	case n.follower == nil:
		n.followMember(after)
	default:
		n.follower.SetEpoch(g.Epoch)
	}
	n.parting.stop()
	n.pause.drain = time.Time{}
	n.draining.Store(false)
	n.confirms.reconsider()
	woken := append(n.endPause(), n.stagePushed()...)
	n.mu.Unlock()
	for _, s := range woken {
		s.Wake()
	}
	n.logger.Info("adopted an epoch", "epoch", g.Epoch, "role", after.role(), "position", after.position, "following", after.upstream.Addr, "offset", n.log.End())
	n.noteIdentity()
	n.agent.adopted(after)
	if forming {
		time.AfterFunc(formingMax, n.formed)
	}
}

// noteIdentity has the log's new name or epoch brought to disk now, not by the next write, which would wait for it.
func (n *Node) noteIdentity() {
	if d := n.disk(); d != nil {
		n.work.Go(d.force)
	}
}

// setChain has the log wait for the acknowledgements of whoever it has to in the adopted epoch; those that came already count. It needs
// the execution lock.
func (n *Node) setChain() {
	g, p := n.place.group, n.place
	successor, ok := g.Successor(n.self)
	if p.joining != (cluster.Member{}) {
		successor, ok = p.joining, true
	}
	n.log.SetChain(g.Epoch, successor, ok && n.settings.AckChain())
	n.feeder.SetEpoch(g.Epoch, n.follows)
}

// follows reports whether a member follows this node in the adopted group.
func (n *Node) follows(m cluster.Member) bool {
	p, ok := n.place.group.Predecessor(m)
	return ok && p.Is(n.self)
}

// letJoin has the tail commit nothing more without a learner that has nearly caught up. Only then may an epoch append that
// one to the chain (rule 6): were it appended first, the members before it could go on committing without it until they learn of the
// epoch, and if they died then, it would be promoted and lack what they had confirmed. There is no way back within the epoch:
// a learner that dies is taken out by another one. It needs the execution lock.
func (n *Node) letJoin() {
	p := &n.place
	if p.position < 0 || p.position != len(p.group.Chain)-1 || p.joining != (cluster.Member{}) || len(p.group.Learners) == 0 {
		n.pace = nil
		return
	}
	followers := n.feeder.Followers()
	n.keepPace(followers)
	for _, f := range followers {
		if f.State != replication.LinkOnline || f.AckEpoch != p.group.Epoch || !p.group.IsLearner(f.Info.Member) || n.log.End()-f.Held > lagMax || !n.provenFast(f.Info.Member) {
			continue
		}
		p.joining = f.Info.Member
		n.setChain()
		return
	}
}

// unheard is for how long nothing has come over the link from whom the oldest byte waits for, which is to be heard every ackEvery; no longer
// than it has waited. It needs the execution lock.
func (n *Node) unheard(waited time.Duration) time.Duration {
	if waited == 0 {
		return 0
	}
	from, ok := n.place.group.Successor(n.self)
	if !ok {
		from = n.place.joining
	}
	for _, f := range n.feeder.Followers() {
		if !f.Info.Member.Is(from) {
			continue
		}
		silence := f.Lag
		if silence < 0 {
			silence = time.Since(f.Since)
		}
		waited = min(waited, silence)
	}
	return waited
}

// keepPace notes since when each follower that was slow has kept pace: what it lacks has never been there for long. It needs
// the execution lock.
func (n *Node) keepPace(followers []replication.FollowerStatus) {
	g := n.place.group
	since := map[string]time.Time{}
	for _, f := range followers {
		m := f.Info.Member
		if g.Probation(m.Name) == 0 || f.State != replication.LinkOnline || f.Delay > g.Settings.ChainSlow()/paceShare {
			continue
		}
		since[m.Incarnation] = time.Now()
		if old, ok := n.pace[m.Incarnation]; ok {
			since[m.Incarnation] = old
		}
	}
	n.pace = since
}

// paceShare of chain-slow-timeout is the longest that a learner on probation may leave a byte unacknowledged.
const paceShare = 8

// provenFast says whether a learner was never slow, or has kept pace for long enough since. It needs the execution lock.
func (n *Node) provenFast(m cluster.Member) bool {
	need := n.place.group.Probation(m.Name)
	since, ok := n.pace[m.Incarnation]
	return need == 0 || ok && time.Since(since) >= need
}

// lagMax is how many bytes a learner may be behind for the chain to wait for it: about a millisecond of writes.
const lagMax = 1 << 20

// takeOver makes a replica the master: it goes on with the log it has, under a new replication id. That holds for an empty log
// too, whose id the old master may have written under.
func (n *Node) takeOver() {
	n.newHistory()
	n.env.Effects.Reselect()
}

// newHistory gives the log another id from here on.
func (n *Node) newHistory() {
	id, err := replication.NewID(randomBytes{n.env.Rand})
	if err != nil {
		panic(err) // the node's own source of randomness does not fail
	}
	n.log.ContinueAs(id)
}

// stepDown makes a master a replica: what was not committed is never confirmed, and clients are sent away so that they
// look for the new master.
func (n *Node) stepDown() {
	n.deposedAt = time.Now()
	n.env.Effects.Drop()
	clear(n.deferred)
	for _, s := range n.env.Clients.All() {
		if !n.sendAway(s) {
			s.Unpark()
			s.Abort("this node is no longer the master")
		}
	}
	n.waits = nil
}

// dropHeld ends the clients whose replies wait for the commit point of a chain that may go on without this node, and without the
// writes that they saw.
func (n *Node) dropHeld(reason string) {
	for _, s := range n.env.Clients.All() {
		if s.Gate > 0 || !s.Out.Idle() {
			s.Unpark()
			s.Abort(reason)
		}
	}
}

// following is one run of a follower. Its applier is refused as soon as the node follows somebody else.
type following struct {
	*replication.Follower
	cancel context.CancelFunc
	done   chan struct{}
}

// followMember follows the predecessor in a chain. It needs the execution lock.
func (n *Node) followMember(p place) {
	host, port := splitAddr(n.self.Addr)
	n.follow(replication.FollowConfig{
		Addr: p.upstream.Addr, AnnounceIP: host, AnnouncePort: port, AckEvery: n.agent.ackEvery,
		Chain: true, Group: p.group.Name, Epoch: p.group.Epoch, Member: n.self, Upstream: p.upstream,
	})
}

// follow starts to follow; it needs the execution lock.
func (n *Node) follow(c replication.FollowConfig) {
	a := &applier{n: n}
	c.Network, c.Log, c.Applier, c.Logger = n.network, n.log, a, n.logger
	c.User, c.Password = n.settings.MasterUser(), n.settings.MasterAuth()
	c.Timeout = n.replTimeout
	c.Ports = n.loops.port
	c.Traffic = &n.traffic
	up := false
	c.OnState = func(s replication.FollowStatus) {
		if now := s.DownSince.IsZero(); now != up { // what is in between tells the sentinels nothing
			up = now
			n.agent.nudge()
		}
	}
	ctx, cancel := context.WithCancel(n.ctx)
	f := &following{Follower: replication.NewFollower(c), cancel: cancel, done: make(chan struct{})}
	a.of = f
	n.follower = f
	n.work.Go(func() {
		defer close(f.done)
		f.Run(ctx)
	})
}

// stopFollowing ends the link to the predecessor; not one more of its bytes is applied. It needs the execution lock.
func (n *Node) stopFollowing() {
	if n.follower != nil {
		n.follower.cancel()
		n.follower = nil
	}
}

// newFeeder serves those who follow this node.
func (n *Node) newFeeder() *replication.Feeder {
	return replication.NewFeeder(replication.FeederConfig{
		Log: n.log, Snapshots: n, Random: randomBytes{newRand()}, Logger: n.logger,
		Accept: n.mayFollow, Timeout: n.replTimeout, Ports: n.loops.port,
		Traffic: &n.traffic, OnAck: n.acksMoved, OnChange: func() { n.agent.nudge() },
	})
}

// mayFollow judges a follower when its link begins; the epoch may have moved on since its REPLCONF.
func (n *Node) mayFollow(info replication.FollowerInfo) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !info.IsMember {
		return nil
	}
	return replication.Hello{Group: n.place.group.Name, Epoch: info.Epoch, Member: info.Member, To: n.self}.
		Check(n.place.group.Name, n.place.group.Epoch, n.self)
}

// AcceptReplica judges what a chain member says of itself in REPLCONF.
func (n *Node) AcceptReplica(chain []byte) error {
	h, err := replication.ParseHello(chain)
	if err != nil {
		return err
	}
	g := n.place.group
	if err := h.Check(g.Name, g.Epoch, n.self); err != nil {
		return err
	}
	if p, ok := g.Predecessor(h.Member); !ok || !p.Is(n.self) {
		return errNotSuccessor
	}
	return nil
}

// ServeReplica turns the session's connection into a replica's link.
func (n *Node) ServeReplica(s *session.Session, id string, offset int64) error {
	if n.grouped() && !n.place.in() {
		return errNoMasterLink
	}
	info := replication.FollowerInfo{
		IP: s.Replica.IP, ListeningPort: s.Replica.ListeningPort,
		CapaEOF: s.Replica.EOF, CapaPSYNC2: s.Replica.PSync2, PlainSync: id == "",
	}
	if info.IP == "" {
		info.IP, _, _ = net.SplitHostPort(s.Addr)
	}
	if len(s.Replica.Chain) > 0 {
		h, err := replication.ParseHello(s.Replica.Chain)
		if err != nil {
			return err
		}
		info.IsMember, info.Epoch, info.Member = true, h.Epoch, h.Member
	}
	ask, _ := replication.ParsePSYNC(id, strconv.FormatInt(offset, 10))
	if !n.backlog {
		n.backlog = true
		n.env.Effects.Reselect() // the log begins now
	}
	s.Hijack(func(conn net.Conn, buffered []byte) {
		err := n.feeder.ServeFollower(n.ctx, conn, buffered, info, ask)
		n.logger.Info("replica gone", "replica", net.JoinHostPort(info.IP, strconv.Itoa(info.ListeningPort)), "reason", err)
	})
	return nil
}

func joinAddr(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func splitAddr(addr string) (host string, port int) {
	host, p, _ := net.SplitHostPort(addr)
	port, _ = strconv.Atoi(p)
	return host, port
}

func (n *Node) replTimeout() time.Duration {
	return time.Duration(n.settings.ReplTimeout()) * time.Second
}
