package netloop

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// readAhead makes any connection Pollable: while it is watched a goroutine reads it, and says so.
type readAhead struct {
	net.Conn
	buf []byte
	end func() // ends the goroutine, and waits for it; nil: there is none

	mu    sync.Mutex
	data  []byte        // of buf: what was read and not yet taken
	err   error         // how the connection has ended
	taken chan struct{} // a token: data was taken
}

// aheadSize is how much is read ahead.
const aheadSize = 16 << 10

func newReadAhead(conn net.Conn) *readAhead {
	return &readAhead{Conn: conn, buf: make([]byte, aheadSize), taken: make(chan struct{}, 1)}
}

// longAgo as a deadline has a Read that waits return at once.
var longAgo = time.Unix(1, 0)

// Notify starts the goroutine, or ends it.
func (r *readAhead) Notify(f func()) {
	if r.end != nil {
		r.end()
		r.end = nil
	}
	if f == nil {
		return
	}
	_ = r.SetReadDeadline(time.Time{})
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		r.run(f, quit)
	}()
	r.end = func() {
		close(quit)
		_ = r.SetReadDeadline(longAgo) // of a connection that is closed it fails, and is not needed
		<-done
		_ = r.SetReadDeadline(time.Time{})
	}
}

func (r *readAhead) run(notify func(), quit <-chan struct{}) {
	for {
		if r.full() {
			notify()
			select {
			case <-r.taken:
				continue
			case <-quit:
				return
			}
		}
		n, err := r.Conn.Read(r.buf)
		ends := false
		select {
		case <-quit:
			ends = true
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = nil // that is how it is woken
			}
		default:
		}
		r.mu.Lock()
		r.data, r.err = r.buf[:n], err
		r.mu.Unlock()
		if ends {
			return
		}
	}
}

// full reports whether there is something to be taken before more is read.
func (r *readAhead) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.data) > 0 || r.err != nil
}

// TryRead takes what was read ahead.
func (r *readAhead) TryRead(p []byte) (n int, drained bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.data) == 0 {
		return 0, true, r.err
	}
	n = copy(p, r.data)
	if r.data = r.data[n:]; len(r.data) > 0 || r.err != nil {
		return n, false, nil
	}
	select {
	case r.taken <- struct{}{}:
	default:
	}
	return n, true, nil
}

// TryWrite takes nothing: whether the connection would can't be known.
func (r *readAhead) TryWrite([]byte) (int, error) { return 0, nil }

// Read takes what was read ahead, or reads. It is not called while the connection is watched.
func (r *readAhead) Read(p []byte) (int, error) {
	if n, _, err := r.TryRead(p); n > 0 || err != nil {
		return n, err
	}
	return r.Conn.Read(p)
}
