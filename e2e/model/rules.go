package main

// rules says what is switched off, so that the checks can show that they notice. The zero value is the protocol.
type rules struct {
	prefix, ack, promotion, fencing, lease, joining, dropping, incarnations, coldStart bool // the seven, as broken says
	gates, binding, renaming, storing                                                  bool // what is around them
	readMajority, readLease, readJoining                                               bool // who has to confirm a read
}

// bounds of one exploration.
type bounds struct {
	chain     int   // how many of the three are in the first chain; the others are learners
	writes    uint8 // clients' writes
	epochs    uint8 // the last epoch that may be agreed
	crashes   uint8
	handovers uint8 // planned ones asked for, and members told to leave
	reads     uint8 // that the chain has to confirm
	refresh   bool  // members are fenced by a minority and come back
}

// scene is one exploration.
type scene struct {
	what string
	bounds
	off rules
}

// kept are explorations of the protocol as it is: nothing may break.
var kept = []scene{
	{"failovers", bounds{chain: 3, writes: 2, epochs: 3}, rules{}},
	{"failovers, one more", bounds{chain: 3, writes: 1, epochs: 4}, rules{}},
	{"a node dies, and comes back", bounds{chain: 3, writes: 1, epochs: 3, crashes: 1}, rules{}},
	{"two die", bounds{chain: 3, writes: 1, epochs: 2, crashes: 2}, rules{}},
	{"a chain of two and a learner", bounds{chain: 2, writes: 1, epochs: 3}, rules{}},
	{"a chain of two and a learner, and one dies", bounds{chain: 2, writes: 1, epochs: 2, crashes: 1}, rules{}},
	{"learners join a chain of one", bounds{chain: 1, writes: 1, epochs: 3}, rules{}},
	{"a planned handover, or a leave", bounds{chain: 3, writes: 1, epochs: 3, handovers: 1}, rules{}},
	{"reads without a lease", bounds{chain: 3, writes: 1, epochs: 3, reads: 2}, rules{}},
	{"reads without a lease, and one dies", bounds{chain: 3, writes: 1, epochs: 2, crashes: 1, reads: 1}, rules{}},
	{"reads without a lease, and a learner", bounds{chain: 2, writes: 1, epochs: 3, reads: 1}, rules{}},
	{"members fenced by a minority", bounds{chain: 3, writes: 1, epochs: 3, refresh: true}, rules{}},
}

// broken are explorations of what is wrong: each must break.
var broken = []scene{
	{"1: what an earlier predecessor has sent is appended as well", bounds{chain: 3, writes: 2, epochs: 2},
		rules{prefix: true}},
	{"2: a member acknowledges what it has itself, without those behind it", bounds{chain: 3, writes: 1, epochs: 2},
		rules{ack: true}},
	{"3: of the survivors the last is promoted", bounds{chain: 3, writes: 1, epochs: 2}, rules{promotion: true}},
	{"4: the epochs of hellos and acknowledgements are not looked at",
		bounds{chain: 3, writes: 1, epochs: 2, handovers: 1}, rules{fencing: true}},
	{"5: a member is declared down while it may hold its lease", bounds{chain: 3, writes: 1, epochs: 2},
		rules{lease: true}},
	{"6: a learner is appended without the word of the tail", bounds{chain: 2, writes: 1, epochs: 3},
		rules{joining: true}},
	{"6: a member that comes back keeps what was never committed", bounds{chain: 2, writes: 2, epochs: 3},
		rules{dropping: true}},
	{"7: a node that restarts is still the same member", bounds{chain: 3, writes: 1, epochs: 2, crashes: 1},
		rules{incarnations: true}},
	{"7: a cold start does not compare positions", bounds{chain: 2, writes: 1, epochs: 2, crashes: 2},
		rules{coldStart: true}},
	{"a read that waits outlives its member's place in the chain", bounds{chain: 3, writes: 1, epochs: 2},
		rules{gates: true}},
	{"a master that has drained lets clients in again in the same epoch",
		bounds{chain: 3, writes: 1, epochs: 2, handovers: 1}, rules{binding: true}},
	{"a member that is promoted with an empty log keeps its id", bounds{chain: 3, writes: 2, epochs: 3},
		rules{renaming: true}},
	{"a read is confirmed by a majority of the chain", bounds{chain: 3, writes: 1, epochs: 2, reads: 1},
		rules{readMajority: true}},
	{"a read on a slave is confirmed by the master's lease", bounds{chain: 3, writes: 1, epochs: 2, reads: 1},
		rules{readLease: true}},
	{"a read is confirmed without the learner that the tail waits for",
		bounds{chain: 2, writes: 1, epochs: 3, reads: 1}, rules{readJoining: true}},
	{"a member passes on what it has not stored itself", bounds{chain: 2, writes: 1, epochs: 3, crashes: 1},
		rules{storing: true}},
}
