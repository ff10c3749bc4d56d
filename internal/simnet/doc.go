// Package simnet is a network in memory with faults, made for testing/synctest: a whole group of machines in one
// process, in virtual time.
//
// A Network holds machines, one IP each. Network.Host gives the running process of a machine, a transport.Network:
// it listens, dials and sends datagrams as that IP. Bytes written to a connection go into the flow of its direction
// (a bounded window, so that a writer blocks as on TCP), get a time of arrival from the link between the two machines,
// and become readable when one timer per flow fires. A link that is cut holds a flow's bytes back, as TCP's
// retransmission does, and lets them arrive after healing; datagrams and the answers to dials are lost on it.
//
// Faults: Cut, CutOneWay, Isolate, Partition and their healing; latency, jitter and datagram loss and duplication per
// direction; Host.Kill (the process dies, its kernel resets every connection, once: a peer behind a cut learns it from
// the answer to what it sends after healing), Host.Crash (the machine falls silent) and Host.Restart (a new process on
// the same IP; the handle of the old one stays dead).
//
// A connection can also be polled, as event loops do: it says itself when something has come (poll.go).
//
// One lock, Network.mu, guards everything; waiting is done on condition variables and channels only, so every blocked
// call is durably blocked in a synctest bubble. The package starts no goroutine but those of expired timers, which
// don't block. The seed decides jitter and loss, each link's by itself; it doesn't decide how the scheduler interleaves
// goroutines.
//
// Invariants: bytes of a flow arrive in the order written, each once; a flow never holds more than its window; after
// Network.Close every call returns an error and nothing is left that could start again.
//
// Acknowledgements are modelled as far as they matter: while the way back is cut, what was read goes on filling the
// window. Not modelled: bandwidth, keepalive (an idle end of a dead connection hears nothing), names other than literal
// IPs and localhost.
package simnet
