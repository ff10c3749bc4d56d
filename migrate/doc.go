// Package migrate brings the data of another server, of a snapshot or of a log into a server that runs.
//
//	snapshot ─→ Import ─→ RESTORE key ttl payload ABSTTL ──────┐
//	log, replication stream ─→ Import ─→ commands, in transactions ─┴→ Target: batches, one connection ─→ replies
//
// Import reads and decides what goes where; Target writes batches of a bounded size and has a goroutine that reads the
// replies and finds the first that is wrong. An Import belongs to one goroutine; its Progress may be read by any.
//
// Invariants: what an Import has acknowledged to its source, the target has confirmed; after the first error nothing
// more is sent, and nothing is sent that rests on a command (SELECT, MULTI) whose reply has not come; the source is
// only read, its files too.
package migrate
