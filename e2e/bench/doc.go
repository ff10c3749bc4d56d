// Command bench measures Holdfast beside redis-server, in one run on one machine.
//
// Eight questions are asked. Standalone: how many operations does one node do in a second, and what does one cost it in
// CPU time? Chain: what does a group of three do when every reply means "all three have it", beside a Redis master with
// two replicas whose clients ask for the same with WAIT 2, and beside the same master whose clients do not ask? Memory:
// how many resident bytes does an item take? Pauses: for how long is a client kept waiting while millions of keys come
// and go? Disk: what does it cost to keep the log on disk, to rewrite it, to save, and to start? Big: how long does a
// single command on much data take? Idle: what does a whole group cost that has nothing to do?
// Engines: what do loops of Lua take, beside gopher-lua?
//
// The machine is usually shared and always noisy, so absolute figures of two runs say little about each other.
// Everything that is compared runs interleaved: a round measures each server once under each workload, the order
// changes from round to round, and a ratio is taken within a round; what is printed is the median over the rounds.
//
// The way of the data: process.go starts servers and reads what the kernel knows of them; standalone.go, chain.go,
// memory.go and pauses.go each fill their rows of a report; load.go (what it sends is in pipeline.go) and fill.go are
// clients where redis-benchmark cannot ask the question, or not fast enough; against.go asks some of it of two builds
// of Holdfast; big.go has single commands, of bigcases.go; engines.go builds luarun and gopherlua, a module of its own,
// and runs them; report.go prints the tables. Servers belong to a fleet, which ends each of them by its pid however the
// run ends.
//
// It runs the built program; of Holdfast's packages its own clients use resp and netloop/poll. Begin with main.go, then
// report.go.
package main
