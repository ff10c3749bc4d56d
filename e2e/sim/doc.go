// Package sim runs a whole group in one process and in virtual time: three nodes, three sentinels and clients, made by
// the constructors that cmd/holdfast uses, each on a machine of its own on internal/simnet, in a testing/synctest
// bubble. Everything is in its tests.
//
// A seed picks a schedule of faults (seeds_test.go, faults_test.go). Meanwhile clients find the master as any client of
// Redis Sentinel does and write, count and read (client_test.go); what they were told goes into a history, which judges
// each answer when it comes (history_test.go). On keys that all share, they keep a history that is judged as a whole,
// by Porcupine (linear_test.go). Watchers ask every sentinel for what was agreed (watch_test.go), and look at every
// member's log (prefix_test.go). After the faults everything is healed: the group must serve and be whole again within
// a bounded time, and then every acknowledged write must be on every member, and all members must be equal
// (check_test.go). The scenarios of scenario_test.go each show one promise.
//
// Every event is a line of the story, which is printed when a seed fails (story_test.go). A seed replays the schedule
// and the clients' choices, not how the scheduler interleaves goroutines: a rare failure may take some runs to return.
//
// Invariants that every run checks:
//   - a write that was acknowledged is never missing or changed, on any member that answers, at any time;
//   - whatever a node answers to a read is at least as new as anything that any client knew before it asked;
//   - a counter's acknowledged values are all different and grow;
//   - registers, counters, a list, a set and transactions are linearizable, reads of any member included; a write that
//     was not answered may have happened at any time since, or never;
//   - at every instant: what was committed is where it is in the log of every member of every later chain, and no
//     member's log is longer than its predecessor's;
//   - five seconds after the last fault writes are acknowledged;
//   - one epoch has one chain and one node that acknowledges writes, and no sentinel goes back to an older epoch;
//   - when all processes are closed no goroutine is left.
package sim
