package command

import (
	"time"

	"holdfast/server/session"
)

// Replicas is what commands do about those whom the node follows, and who follow it.
type Replicas interface {
	// Replication describes the place in the chain, for ROLE and INFO.
	Replication() ReplicationInfo
	// ReplicaOf follows another server, or nobody when host is "". In a group the sentinels decide and it is refused.
	ReplicaOf(host string, port int) error
	// ServeReplica turns the session's connection into a replica's link (PSYNC); the reply is written by the link.
	ServeReplica(s *session.Session, id string, offset int64) error
	// Pause holds back clients' commands until the deadline; writesOnly lets reads through. The zero time ends it.
	Pause(until time.Time, writesOnly bool)
	// KillReplicas ends the links of replicas, and counts them.
	KillReplicas() int
	// AcceptReplica judges what a chain member says of itself in REPLCONF.
	AcceptReplica(s *session.Session, chain []byte) error
	// ConfirmEpoch judges a chain member's question whether its epoch still stands.
	ConfirmEpoch(s *session.Session, question []byte) error
	// ReplicaAcks counts replicas that have acknowledged offset.
	ReplicaAcks(offset int64) int
	// ChangeReplicationID has the log go on under another id; refused in a group, whose members agree on it.
	ChangeReplicationID() error
}

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
