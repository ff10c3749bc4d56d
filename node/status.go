package node

import (
	"errors"
	"math/rand/v2"
	"time"

	"holdfast/node/command"
	"holdfast/replication"
	"holdfast/resp"
)

// This file answers what commands ask of the node around them: command.Node. All of it runs under the execution lock.

// IsMaster reports whether writes are accepted here.
func (n *Node) IsMaster() bool { return n.place.master }

// SendsAway reports that clients are better served elsewhere: the node was the master until a moment ago, or is leaving.
func (n *Node) SendsAway() bool {
	return n.leaving.Load() && !n.place.master || !n.deposedAt.IsZero() && time.Since(n.deposedAt) < deposedGrace
}

// deposedGrace is how long clients may take to hear of a new master.
const deposedGrace = 2 * time.Second

// Gated reports whether replies wait for the commit point: in a chain, and where the log is kept on disk; not those of a replica that is
// to answer with whatever it has.
func (n *Node) Gated() bool {
	return (n.place.master || !n.readsAny()) && (n.chained() || n.disk() != nil)
}

// readsAny reports whether replicas answer as Redis's do.
func (n *Node) readsAny() bool { return n.settings.ReplicaReadsAny() }

// chained reports whether the commit point is the chain's: in a group, unless its users chose ack-mode async.
func (n *Node) chained() bool { return n.grouped() && n.settings.AckChain() }

// Freshness says whether a replica may answer reads. In a group one without a place in the chain must not, and one without a lease
// cannot know whether the chain goes on without it. Outside, and where users want no more than that, Redis's
// replica-serve-stale-data decides.
func (n *Node) Freshness(c command.Confirmation) command.Freshness {
	switch {
	case !n.grouped() || n.readsAny():
		if !n.linked() && !n.settings.ReplicaServeStaleData() {
			return command.Stale
		}
	case n.place.position < 0:
		return command.Stale
	case n.chained() && !n.lease.valid() && c.Epoch != n.place.group.Epoch:
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

// Loading reports a data set that is being loaded.
func (n *Node) Loading() bool { return n.loading }

// GoodReplicas counts replicas that acknowledged anything within the last lag seconds. In a chain every member acknowledges
// every write, so all of them count.
func (n *Node) GoodReplicas(lag int64) int {
	if n.chained() {
		return len(n.place.group.Chain) - 1
	}
	return n.feeder.Good(time.Duration(lag) * time.Second)
}

// Replication describes the place in the chain.
func (n *Node) Replication() command.ReplicationInfo {
	log := n.log.Info()
	n.countLinks()
	info := command.ReplicationInfo{
		Master: n.place.master, Priority: int(n.settings.Int("replica-priority")),
		ID: log.ID, ID2: log.SecondID, Offset: log.Offset, Offset2: log.SecondOffset,
		Commit: n.log.Commit(), Epoch: n.place.group.Epoch, Chain: n.place.position + 1, Lease: n.lease.valid(),
		BacklogActive: n.logging() || !n.place.master, BacklogSize: n.settings.ReplBacklogSize(),
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

// describeLink fills in the replica's side: chains are invisible to clients, so in a group every replica names the head.
func (n *Node) describeLink(info *command.ReplicationInfo) {
	info.LinkState = string(replication.FollowConnect)
	if head, ok := n.place.group.Head(); ok {
		info.MasterHost, info.MasterPort = splitAddr(head.Addr)
	} else {
		info.MasterHost, info.MasterPort = splitAddr(n.place.upstream.Addr)
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

// The refusals of REPLICAOF and SHUTDOWN.
const (
	errGoverned   = resp.Error("ERR the sentinels of this group decide who is master: use SENTINEL FAILOVER, or holdfast failover")
	errNoShutdown = resp.Error("ERR No shutdown in progress.")
	errSaveFailed = resp.Error("ERR Errors trying to SHUTDOWN. Check logs.")
)

// ReplicaOf follows another server, or nobody when host is "".
func (n *Node) ReplicaOf(host string, port int) error {
	if n.grouped() {
		return errGoverned
	}
	n.stopFollowing()
	if host == "" {
		if !n.place.master {
			n.place = place{master: true}
			n.takeOver()
		}
		return nil
	}
	for _, s := range n.env.Clients.All() {
		n.sendAway(s)
	}
	addr := joinAddr(host, port)
	n.place = place{position: -1}
	n.place.upstream.Addr = addr
	n.env.Effects.Drop()
	n.feeder.DropAll(errSuperseded) // they must learn the new history
	_, own := splitAddr(n.self.Addr)
	n.follow(replication.FollowConfig{Addr: addr, AnnounceIP: n.settings.AnnounceIP(), AnnouncePort: own})
	return nil
}

var errKilled = errors.New("CLIENT KILL")

// KillReplicas ends the links of replicas, and counts them. They come back by themselves.
func (n *Node) KillReplicas() int {
	return n.feeder.Drop(errKilled, func(replication.FollowerStatus) bool { return true })
}

// Shutdown stops the process.
func (n *Node) Shutdown(o command.ShutdownOptions) error {
	wanted := o.Save || !o.NoSave && len(n.settings.SavePoints()) > 0 && !n.grouped()
	if wanted && n.dir != nil {
		if err := n.Save(); err != nil && !o.Force {
			n.logger.Error("not shutting down: the data could not be saved; SHUTDOWN NOSAVE or FORCE ends without", "err", err)
			return errSaveFailed
		}
	}
	n.exitOnce.Do(func() { close(n.exit) })
	return nil
}

// AbortShutdown cancels a shutdown that waits.
func (n *Node) AbortShutdown() error { return errNoShutdown }

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
	n.settings.OnChange("appendonly", func(_, now string) error { return n.keepLog(now == "yes") })
	n.settings.OnChange("ack-mode", func(_, _ string) error {
		n.setChain()
		return nil
	})
	n.settings.OnChange("replica-read", func(_, _ string) error {
		n.confirms.reconsider()
		return nil
	})
	for _, fixed := range []string{"port", "bind"} {
		n.settings.OnChange(fixed, func(_, _ string) error { return errFixed })
	}
}

var errFixed = errors.New("Unable to listen on this port while the node runs: restart it")

// ChangeReplicationID has the log go on under another id.
func (n *Node) ChangeReplicationID() error {
	if n.grouped() {
		return errAgreedID
	}
	n.newHistory()
	return nil
}

const errAgreedID = resp.Error("ERR the members of a group agree on the replication id")
