package replication

import "sync/atomic"

// Traffic counts what the links of a node have done, for INFO; a node's Feeder and its Followers share one.
type Traffic struct {
	Full       atomic.Int64 // full synchronisations served
	PartialOK  atomic.Int64 // partial ones served
	PartialErr atomic.Int64 // and refused
	Sent       atomic.Int64 // bytes to followers: answers to PSYNC, full copies, the log
	Received   atomic.Int64 // bytes from predecessors
	Asked      atomic.Int64 // bytes to predecessors: handshakes, acknowledgements
	Answered   atomic.Int64 // bytes of followers' acknowledgements
}
