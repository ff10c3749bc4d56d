package replication

import (
	"net"
	"sync/atomic"
)

// Port is a connection that somebody serves together with many others, so that no goroutine has to wake up for its bytes: it is read when
// it has something, and takes what goes at once. Where there is none a link has goroutines of its own.
type Port interface {
	// Serve has f called, by one goroutine at a time, whenever there may be something to read, and again when f answers that there is more.
	Serve(f func() (more bool))
	// TryRead reads what there is; drained says that there was no more.
	TryRead(p []byte) (n int, drained bool, err error)
	// TryWrite writes as much of p as the connection takes now.
	TryWrite(p []byte) (n int, err error)
	// Close waits until f has returned and has it called no more. The connection stays open. f must not call it.
	Close()
}

// OpenPort makes a Port of a connection; nil where that is not possible.
type OpenPort func(net.Conn) Port

func (open OpenPort) of(conn net.Conn) Port {
	if open == nil {
		return nil
	}
	return open(conn)
}

// portReads is how often a port is read before others get their turn.
const portReads = 4

// single has something done by one goroutine at a time. Who comes meanwhile doesn't wait, but has it done once more.
type single struct{ asked atomic.Int32 }

func (s *single) do(f func()) {
	if s.asked.Add(1) > 1 {
		return
	}
	for again := true; again; {
		s.asked.Store(1) // whoever asked before is served now
		f()
		again = !s.asked.CompareAndSwap(1, 0)
	}
}
