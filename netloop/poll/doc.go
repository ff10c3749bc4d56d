// Package poll says which of many TCP connections have something to read, in the order in which it came, and reads and
// writes them without waiting.
//
// Go's own poller is made for a goroutine per connection, and costs a server of many short requests more than half of
// its work: a switch of goroutines and a call that finds nothing for every request. It also wakes connections that are
// ready together last first, where clients that send one after the other expect to be served so.
//
// A Set exists on Linux (epoll, edge-triggered); elsewhere New says that it is not supported.
package poll

// Ready is a connection that has something to read.
type Ready[T any] struct {
	Of    T
	Ended bool // the peer sends no more, or the connection has failed: it is to be read until it says so
}
