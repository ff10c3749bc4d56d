// Package persist keeps a node's data on disk, and makes and loads copies of it: snapshots (images, full copies),
// dump.rdb, and the log in append-only files with its rewrites.
//
//	loader.go     Loader reads snapshots (RDB) into stores; progress.go, interrupt.go: how far it is, and that it ends
//	              early when the node is told to end
//	snapshots.go  Snapshots makes images of the data, one at a time; image.go writes one while the node goes on
//	saver.go      Saver keeps dump.rdb; dumpfile.go writes and reads the file
//	disk.go       Disk keeps the log on disk, or does not, as appendonly says; left.go: what it leaves behind then
//	writer.go     who writes the log: group commit, syncs, a disk that is full
//	rewrite.go    a new base for the log
//	start.go      Persistence.Load, as a node starts; replay.go executes what a log says
//	rebuild.go    replacing the data while the node runs: DEBUG LOADAOF, the end of a log that is dropped, full copies
//
// The data, the lock and the log in memory are the engine's, the files
// replication/aof's; all that the machine has is handed in with Config. It knows no command: the engine has the log's
// commands executed.
//
// Invariants: dump.rdb and the log on disk are replaced only by what is whole and synced; data that is there in part is
// neither saved nor handed on (engine.Data); the log's commit point does not pass what is not on disk, if it is kept
// there.
//
// Lock order: Disk.Rebuild, then a writer's lock, then the execution lock, then those of replication and aof.
//
// Begin with Config and Persistence in config.go, then snapshots.go.
package persist
