// Package server is the front end of every server that speaks Redis's protocol, a node as well as a sentinel: who is
// connected, who listens to what, and the commands that are about the connection itself.
//
// What a connection is (its input, its output, its state) is in package session, who listens to which channel in
// package pubsub, and whose caches hold which keys in package tracking. A Server puts them together for one process.
// Its rows (HELLO, AUTH, PING, RESET, QUIT, CLIENT, SUBSCRIBE and their like) stand here once: Rows fits them into the
// table of a node or of a sentinel. What the two do differently is the Host that each of them is: its password, its
// role, its pauses, what else a session takes part in.
//
// A Listener accepts connections and ends them (listener.go). All else is state without I/O. It is guarded by one lock
// of the host: the execution lock of a node, and of a sentinel one that nothing else is guarded by. Whoever calls in
// here holds it.
//
// Begin with Server and Host in server.go, then Call and Rows in rows.go.
package server
