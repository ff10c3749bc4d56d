// Package replication is the log of a group and its way along the chain: positions, the log's body in memory, feeding
// those who follow this member, following the one before it, acknowledgements and the commit point. It knows bytes,
// not what commands mean: the node hands in an Applier and a Snapshotter.
//
// The way of the data:
//
//	predecessor ─→ Follower ─→ Applier (under the execution lock) ─→ Log.Append ─→ Log.Flush ─→ Feeder ─→ successor
//	predecessor ←─ Follower ←─ Log.UpstreamAck ←─────────────────── Log.Ack ←───────────────── Feeder ←─ successor
//
// Who owns what: the node's execution lock owns the writing end of the Log (Append, Flush, ContinueAs, Reset); the
// Log's mutex owns blocks, ids, readers and the tracker behind them; a Feeder owns its links, a Follower one connection
// at a time. Event loops (netloop) serve these connections: a loop reads, applies or counts what came, and
// acknowledges; whoever has the log grow pushes it to the followers; and whoever brings the successor's acknowledgement
// passes it on. Nothing of that waits. What has to is left to a goroutine that each link has, and that sleeps while all
// is ordinary: handshakes, full copies, and what a connection does not take at once.
//
// A member of a chain acknowledges news only: what it and those behind it hold, when that has changed, and anything
// once a second.
//
// Invariants:
//
//   - A member appends only what its predecessor sends, in order, and only together with applying it, so its log is a
//     prefix of its predecessor's, byte for byte and offset for offset.
//   - Bytes below Flush's end never change until they are trimmed; what a reader holds is never reused under it.
//   - No byte travels under an id it was not written under: when the log goes on under a new id, each reader ends at
//     that offset, its link closes, and the follower learns the new id by asking to continue.
//   - An acknowledgement counts only in the epoch in which it was given, and only from the successor of that epoch;
//     the commit point never goes back while the log lives (Reset begins another log).
//   - Memory is bounded: a reader, or an uncommitted tail, further behind than the reader limit and one giant command
//     is given up.
package replication
