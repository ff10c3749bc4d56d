// Package cron does what happens in a node by the clock and not for a client: expired keys are deleted (expire.go),
// keys evicted where commands have stopped (evict.go), garbage collected after the data has shrunk (reclaim.go), and,
// some times a second, buffers given back, rates worked out, and what is scheduled begun (cron.go).
//
// Each piece of work is a short turn under the execution lock, with pauses between them. What is done is the packages'
// below; when it is done is said here.
//
// Begin with Cron.Run.
package cron
