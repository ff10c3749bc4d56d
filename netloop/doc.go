// Package netloop serves many connections with a few goroutines, the event loops, and gives their users one way to read
// and write them: Conn. It knows nothing of what the bytes mean.
//
// A connection is served when it has something to read, or is woken. Its user never waits then: TryRead reads what
// there is, TryWrite writes what the connection takes. What has to wait is done by a goroutine of the user's, which
// takes the connection back for that long. There are two kinds of users:
//
//   - Batched, for clients: a loop reads several connections, has what they sent executed together, in the order in
//     which it came, and then lets each write its answers.
//   - a function (Start), for links between servers: it reads, does and answers all by itself, beside the others.
//
// Who says when there is something to read depends on the connection, and its user doesn't notice:
//
//   - of a *net.TCPConn on Linux, the kernel (netloop/poll);
//   - of a Pollable, as those of a simulated network are, the connection itself;
//   - of any other, a goroutine that reads it ahead (readahead.go). TryWrite takes nothing then: its user writes from a
//     goroutine.
//
// Begin with Conn in conn.go and Loops in loops.go; group.go is what a loop does. queue.go and poller.go say what a
// loop waits for, busypoll.go for how long it looks again before it sleeps. watchdog.go has the links served while a
// loop executes something that takes long.
package netloop
