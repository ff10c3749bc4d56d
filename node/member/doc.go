// Package member is a node's membership of its group, and its part in replication: which epoch, chain and position it
// has adopted, who may answer reads, who may join, whom it follows and who follows it.
//
// It has a pure core, values and transition functions without a lock, a clock or I/O: times are arguments, and what is
// to be done comes back as a value. e2e/model explores these functions. Begin with place.go (where a node stands), then
// adopt.go (what it does when the sentinels have agreed on another epoch). lease.go and confirm.go say who may answer
// reads, join.go and meet.go who may join behind the tail, drain.go how a master gets ready to hand its place over, and
// heartbeat.go what the sentinels are told of all that.
//
// Around it is a shell, the Agent: standing.go knows where the node stands and has the log, and those who follow, go by
// that; agent.go and sentinel_link.go keep in touch with the sentinels; orders.go hands what they have agreed on to the
// node; ask.go asks the master whether an epoch stands; learners.go looks for learners at their addresses;
// installation.go says whose the node is.
//
// What follows from where the node stands is Replication's, the second shell, which works on the rest of the node:
// change.go adopts an epoch, follow.go links to the predecessor and applies its log, serve.go serves those who follow,
// confirmations.go says whether a read may be answered and has the chain confirm it, pause.go and handover.go hold
// clients back, isolated.go sends them away from a master that is cut off, proof.go proves who the node is, and info.go
// tells ROLE and INFO of all that.
package member
