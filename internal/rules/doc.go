// Package rules names the rules that keep Holdfast's promise, one constant each. Where a rule is enforced, the code
// asks for its constant:
//
//	if rules.FenceOldEpochs && e.source != s {
//
// All are true, and the compiler leaves nothing of them in the program. They are there for one reason: e2e/mutants
// compiles the simulation with one of them false at a time, and shows that a checker notices.
//
// Put the constant first in a condition: the compiler then drops the rest. Begin with rules.go, the list; the numbers
// are those of docs/architecture.md.
package rules
