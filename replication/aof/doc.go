// Package aof keeps a replication log on disk, in the layout of Redis 7: a directory with a manifest, a base (the data
// at one offset, as RDB) and incremental files with the log's bytes from there on.
//
// An incremental file begins with a header, a SELECT that is no part of the log, so that it can be read by itself;
// behind it, byte by byte, stands the log. The manifest says at which offset. So a place in a file and an offset of the
// log are the same thing, and what Redis keeps apart (append-only file, backlog, stream) is one.
//
// What the log is called (replication ids, epoch) stands in the manifest too, in comment lines with a checksum of the
// whole file, so that one rename replaces all of it at once. Redis skips them, and drops them when it writes a manifest
// of its own: a directory that Redis has worked on since has no identity any more, as it should be.
//
// Checksums of the incremental file that is written stand in a file beside it; see sums.
//
// Invariants: the manifest on disk always names a base and files that are whole, up to the last one's torn tail;
// files that are named reach from the base's offset to the end without a gap; files kept as history end
// where the next one begins.
package aof
