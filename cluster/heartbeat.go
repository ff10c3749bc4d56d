package cluster

// Role is what a node believes it is in the epoch it has adopted.
type Role string

// The roles of a node.
const (
	RoleNone    Role = "none" // not yet in any chain
	RoleMaster  Role = "master"
	RoleReplica Role = "slave"
	RoleLearner Role = "learner"
)

// Heartbeat is what a node tells every sentinel, several times per down-after period and at once when something changed.
// It travels as JSON: HOLDFAST HEARTBEAT <json>.
type Heartbeat struct {
	Group      string `json:"group"`
	Member     Member `json:"member"`
	Seq        uint64 `json:"seq"`       // counts this node's heartbeats to this sentinel; the reply repeats it
	Epoch      uint64 `json:"epoch"`     // the newest epoch that the node has adopted
	LogEpoch   uint64 `json:"log_epoch"` // the newest in which it was a member of the chain, also before it restarted with its log
	Role       Role   `json:"role"`
	ReplID     string `json:"repl_id"`
	Offset     int64  `json:"offset"` // end of its log
	Commit     int64  `json:"commit"` // its commit point
	LinkUp     bool   `json:"link_up"`
	Upstream   Member `json:"upstream"`     // whom it follows now, when LinkUp
	LinkDownMs int64  `json:"link_down_ms"` // how long the link to the predecessor has been down; 0 when up
	Lease      bool   `json:"lease"`        // whether it holds its read lease
	Committing bool   `json:"committing"`   // master only: acknowledgements of its epoch reached it within the last down-after period
	Leaving    bool   `json:"leaving"`      // it was told to stop and waits to be let go
	Forming    bool   `json:"forming"`      // master only: it has just taken over, and the chain behind it has not said in this epoch what it holds
	Joining    Member `json:"joining"`      // tail only: the learner that holds all that was ever committed, and without which nothing more is in this epoch
	AckDelay   int64  `json:"ack_delay"`    // milliseconds for which the oldest byte that it holds has waited for the successor's word, or Joining's
	Unheard    int64  `json:"unheard"`      // milliseconds, at most AckDelay, for which the link to the successor, or Joining, has been silent
	StoreDelay int64  `json:"store_delay"`  // milliseconds for which the oldest byte of its log has waited for its own disk
	Floor      int    `json:"floor"`        // min-replicas-to-write: the chain is not made shorter for a slow member's sake than a master and that many
	Draining   uint64 `json:"draining"`     // the epoch in which it is about to pause its clients for a planned handover; 0 = it is not
	Drained    uint64 `json:"drained"`      // the epoch in which it has paused its clients and committed all; 0 = not drained
	Memory     int64  `json:"memory"`       // resident bytes
	Priority   int    `json:"priority"`
	Version    string `json:"version"`
}

// HeartbeatReply answers a Heartbeat.
type HeartbeatReply struct {
	Seq         uint64   `json:"seq"`
	Sentinel    string   `json:"sentinel"`            // id of the sentinel that answers
	Accepted    bool     `json:"accepted"`            // false: the sentinel has fenced the node in this epoch; the heartbeat extends no lease
	DownAfterMs int64    `json:"down_after_ms"`       // the sentinel won't fence the node within this time of having received the heartbeat
	Voters      int      `json:"voters"`              // how many sentinels there are; a lease needs a majority of them
	Drain       uint64   `json:"drain"`               // asks the master of this epoch to drain for a planned handover; 0 = no
	Group       *Group   `json:"group,omitempty"`     // the agreed group, when its epoch is newer than the node's
	Sentinels   []string `json:"sentinels,omitempty"` // client addresses of all known sentinels
	Removed     []string `json:"removed,omitempty"`   // ids of sentinels whose word does not count any more
}
