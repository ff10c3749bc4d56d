// Package sentinel is the quorum that decides which chain of nodes is in force, and tells clients who is the master.
//
// What they conclude is in package plan, as pure functions. Here is what gathers the values for them and carries out
// the actions.
//
// The way of the data. Nodes send heartbeats to every sentinel (link.go → observe.go). Each sentinel judges for itself
// who is silent (plan.IsDown) and fences such a member: it durably promises to accept no more of its heartbeats in this
// epoch. Fences and what was heard go to the Raft leader (report.go). The leader plans (plan.Next) at most one change
// of a group at a time and puts it into the Raft log (act.go → raft.go). Every sentinel applies the log (fsm.go,
// plan.State), pushes the new epoch to its nodes, and, once the new master confirms it, answers lookups with it
// (lookup.go, commands*.go) and tells its subscribers (publish.go).
//
// Its size: a quarter is the protocol for clients and members (commands*.go, dispatch.go, link.go, front.go), a sixth
// the Raft log and its files (raft.go, keeper.go, fsm.go), the rest what sentinels see and do. All share one state
// under one mutex.
//
// Who owns what. The agreed State is immutable and replaced by the Raft state machine only. Everything else that
// changes (sightings, fences, reports, announced masters) belongs to Sentinel under its one mutex, which is never held
// over I/O. What connections share, and the state of their sessions, is the front end's, under a lock of its own that
// comes after it (front.go, package server); each connection owns its socket.
//
// Invariants:
//   - an epoch is decided at most once: the log entry compares and swaps on the epoch before it;
//   - a member is removed against its will only if a majority of the voters fenced it in the epoch being replaced, each
//     not earlier than down-after after it last accepted a heartbeat of it, so by then it holds no lease;
//   - a fence is on disk before anybody hears of it, and ends only with its epoch;
//   - a sentinel that is no voter in the state it has applied accepts no heartbeats;
//   - the new head is the first survivor in chain order, except after all members of a chain have died (package plan).
package sentinel
