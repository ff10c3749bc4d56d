package node

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"holdfast/internal/openfiles"
	"holdfast/node/command"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/replication"
	"holdfast/resp"
)

// This file answers what commands ask of the node around them: command.Node. All of it runs under the execution lock.

// SendsAway reports that clients are better served elsewhere: the node was the master until a moment ago, or is
// leaving.
func (n *Node) SendsAway() bool {
	return n.lease.Leaving() && !n.place().Master || !n.deposedAt.IsZero() && time.Since(n.deposedAt) < deposedGrace
}

// deposedGrace is how long clients may take to hear of a new master.
const deposedGrace = 2 * time.Second

// gated reports whether replies wait for the commit point: in a chain, and where the log is kept on disk; not those of
// a replica that is to answer with whatever it has.
func (n *Node) gated() bool {
	return (n.place().Master || !n.readsAny()) && (n.chained() || n.persist.Kept())
}

// readsAny reports whether replicas answer as Redis's do.
func (n *Node) readsAny() bool { return n.settings.ReplicaReadsAny() }

// chained reports whether the commit point is the chain's: in a group, unless its users chose ack-mode async.
func (n *Node) chained() bool { return n.grouped() && n.settings.AckChain() }

// Freshness says whether a replica may answer reads. In a group one without a place in the chain must not, and one
// without a lease cannot know whether the chain goes on without it. Outside, and where users want no more than that,
// Redis's replica-serve-stale-data decides.
func (n *Node) Freshness(c command.Confirmation) command.Freshness {
	switch {
	case !n.grouped() || n.readsAny():
		if !n.linked() && !n.settings.ReplicaServeStaleData() {
			return command.Stale
		}
	case !n.place().InChain():
		return command.Stale
	case n.chained() && !n.place().MayAnswer(n.lease.Valid(), c.Epoch):
		if c.Refused {
			return command.Stale
		}
		return command.Unknown
	}
	return command.Fresh
}

// linked reports whether a replica is in touch with whom it follows.
func (n *Node) linked() bool {
	return n.follower != nil && n.follower.Status().State == replication.FollowConnected
}

// GoodReplicas counts replicas that acknowledged anything within the last lag seconds. In a chain every member
// acknowledges every write, so all of them count.
func (n *Node) GoodReplicas(lag int64) int {
	if n.chained() {
		return len(n.place().Group.Chain) - 1
	}
	return n.feeder.Good(time.Duration(lag) * time.Second)
}

// Replication describes the place in the chain.
func (n *Node) Replication() command.ReplicationInfo {
	log := n.log.Info()
	n.countLinks()
	info := command.ReplicationInfo{
		Master: n.place().Master, Priority: int(n.settings.Int("replica-priority")),
		ID: log.ID, ID2: log.SecondID, Offset: log.Offset, Offset2: log.SecondOffset,
		Commit: n.log.Commit(), Epoch: n.place().Epoch(), Chain: n.place().Position + 1, Lease: n.lease.Valid(),
		BacklogActive: n.logging() || !n.place().Master, BacklogSize: n.settings.ReplBacklogSize(),
		BacklogFirst: log.FirstByte, BacklogLen: log.HistoryLen,
	}
	if n.grouped() {
		info.Group = n.settings.Group()
	}
	if !info.Master {
		n.describeLink(&info)
	}
	for _, f := range n.feeder.Followers() {
		r := command.ReplicaState{Addr: f.Info.IP, Port: f.Info.ListeningPort, State: string(f.State), Offset: f.Offset}
		if f.Lag > 0 {
			r.Lag = int64(f.Lag / time.Second)
		}
		info.Replicas = append(info.Replicas, r)
	}
	return info
}

// countLinks moves what the links have counted into INFO's counters. It needs the execution lock.
func (n *Node) countLinks() {
	s, t := n.env.Stats, &n.traffic
	s.SyncFull += t.Full.Swap(0)
	s.SyncPartialOK += t.PartialOK.Swap(0)
	s.SyncPartialErr += t.PartialErr.Swap(0)
	in, out := t.Received.Swap(0), t.Sent.Swap(0)
	s.ReplInput += in
	s.ReplOutput += out
	s.NetInput += in + t.Answered.Swap(0)
	s.NetOutput += out + t.Asked.Swap(0)
}

// describeLink fills in the replica's side: chains are invisible to clients, so in a group every replica names the
// head.
func (n *Node) describeLink(info *command.ReplicationInfo) {
	info.LinkState = string(replication.FollowConnect)
	if head, ok := n.place().Group.Head(); ok {
		info.MasterHost, info.MasterPort = splitAddr(head.Addr)
	} else {
		info.MasterHost, info.MasterPort = splitAddr(n.place().Upstream.Addr)
	}
	if n.follower == nil {
		return
	}
	s := n.follower.Status()
	info.LinkState, info.SyncTotal, info.SyncRead = string(s.State), max(s.SyncTotal, 0), s.SyncRead
	info.SyncInProgress = s.State == replication.FollowSync
	if !s.DownSince.IsZero() {
		info.LinkDown = time.Since(s.DownSince)
	}
	if !s.LastIO.IsZero() {
		info.LastIO = time.Since(s.LastIO)
	}
}

