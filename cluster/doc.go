// Package cluster is what all members of a Holdfast group share: plain values for what was agreed (Member, Group, its
// epoch and chain) and for what nodes tell sentinels (Heartbeat), and the gossip by which members find each other.
//
// Nothing here decides anything. Gossip says who is there and where; the sentinels' Raft log says what is so; the values
// travel between the programs as JSON. A Group is never changed in place: its With… methods answer changed copies, each
// with the next epoch, so whoever holds one holds a consistent state.
//
// Gossip owns its memberlist and everything that runs for it; Close ends and awaits all of it. Callbacks come from a
// goroutine of their own, never from under memberlist's locks.
package cluster
