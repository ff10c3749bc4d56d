// Package linear judges what clients were told by a group: it records operations on keys that they share, and looks,
// key by key, for an order in which each did what its client was told, at some moment between its call and its answer
// (linearizability, by Porcupine).
//
// Only tests import it; it may import resp. Begin with recorder.go, then model.go: what a register, a counter, a list
// and a set may answer. ask.go sends the operations.
package linear
