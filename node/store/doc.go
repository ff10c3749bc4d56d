// Package store is the keyspace of a data node: numbered databases of keys with values, expiry and
// access statistics. It is pure: no I/O, no clock, no goroutine; every call is made under the node's execution lock.
//
// The way of the data: a key is hashed (hasher.go) and looked up in its database's index (table.go), whose slots
// refer to entries (entry.go) packed into slabs (slab.go), or to objects of their own when they
// are large (large.go). An index, its slabs and its large objects make up a space (space.go), and a DB (db.go, scan.go)
// is a number that owns a space: a flush replaces it, a swap exchanges two. Neither index nor slabs hold pointers, so
// the garbage collector has nothing to do here however many keys there are.
//
// A small collection is packed bytes, a large one an object in a record: a dict of named cells (dict.go) that stand in
// an arena (arena.go, compact.go) and are found through an index of the same kind as the keyspace's. A set is just that
// (set.go), a sorted set has a tree of scores beside it (zset.go, rank.go), a hash one of the times at which fields
// expire (hash.go, timed.go); a list is a chain of packed nodes, a stream an index of packed blocks, with its
// groups (stream.go and its like). Changes go through an edit (edit.go).
//
// Nothing pauses: the index grows and shrinks bucket by bucket, sparse slabs are emptied a few entries with each
// operation (evacuate.go), a dict's chunks likewise, and a snapshot (snapshot.go) is taken in steps while the store
// goes on changing.
//
// Its size: keyspace and values share slabs, records and what freezes them for a snapshot. A package for each value
// type would have to export all of that, and the tests of one would no longer hold the other beside it.
//
// Invariants, verified by Store.Check (check.go): every entry is reachable by exactly one slot of its space's index, in
// the bucket where its hash belongs; a slot's tag and expiry mark agree with the entry; chunks' and classes' counts
// agree with their slots; large records and entries refer to each other one to one; between two snapshots of which the
// first was completed, all entries carry the store's generation.
package store
