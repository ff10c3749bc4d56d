package member

import (
	"time"

	"holdfast/replication"
)

// ReplicationInfo is a node's place in the chain.
type ReplicationInfo struct {
	Master bool
	// a replica's master: in a group always the head, whoever it really follows
	MasterHost                            string
	MasterPort                            int
	LinkState                             string        // connect, connecting, sync, connected: as ROLE names it
	LinkDown                              time.Duration // how long the link has been down
	LastIO                                time.Duration
	SyncInProgress                        bool
	SyncTotal, SyncRead                   int64 // bytes of a full sync: 0 while not known, and received so far
	Priority                              int
	ID, ID2                               string
	Offset                                int64 // end of the log
	Offset2                               int64 // second_repl_offset
	Commit                                int64
	Epoch                                 uint64
	Group                                 string
	Chain                                 int // place in the chain, 1 = master; 0 = not in one
	Lease                                 bool
	BacklogActive                         bool
	BacklogSize, BacklogFirst, BacklogLen int64
	Replicas                              []ReplicaState
}

// ReplicaState is one replica that follows this node.
type ReplicaState struct {
	Addr   string
	Port   int
	State  string // wait_bgsave, send_bulk, online
	Offset int64
	Lag    int64 // seconds since its last acknowledgement
}

// State describes the place in the chain.
func (r *Replication) State() ReplicationInfo {
	log := r.Log.Info()
	info := ReplicationInfo{
		Master: r.Place().Master, Priority: int(r.Settings.Int("replica-priority")),
		ID: log.ID, ID2: log.SecondID, Offset: log.Offset, Offset2: log.SecondOffset,
		Commit: r.Log.Commit(), Epoch: r.Place().Epoch(), Chain: r.Place().Position + 1, Lease: r.Lease.Valid(),
		BacklogActive: r.logging() || !r.Place().Master, BacklogSize: r.Settings.ReplBacklogSize(),
		BacklogFirst: log.FirstByte, BacklogLen: log.HistoryLen,
	}
	if r.Grouped {
		info.Group = r.Settings.Group()
	}
	if !info.Master {
		r.describeLink(&info)
	}
	for _, f := range r.Feeder.Followers() {
		info.Replicas = append(info.Replicas, asReplicaState(f))
	}
	return info
}

func asReplicaState(f replication.FollowerStatus) ReplicaState {
	state := ReplicaState{Addr: f.Info.IP, Port: f.Info.ListeningPort, State: string(f.State), Offset: f.Offset}
	if f.Lag > 0 {
		state.Lag = int64(f.Lag / time.Second)
	}
	return state
}

// MasterAddr is where a replica's master is: chains are invisible to clients, so in a group every replica names the
// head. An empty host: it is not known, or this node is the master.
func (r *Replication) MasterAddr() (host string, port int) {
	p := r.Place()
	if p.Master || p.Position == 0 && p.Epoch() > 0 {
		return "", 0
	}
	head, ok := p.Group.Head()
	if !ok {
		head = p.Upstream
	}
	if head.Addr == "" {
		return "", 0
	}
	return splitAddr(head.Addr)
}

// describeLink fills in the replica's side.
func (r *Replication) describeLink(info *ReplicationInfo) {
	info.LinkState = string(replication.FollowConnect)
	info.MasterHost, info.MasterPort = r.MasterAddr()
	if r.following == nil {
		return
	}
	s := r.following.Status()
	info.LinkState, info.SyncTotal, info.SyncRead = string(s.State), max(s.SyncTotal, 0), s.SyncRead
	info.SyncInProgress = s.State == replication.FollowSync
	if !s.DownSince.IsZero() {
		info.LinkDown = time.Since(s.DownSince)
	}
	if !s.LastIO.IsZero() {
		info.LastIO = time.Since(s.LastIO)
	}
}
