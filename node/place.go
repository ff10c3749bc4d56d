package node

import (
	"context"
	"net"
	"strconv"
	"time"

	"holdfast/cluster"
	"holdfast/internal/rules"
	"holdfast/internal/steps"
	"holdfast/node/member"
	"holdfast/replication"
	"holdfast/server/session"
)

// setPlace has everybody see where the node stands from here on. It needs the execution lock.
func (n *Node) setPlace(p member.Place) {
	n.agent.Stand(&p)
	if n.epochs.Adopted = 0; p.Position >= 0 && n.grouped() {
		n.epochs.Adopted = p.Epoch()
	}
	n.engine.NoteRole()
}

// adopt takes over a newer epoch of the group (rule 4: from here on nothing of an older one is accepted). Under the
// execution lock, so that every write belongs to one epoch.
func (n *Node) adopt(g cluster.Group) {
	n.persist.Rebuild.Lock() // nobody leads, nor follows anybody else, with data that is there in part
	defer n.persist.Rebuild.Unlock()
	turn := n.engine.BeginAlone()
	c, newer := n.agent.Adopt(g, n.engine.Broken() != nil)
	if !newer {
		turn.Commit()
		return
	}
	n.leavePlace(&c)
	n.agent.Enter(&c)
	switch {
	case !c.Follow:
	case n.follower == nil:
		n.followMember(&c.After)
	default:
		n.follower.SetEpoch(g.Epoch)
	}
	n.clientDrain.stop()
	n.confirms.reconsider()
	n.env.Push(n.endPause()...)
	n.setPlace(c.After) // now that all else belongs to it
	turn.Commit()
	after := &c.After
	n.steps.At(steps.AdoptedAs(string(after.Role())))
	n.logger.Info("adopted an epoch", "epoch", g.Epoch, "role", after.Role(), "position", after.Position, "following",
		after.Upstream.Addr, "offset", n.log.End())
	n.persist.NoteIdentity()
	n.agent.Adopted(&c)
}

// leavePlace does what a change of place asks for before the log goes by the new epoch. It needs the execution lock.
func (n *Node) leavePlace(c *member.Change) {
	if c.StepDown {
		n.stepDown()
	}
	if c.EndHeld {
		n.dropHeld("this node is not in the chain any more")
	}
	if c.Unfollow {
		n.stopFollowing()
	}
	if c.DropData {
		n.persist.DropData()
		n.engine.Mended()
	}
	if c.TakeOver {
		n.takeOver()
	}
	if c.NoteEpoch {
		n.epochs.Log.Store(c.After.Epoch())
	}
}

// takeOver makes a replica the master: it goes on with the log it has, under a new replication id. That holds for an
// empty log too, whose id the old master may have written under.
func (n *Node) takeOver() {
	n.persist.NewHistory()
	n.env.Effects.Reselect()
}

// stepDown makes a master a replica: what was not committed is never confirmed, and clients are sent away so that they
// look for the new master. Those that are blocked get no answer either: an error is nothing that clients try again
// after.
func (n *Node) stepDown() {
	n.deposedAt = time.Now()
	n.engine.LoseGates()
	n.env.Effects.Drop()
	clear(n.deferred)
	for _, s := range n.env.Clients.All() {
		s.Unpark()
		s.Abort("this node is no longer the master")
	}
}

// dropHeld ends the clients whose replies wait for the commit point of a chain that may go on without this node, and
// without the writes that they saw.
func (n *Node) dropHeld(reason string) {
	n.engine.LoseGates()
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
	applier *applier
	config  replication.FollowConfig
	cancel  context.CancelFunc
}

// followMember follows the predecessor in a chain. It needs the execution lock.
func (n *Node) followMember(p *member.Place) {
	host, port := splitAddr(n.self.Addr)
	c := replication.FollowConfig{
		Addr: p.Upstream.Addr, AnnounceIP: host, AnnouncePort: port, AckEvery: n.agent.NextAck,
		Chain: true, Group: p.Group.Name, Epoch: p.Epoch(), Member: n.self, Upstream: p.Upstream,
		Installation: n.identity.Installation(),
		Level:        n.features.Understood(),
	}
	if n.proof != nil {
		c.Prove = func(ctx context.Context, conn net.Conn) error { return n.proveTo(ctx, conn, p.Upstream) }
	} else {
		c.User, c.Password = n.settings.MasterUser(), n.settings.MasterAuth()
	}
	n.follow(c)
}

// follow starts to follow; it needs the execution lock.
func (n *Node) follow(c replication.FollowConfig) {
	a := &applier{n: n}
	n.engine.Follow(&a.source)
	c.Network, c.Log, c.Applier, c.Logger, c.Steps = n.network, n.log, a, n.logger, n.steps
	c.Timeout = n.replTimeout
	c.Loops = n.loops
	c.Traffic = &n.traffic
	up := false
	c.OnState = func(s replication.FollowStatus) {
		if now := s.DownSince.IsZero(); now != up { // what is in between tells the sentinels nothing
			up = now
			n.agent.Nudge()
		}
	}
	ctx, cancel := context.WithCancel(n.ctx)
	f := &following{Follower: replication.NewFollower(c), applier: a, config: c, cancel: cancel}
	a.of = f
	if err := n.engine.Broken(); err != nil {
		f.CopyAnew(err)
	}
	n.follower = f
	n.followed.Store(f)
	n.work.Go(func() { f.Run(ctx) })
}

// stopFollowing ends the link to the predecessor; not one more of its bytes is applied. It needs the execution lock.
func (n *Node) stopFollowing() {
	if n.follower != nil {
		if rules.FenceOldEpochs {
			n.follower.cancel()
		}
		n.engine.Follow(nil)
		n.follower = nil
		n.followed.Store(nil)
	}
}

// newFeeder serves those who follow this node.
func (n *Node) newFeeder() *replication.Feeder {
	return replication.NewFeeder(replication.FeederConfig{
		Log: n.log, Snapshots: &n.host, Random: randomBytes{newRand()}, Logger: n.logger, Steps: n.steps,
		Accept: n.mayFollow, Timeout: n.replTimeout, Loops: n.loops,
		Traffic: &n.traffic, OnAck: func() { n.env.AcksMoved() }, OnChange: func() { n.agent.Nudge() },
	})
}

// mayFollow judges a follower when its link begins; the epoch may have moved on since its REPLCONF.
func (n *Node) mayFollow(info replication.FollowerInfo) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !info.IsMember {
		return nil
	}
	g := n.place().Group
	return replication.Hello{Group: g.Name, Epoch: info.Epoch, Member: info.Member, To: n.self}.Check("", g, 0, n.self)
}

// AcceptReplica judges what a chain member says of itself in REPLCONF.
func (n *Node) AcceptReplica(s *session.Session, chain []byte) error {
	h, err := replication.ParseHello(chain)
	if err == nil {
		err = n.proven(s, h.Member)
	}
	if err != nil {
		return err
	}
	return n.place().MayFollow(h, n.identity.Installation(), n.features.Asked(), n.self)
}

// ServeReplica turns the session's connection into a replica's link.
func (n *Node) ServeReplica(s *session.Session, id string, offset int64) error {
	if n.grouped() && !n.place().InGroup() {
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
		n.engine.NoteRole()
		n.env.Effects.Reselect() // the log begins now
	}
	s.Hijack(func(conn net.Conn, buffered []byte) {
		err := n.feeder.ServeFollower(n.ctx, conn, buffered, info, ask)
		n.logger.Info("replica gone", "replica", net.JoinHostPort(info.IP, strconv.Itoa(info.ListeningPort)), "reason",
			err)
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