const errGoverned = resp.Error(
	"ERR the sentinels of this group decide who is master: use SENTINEL FAILOVER, or holdfast failover")

// ReplicaAcks counts replicas that have acknowledged offset: those that follow this node, and in a chain, where only
// one does, all members behind it once the offset is committed.
func (n *Node) ReplicaAcks(offset int64) int {
	acked := n.feeder.Acked(offset)
	if n.chained() && n.place().Master && n.log.Commit() >= offset {
		acked = max(acked, len(n.place().Group.Chain)-1)
	}
	return acked
}

// ReplicaOf follows another server, or nobody when host is "".
func (n *Node) ReplicaOf(host string, port int) error {
	if n.grouped() {
		return errGoverned
	}
	defer n.engine.StandStill()()
	n.stopFollowing()
	if host == "" {
		if !n.place().Master {
			n.setPlace(member.Alone(true))
			n.takeOver()
			n.engine.NoteRole()
		}
		return nil
	}
	for _, s := range n.env.Clients.All() {
		n.sendAway(s)
	}
	if !n.env.Effects.Empty() { // of the same transaction: the data has them
		n.engine.Append()
	}
	addr := joinAddr(host, port)
	n.setPlace(member.Following(addr))
	n.engine.NoteRole()
	n.feeder.DropAll(engine.ErrSuperseded) // they must learn the new history
	_, own := splitAddr(n.self.Addr)
	n.follow(replication.FollowConfig{Addr: addr, AnnounceIP: n.settings.AnnounceIP(), AnnouncePort: own})
	return nil
}

var errKilled = errors.New("CLIENT KILL")

// KillReplicas ends the links of replicas, and counts them. They come back by themselves.
func (n *Node) KillReplicas() int {
	return n.feeder.Drop(errKilled, func(replication.FollowerStatus) bool { return true })
}

// SaveAtEnd saves once more before a signal ends the process, where save points are set or shutdown-on-sigint or
// -sigterm says so.
func (n *Node) SaveAtEnd(interrupt bool) error {
	if !n.persist.MustSave(n.settings.ShutdownOn(interrupt)) {
		return nil
	}
	return n.persist.SaveLast()
}

// ErrInterrupted is what Start answers when the node was told to end before its data was loaded. What is on disk is as
// it was.
var ErrInterrupted = persist.ErrInterrupted

// Interrupt has a load that is under way end at once: Start then answers ErrInterrupted. A node that has its data does
// not notice.
func (n *Node) Interrupt() { n.loader.Interrupt() }

// newRand is a source seeded by the system, for what need not be reproducible.
func newRand() *rand.Rand { return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) }

// onSettings has the settings that other parts keep a copy of follow CONFIG SET.
func (n *Node) onSettings() {
	n.settings.OnChange("repl-backlog-size", func(_, _ string) error {
		n.log.SetLimits(n.settings.ReplBacklogSize(), 0)
		return nil
	})
	n.settings.OnChange("maxmemory", func(_, _ string) error {
		n.limitHeap()
		return nil
	})
	n.limitHeap()
	n.settings.OnChange("maxclients", func(_, _ string) error {
		want := n.settings.MaxClients()
		if fit, err := n.fitClients(); err != nil || fit < want {
			return openfiles.TooMany(fit)
		}
		return nil
	})
	n.settings.OnChange("appendonly", func(_, now string) error {
		defer n.engine.NoteRole()
		return n.persist.Keep(now == "yes")
	})
	n.settings.OnChange("ack-mode", func(_, _ string) error {
		n.agent.SetChain()
		n.engine.NoteRole()
		return nil
	})
	n.settings.OnChange("replica-read", func(_, _ string) error {
		n.confirms.reconsider()
		n.engine.NoteRole()
		return nil
	})
	for _, fixed := range []string{"port", "bind"} {
		n.settings.OnChange(fixed, func(_, _ string) error { return errFixed })
	}
	n.settings.OnChange("dir", func(_, now string) error { return n.staysIn(now) })
}

// staysIn refuses another directory than the one that the node has locked, and has its files in.
func (n *Node) staysIn(dir string) error {
	if n.env.Process.Stat == nil {
		return errDirFixed
	}
	there, err := n.env.Process.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("No such file or directory")
	case err != nil:
		return err
	case !there.IsDir():
		return errors.New("Not a directory")
	case n.dir == nil:
		return errDirFixed
	}
	if here, err := n.dir.Stat("."); err != nil || !os.SameFile(here, there) {
		return errDirFixed
	}
	return nil
}

var errDirFixed = errors.New(
	"The node keeps its directory, which it has locked, while it runs: restart it with another --dir")

var errFixed = errors.New("Unable to listen on this port while the node runs: restart it")

// ChangeReplicationID has the log go on under another id.
func (n *Node) ChangeReplicationID() error {
	if n.grouped() {
		return errAgreedID
	}
	n.persist.NewHistory()
	return nil
}

const errAgreedID = resp.Error("ERR the members of a group agree on the replication id")
