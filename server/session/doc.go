// Package session is one client connection as a state machine without I/O: bytes come in through its parser, replies
// leave through its gated output, and everything between (database, transaction, subscriptions, flags) is state here.
//
// A driver owns the socket. It alone touches In. All other fields are guarded by the node's execution lock, except Out,
// which has its own. A session never reads a socket, sleeps or takes a lock of the node.
//
// It may import resp and server/tracking. Begin with session.go; output.go holds replies back until the log is
// committed as far as they show it, registry.go knows all sessions, memory.go what they take.
package session
