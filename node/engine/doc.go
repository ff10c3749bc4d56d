// Package engine is where a data node executes: one execution lock, turns under it, and what becomes of a turn.
//
// It knows the data, the replication log, and the order of things between the two. It knows no connection, no reply and
// no command by name: whoever speaks a protocol stands above, begins a turn, executes in it, and commits it.
//
//	turn.go     Begin, Commit and Do: who wants to execute, and what follows when he has (publish, the one place)
//	access.go   Update and View: the way in for whoever brings no sessions and no commands of Redis
//	lock.go     the execution lock; whoever has it sees the data as the log says
//	apply.go    the predecessor's log on a replica: appended at once, executed when the lock is free
//	effects.go  what a turn did, in wire form, on its way to the log
//	changes.go  the last change of every key: which offset a reply has to wait for
//	gates.go    who waits for the commit point
//	guests.go   who is let in while a client's command goes on for too long
//	health.go   data that is not what the log says; commands that take long
//	policy.go   what maxmemory-policy says: which keys go first, and what each carries of its use
//
// What the engine needs from above is handed in as small interfaces: Commands executes a command of the log, Clients
// answers who waits for a key and stages replies, Disk writes the log, Node says what the node is just now.
//
// Begin with Turn. Lock order: the execution lock, then appending, then the locks of replication. Nothing waits while
// it holds the execution lock.
package engine
