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

// Heartbeat is what a node tells every sentinel, several times per down-after period and at once when something
// changed. It travels as JSON: HOLDFAST HEARTBEAT <json>.
type Heartbeat struct {
	Group  string `json:"group"`
	Member Member `json:"member"`
	Seq    uint64 `json:"seq"`   // counts this node's heartbeats to this sentinel; the reply repeats it
	Epoch  uint64 `json:"epoch"` // the newest epoch that the node has adopted
	// the newest in which it was a member of the chain, also before it restarted with its log
	LogEpoch uint64 `json:"log_epoch"`
	Role     Role   `json:"role"`
	ReplID   string `json:"repl_id"`
	Offset   int64  `json:"offset"` // end of its log
	Commit   int64  `json:"commit"` // its commit point
	// it acknowledges writes before others have them (ack-mode async): its commit point says nothing of them
	Async      bool   `json:"async"`
	LinkUp     bool   `json:"link_up"`
	Upstream   Member `json:"upstream"`     // whom it follows now, when LinkUp
	LinkDownMs int64  `json:"link_down_ms"` // how long the link to the predecessor has been down; 0 when up
	Lease      bool   `json:"lease"`        // whether it holds its read lease
	// master only: acknowledgements of its epoch reached it within the last down-after period
	Committing bool `json:"committing"`
	Leaving    bool `json:"leaving"` // it was told to stop and waits to be let go
	// master only: it has just taken over, and the chain behind it has not said in this epoch what it holds
	Forming bool `json:"forming"`
	// tail only: the learner that holds all that was ever committed, and without which nothing more is in this epoch
	Joining Member `json:"joining"`
	// milliseconds for which the oldest byte that it holds has waited for the successor's word, or Joining's
	AckDelay int64 `json:"ack_delay"`
	// milliseconds, at most AckDelay, for which the link to the successor, or Joining, has been silent
	Unheard int64 `json:"unheard"`
	// milliseconds for which the oldest byte of its log has waited for its own disk
	StoreDelay int64 `json:"store_delay"`
	// min-replicas-to-write: the chain is not made shorter for a slow member's sake than a master and that many
	Floor int `json:"floor"`
	// the epoch in which it is about to pause its clients for a planned handover; 0 = it is not
	Draining uint64 `json:"draining"`
	// the epoch in which it has paused its clients and committed all; 0 = not drained
	Drained uint64 `json:"drained"`
	// milliseconds for which one command, or other turn of its, has kept all others waiting
	Busy    int64  `json:"busy"`
	Command string `json:"command"` // its name, where it is one that may take long; "" otherwise
	// why its data is not what its log says, so that it can't lead nor be read; empty: it is
	Broken   string `json:"broken"`
	Memory   int64  `json:"memory"` // resident bytes
	Priority int    `json:"priority"`
	Version  string `json:"version"`

	Level Level `json:"level,omitempty"` // the newest feature level that it understands
	// what understands the data that it keeps must be of at least this level
	Needs    Level    `json:"needs,omitempty"`
	Features Features `json:"features,omitzero"` // the newest that it has heard of the group's

	// Replaces are the incarnations of earlier starts on the same directory of the same machine, newest first: as the
	// node has the lock of that directory, they are dead. It says so as long as it has no place in the group.
	Replaces []string `json:"replaces,omitempty"`

	// tail only: the learners that it does not meet where they say to be, and so does not let join
	Unmet []Unmet `json:"unmet,omitempty"`

	Installation string `json:"installation,omitempty"` // which the node belongs to; empty: it is new
	// how many removed sentinels this one has named to it over the connection
	Removed int `json:"removed,omitempty"`
}

// Unmet is a learner that is not at its address.
type Unmet struct {
	Incarnation string `json:"incarnation"`
	Why         string `json:"why"` // for people, with what to do
}

// HeartbeatReply answers a Heartbeat.
type HeartbeatReply struct {
	Seq      uint64 `json:"seq"`
	Sentinel string `json:"sentinel"` // id of the sentinel that answers
	// false: the sentinel has fenced the node in this epoch; the heartbeat extends no lease
	Accepted bool `json:"accepted"`
	// the sentinel won't fence the node within this time of having received the heartbeat
	DownAfterMs int64 `json:"down_after_ms"`
	Voters      int   `json:"voters"` // how many sentinels there are; a lease needs a majority of them
	// asks the master of this epoch to drain for a planned handover; 0 = no
	Drain     uint64   `json:"drain"`
	Group     *Group   `json:"group,omitempty"`     // the agreed group, when its epoch is newer than the node's
	Sentinels []string `json:"sentinels,omitempty"` // client addresses of all known sentinels
	// why the node does not count, or does not join the chain: its name or address is another's
	Refused  string   `json:"refused,omitempty"`
	Features Features `json:"features,omitzero"` // of the group
	// ids of sentinels whose word does not count any more, all of them or, if it has named them before, none
	Removed []string `json:"removed,omitempty"`

	// Installation is the sentinel's; a node that has none takes it over. Tentative: the sentinels have begun, and have
	// no group yet, so they may still take over another.
	Installation string `json:"installation,omitempty"`
	Tentative    bool   `json:"tentative,omitempty"`
}
