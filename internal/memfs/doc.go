// Package memfs is a disk in memory that loses its power, runs full, and fails, when a test wants it to. It keeps what
// a POSIX file system promises and nothing more: the content of a file survives a loss of power as far as it was
// synced, of what was written after that any beginning may have reached the disk; names survive when their directory
// was synced, of changes after that each may or may not have. An open file has a place of its own, at which the next
// Write writes, wherever the file ends by then.
//
// Only tests import it; it implements replication/aof's FS. Everything is in memfs.go.
package memfs
