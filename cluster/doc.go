// Package cluster is what all members of a Holdfast group share: plain values for what was agreed (Member, Group, its
// epoch and chain) and for what nodes tell sentinels (Heartbeat), and the gossip by which members find each other.
//
// Nothing here decides anything. Gossip says who is there and where; the sentinels' Raft log says what is so; the
// values travel between the programs as JSON. A Group is never changed in place: its With… methods answer changed
// copies, each with the next epoch, so whoever holds one holds a consistent state.
//
// Gossip's way: datagrams and streams come in by a transport of its own over transport.Network → memberlist (who is
// alive, failure detection, encryption) → gossipEvents, the table of members that callers read → OnChange and
// OnMessage, called by one goroutine of the Gossip, never under memberlist's locks. A second goroutine joins the seeds,
// and rejoins whoever was lost, a third announces what Update changed. Gossip owns all of it; Close ends and awaits it.
//
// Invariants: a member's name in gossip is its kind and name, so a restarted one takes the place of the old; one
// message is told at most once; no hook runs after Close returned. Only the gossip files import memberlist.
package cluster
