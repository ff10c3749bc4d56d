// Package process runs a program beside this one: it is started, told to end, or killed, and what it says is kept. It
// is the one process manager of tests (internal/servers) and of the programs in e2e (e2e/chaos, e2e/bench).
//
// It imports nothing of Holdfast, and nothing of testing. Begin with Start.
package process
