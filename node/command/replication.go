package command

import (
	"time"

	"holdfast/node/member"
	"holdfast/server/session"
)

// Replication is what commands ask of the node's part in replication, and do about it; member.Replication in a node. It
// needs the execution lock.
type Replication interface {
	// SendsAway reports that clients are better served elsewhere: the node was the master until a moment ago, or is
	// leaving.
	SendsAway() bool
	// Freshness says whether a replica may answer reads, given what the chain has confirmed to the client.
	Freshness(c member.Confirmation) member.Freshness
	// GoodReplicas counts replicas that acknowledged anything within the last lag seconds.
	GoodReplicas(lag int64) int
	// MayBeTold refuses to let anybody but the sentinels of a group say whom its members follow.
	MayBeTold() error
	// State describes the place in the chain, for ROLE and INFO.
	State() member.ReplicationInfo
	// ReplicaOf follows another server, or nobody when host is "". In a group the sentinels decide and it is refused.
	ReplicaOf(host string, port int) error
	// ServeReplica turns the session's connection into a replica's link (PSYNC); the reply is written by the link.
	ServeReplica(s *session.Session, id string, offset int64) error
	// Pause holds back clients' commands until the deadline; writesOnly lets reads through. The zero time ends it.
	Pause(until time.Time, writesOnly bool)
	// KillReplicas ends some of the links of replicas, and counts them.
	KillReplicas(which func(member.ReplicaState) bool) int
	// MasterAddr is where a replica's master is; in a group the head's. An empty host: not known, or this node itself.
	MasterAddr() (host string, port int)
	// AcceptReplica judges what a chain member says of itself in REPLCONF.
	AcceptReplica(s *session.Session, chain []byte) error
	// ConfirmEpoch judges a chain member's question whether its epoch still stands.
	ConfirmEpoch(s *session.Session, question []byte) error
	// ReplicaAcks counts replicas that have acknowledged offset.
	ReplicaAcks(offset int64) int
	// Unlink ends the link to the predecessor, so that nothing is appended, until relink is called, which needs no
	// lock.
	Unlink() (relink func())
	// ChangeReplicationID has the log go on under another id; refused in a group, whose members agree on it.
	ChangeReplicationID() error
}
