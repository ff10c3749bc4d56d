// Command mutants shows that the simulation can fail: it switches each rule of the chain off in turn and counts the
// seeds until a checker of e2e/sim finds a violation. A rule that no random schedule can be relied on to meet has a
// test that is named with it, and runs instead.
//
// Begin with mutants.go, the list: which constant of internal/rules is false, and what Holdfast no longer does then.
// main.go compiles and runs them.
package main
