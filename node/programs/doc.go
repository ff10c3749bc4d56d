// Package programs holds the texts of the scripts and of the libraries of functions that go with a data set: they are
// in the log, in snapshots, and on every member. It runs nothing, and knows nothing of what they say.
//
// Begin with Set.
package programs
