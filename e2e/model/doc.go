// Command model goes through all that can happen to a small group: three nodes, a few writes, a few epochs. Its
// sentinels plan with the product's planner, its members decide with the product's functions of node/member, its logs
// count and compare with the product's Tracker and Lineage; see docs/model/README.md.
//
// Begin with state.go, what a moment of the group is, then step.go, what may happen next. plan.go calls the sentinels'
// planner, member.go has nodes do what the product's functions say, seats.go is where those find them, read.go is what
// becomes of a read; rules.go lists the rules that can be switched off, check.go what must hold; explore.go goes
// through it all.
package main
