// Package plan has what sentinels conclude, as pure functions: it knows no clock, no network and no disk, and
// everything that it needs comes in as values.
//
// State is what the sentinels have agreed on; an Entry of their log changes it. Subject and Acceptance say whether one
// sentinel holds a member for down, and whether it may extend a lease (judge.go). View is one group as its decider sees
// it, and Next the one change that it needs most (plan.go; cold.go for a group of which nobody is left, forced.go for
// what an operator decides then). level.go is about feature levels.
//
// It may import cluster and resp. Begin reading at Next. Package sentinel gathers the values, and carries out the
// actions.
package plan
