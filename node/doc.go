// Package node is one data node: it puts together what the packages below it do, and has them begin and end.
//
//	node.go      Config, New, Start and Close
//	listen.go    where it listens, and under which address and name it is known
//	group.go     how it joins its group
//	settings.go  what has to be done when a setting changes
//	check.go     a node that serves nobody, for holdfast check-log and check-dump
//
// What the parts do, from the client to the disk:
//
//	door/resp     the connections of clients that speak Redis's protocol, and when a reply may leave
//	node/command  what commands do, and who may call them
//	node/cron     what happens by the clock
//	node/member   whom the node follows and who follows it; its place in the group; who may read; handovers
//	node/persist  snapshots, dump.rdb and the log on disk
//	node/engine   the execution lock, and what a turn is
//	node/store    the values
//
// Whatever touches the machine (network, files, clocks, randomness) is handed in with Config. What each package may
// import stands in internal/archtest; none imports the sentinel, which is met over the wire only.
//
// Begin with New, which says who knows whom. docs/architecture.md says why it is so, and which rules must hold.
//
// Lock order: the execution lock, then a lock of replication, member or gates. Nothing waits while it holds the
// execution lock.
package node
