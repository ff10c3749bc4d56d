// Command chaos runs a group of three hosts under load and breaks something. Then it counts what clients were told "OK"
// for and is gone, and looks whether everything that clients of all members were told has an order. Each host is a
// network namespace with a data node and a sentinel; clients stay outside, so that a host can be cut off from the
// others and not from them. The same faults can be made to redis-server and redis-sentinel.
//
// It needs root, for namespaces, tunnel devices and mounts, and ends everything that it started.
//
// Begin with fault.go, the list of faults, then round.go: what is done and counted in a round. group.go and member.go
// are the processes, hosts.go and wire.go the network between them, disk.go slow and full disks; load.go has the
// writers, audit.go the clients whose histories internal/linear judges, report.go the table.
package main
