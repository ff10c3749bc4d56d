package rules

// Rule 1, prefix: a member's log is a prefix of its predecessor's.
const (
	// AppendEverything: a member appends every byte that its predecessor sends, also those that change no data.
	AppendEverything = true
)

// Rule 2, ack: a reply leaves once the whole chain holds what it shows.
const (
	// CheckAcks: an acknowledgement counts only in the epoch that this member has adopted, and from its successor
	// there.
	CheckAcks = true
	// AckWithSuccessor: a member acknowledges no more than its successor has acknowledged.
	AckWithSuccessor = true
	// GateReplies: a reply waits until the commit point has passed what it shows.
	GateReplies = true
	// StoreFirst: where the log is kept on disk, bytes are passed on and counted only once they are there. (Rule 1,
	// too.)
	StoreFirst = true
)

// Rule 3, promotion.
const (
	// PromoteFirst: the first survivor in chain order becomes the master.
	PromoteFirst = true
)

// Rule 4, fencing.
const (
	// FenceOldEpochs: a node that has adopted an epoch takes nothing from the predecessor, and counts nothing of the
	// successor, of an older one.
	FenceOldEpochs = true
)

// Rule 5, lease: who answers reads alone has heard from a majority of the sentinels, less than down-after ago.
const (
	// LeaseEnds: a lease ends down-after after the heartbeats that extended it were sent.
	LeaseEnds = true
	// FenceEndsLease: a sentinel that has fenced a member accepts no more of its heartbeats.
	FenceEndsLease = true
	// FenceByMajority: the chain is changed only once a majority of the sentinels has fenced the member.
	FenceByMajority = true
)

// Rule 6, joining.
const (
	// TailWaitsFirst: a learner is appended only when the tail says that it commits nothing more without it.
	TailWaitsFirst = true
	// PreviousIDEnds: a log that went on under a previous replication id, after that id had ended here, does not go on
	// here: its last bytes were never committed.
	PreviousIDEnds = true
)

// Rule 7, incarnations.
const (
	// TellIncarnations: every start of a node is another member.
	TellIncarnations = true
	// ColdStartWaits: after the death of all members, nobody leads while one that may hold more is missing, or before
	// the grace period is over.
	ColdStartWaits = true
	// LongestLogLeads: of the members that are back after the death of all, the one with the longest log leads.
	LongestLogLeads = true
	// MembersLead: after the death of all members, only they are compared, not nodes outside the last chain.
	MembersLead = true
)

// Reads: nothing is missing from what a member shows.
const (
	// CatchUpFirst: what was appended while a command ran is executed before the next command.
	CatchUpFirst = true
)

// Proof of membership: what only members may say, only members can say.
const (
	// ProofToSentinel: a sentinel believes a member only on a connection on which that member has proven itself.
	ProofToSentinel = true
	// ProofToNode: a node takes followers and questions only from members that have proven themselves.
	ProofToNode = true
	// ProofForRaft: whoever connects to Raft's port proves to be a sentinel.
	ProofForRaft = true
	// ProofOfNode: a heartbeat is believed only from the node that it speaks for.
	ProofOfNode = true
	// ProofOfSentinel: a report is believed only from the sentinel that it speaks for.
	ProofOfSentinel = true
	// SealGossip: with a group-key the gossip is encrypted.
	SealGossip = true
	// KeySeedsAuthority: certificates are good in the group whose key they were made with.
	KeySeedsAuthority = true
	// TellLines: what was proven for one line (to a sentinel, for Raft, for the chain) is good for no other.
	TellLines = true
)

// Who is who, and installations.
const (
	// KeepPlace: a member that is heard keeps its name and address, whoever else claims them.
	KeepPlace = true
	// TellInstallations: members of two installations refuse each other.
	TellInstallations = true
	// ChooseNoInstallation: a new node that sees two installations joins neither.
	ChooseNoInstallation = true
	// ReplaceWiped: a sentinel that comes back without its directory gets its vote after its predecessor has lost it.
	ReplaceWiped = true
	// OnlyNewReplace: a sentinel that has a vote takes no other's place, wherever it moves.
	OnlyNewReplace = true
	// AnswerToOwnID: a sentinel does not vote, nor speak, for another one that was at its address.
	AnswerToOwnID = true
)

// A busy member.
const (
	// BeatWhileBusy: heartbeats do not wait for the command that runs.
	BeatWhileBusy = true
	// ExcuseBusy: a member that executes a long command is not taken for stuck.
	ExcuseBusy = true
	// LimitBusy: a command that runs for longer than the group allows costs its member the place.
	LimitBusy = true
)

// Places: strangers who take all connections keep out neither members nor administrators.
const (
	// NodePlacesForMembers: a node lets members in beyond its limit of clients.
	NodePlacesForMembers = true
	// SentinelPlacesForProven: a sentinel lets those in who prove to be members.
	SentinelPlacesForProven = true
	// SentinelPlacesForMembers: without a group-key, a sentinel lets those in who say what only members say.
	SentinelPlacesForMembers = true
	// PlacesForAdmins: a server lets administrators on its own machine in.
	PlacesForAdmins = true
)
