// Package node is one data node: it serves clients, keeps its place in a chain, and keeps its log on disk.
//
// It puts together what the packages below it do. The protocol is resp's, what a connection is session's, the execution
// lock and what a turn is engine's, what commands do command's, what values are store's, how they get to disk
// persist's; the log and its links are replication's, its files replication/aof's. Here is who calls them, in which
// order, and when a reply may leave. Whatever touches the machine (network, files, clocks, randomness) is handed in
// with Config. What the package may import stands in internal/archtest; it never imports the sentinel, and meets it
// over the wire only.
//
// A write's way:
//
//	driver.go            bytes are cut into commands, on the loops of netloop
//	execute.go           a turn begins (engine.Begin), and each command goes to command.Env
//	execute.go           effects are appended to the log, replies get their gate
//	persist              the log goes to the disk and to the successor
//	gates.go             when the commit point has passed their gate, replies leave
//
// Where the rest is: group.go and place.go (what package member has the node do in its group), confirm.go
// (reads that the chain has to confirm), handover.go and pause.go (a planned handover), replica.go (what comes from the
// predecessor), host.go (what engine and persist ask of the node), status.go (what commands ask of it). Package persist
// has what is on disk, and full copies.
//
// Begin with Config and New in node.go, then execute.go. docs/architecture.md says why it is so, and which rules must
// hold.
//
// Lock order: the execution lock, then a lock of replication, member or gates. Nothing waits while it holds the
// execution lock.
package node
