// Package config holds every setting of a data node: one table of directives,
// and one immutable snapshot of their values.
//
// The table (table_*.go) has a row for each directive: its name, aliases, kind,
// default, limits, who may change it when, and a line of help. Everything else
// is derived from the rows: redis.conf parsing, CONFIG GET, SET and REWRITE,
// and the command line's flags. The names, defaults, limits and reply texts are
// those of Redis 7.0, so that tools and files written for it work unchanged;
// the rows of Holdfast's own come last.
//
// A value's way: text (file line, flag or CONFIG SET) → the row's parser → a
// new snapshot → hooks of whoever must act on it. The snapshot is published
// through one atomic pointer and never written again, so reading a setting is a
// load and an index, free of locks and races, from any goroutine.
//
// Invariants: a snapshot has a valid value for every row; a failed change
// leaves the snapshot as it was; parsing what Rewrite wrote gives the current
// values again. The package does no I/O: files come in through Files.
package config
