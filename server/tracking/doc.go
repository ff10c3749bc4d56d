// Package tracking knows which keys clients may hold in caches of their own, and has them told to forget a key that has
// changed: the server's half of client-side caching (CLIENT TRACKING).
//
// There are two ways. A client that tracks what it reads is noted beside every key that it was shown, and told once
// when the key changes. A client that broadcasts names prefixes, and is told of every changed key that begins with one.
//
// Nothing here sends: Send is called with who is to be told of what. A Table is guarded by the lock under which
// commands run.
//
// It may import resp. Begin with tracking.go; options.go reads CLIENT TRACKING's arguments. The sentinel uses the
// options too, to answer as a node does.
package tracking
