// Package member is a node's membership of its group: which epoch, chain and position it has adopted, who may answer
// reads, and who may join.
//
// It has a pure core, values and transition functions without a lock, a clock or I/O: times are arguments, and what is
// to be done comes back as a value. e2e/model explores these functions. Begin with place.go (where a node stands), then
// adopt.go (what it does when the sentinels have agreed on another epoch). lease.go and confirm.go say who may answer
// reads, join.go and meet.go who may join behind the tail, drain.go how a master gets ready to hand its place over, and
// heartbeat.go what the sentinels are told of all that.
//
// Around it is a shell, the Agent: standing.go knows where the node stands and has the log, and those who follow, go by
// that; agent.go and sentinel_link.go keep in touch with the sentinels; orders.go hands what they have agreed on to the
// node; ask.go asks the master whether an epoch stands; learners.go looks for learners at their addresses. identity.go
// is what a node keeps about itself in its directory, installation.go whose it is, features.go what it may use of what
// it understands.
//
// An epoch is adopted by the node, with its execution lock: it does what Agent.Adopt answers, and says when.
package member
