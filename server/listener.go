package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"holdfast/resp"
)

// Listener accepts connections and runs a handler for each. Close ends them all and waits for them.
type Listener struct {
	listener net.Listener
	handle   func(ctx context.Context, conn net.Conn)
	log      *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// The pause after a failed accept: running out of file descriptors passes when connections end.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = 100 * time.Millisecond
)

// Serve starts to accept on listener and returns. Each connection is closed when handle returns; ctx ends on Close.
func Serve(listener net.Listener, log *slog.Logger, handle func(ctx context.Context, conn net.Conn)) *Listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Listener{
		listener: listener, handle: handle, log: log,
		ctx: ctx, cancel: cancel,
		conns: make(map[net.Conn]struct{}),
	}
	l.done.Go(l.accept)
	return l
}

// Addr returns the address connections are accepted on.
func (l *Listener) Addr() net.Addr { return l.listener.Addr() }

// Connections returns how many connections are open.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Close stops accepting, closes all connections and waits until their handlers returned. It must not be called by one.
func (l *Listener) Close() error {
	l.cancel()
	err := l.listener.Close()
	for _, conn := range l.open() {
		// Its handler sees the error as well, and has no more use for it.
		_ = conn.Close()
	}
	l.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (l *Listener) open() []net.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	conns := make([]net.Conn, 0, len(l.conns))
	for conn := range l.conns {
		conns = append(conns, conn)
	}
	return conns
}

func (l *Listener) accept() {
	pause, failed := minAcceptPause, 0
	var told resp.Sparing
	for l.ctx.Err() == nil {
		conn, err := l.listener.Accept()
		if err == nil {
			pause = minAcceptPause
			l.start(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || l.ctx.Err() != nil {
			return
		}
		if failed++; told.Due(time.Now(), time.Minute) {
			l.log.Warn("accept failed", "addr", l.listener.Addr(), "error", err, "times", failed)
			failed = 0
		}
		select {
		case <-time.After(pause):
		case <-l.ctx.Done():
		}
		pause = min(2*pause, maxAcceptPause)
	}
}

// start runs the handler of conn, unless Close came first: Close cancels before it looks at the connections, so a
// connection is seen either by Close or by the check here.
func (l *Listener) start(conn net.Conn) {
	l.mu.Lock()
	l.conns[conn] = struct{}{}
	l.mu.Unlock()
	if l.ctx.Err() != nil {
		l.forget(conn)
		return
	}
	l.done.Go(func() {
		defer l.forget(conn)
		l.handle(l.ctx, conn)
	})
}

func (l *Listener) forget(conn net.Conn) {
	l.mu.Lock()
	delete(l.conns, conn)
	l.mu.Unlock()
	// Closing twice is harmless, and a failing close leaves nothing to do.
	_ = conn.Close()
}
