package resp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Server accepts connections and runs a handler for each. Close ends them all and waits for them.
type Server struct {
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
func Serve(listener net.Listener, log *slog.Logger, handle func(ctx context.Context, conn net.Conn)) *Server {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		listener: listener, handle: handle, log: log,
		ctx: ctx, cancel: cancel,
		conns: make(map[net.Conn]struct{}),
	}
	s.done.Go(s.accept)
	return s
}

// Addr returns the address connections are accepted on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Connections returns how many connections are open.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Close stops accepting, closes all connections and waits until their handlers returned. It must not be called by one.
func (s *Server) Close() error {
	s.cancel()
	err := s.listener.Close()
	for _, conn := range s.open() {
		// Its handler sees the error as well, and has no more use for it.
		_ = conn.Close()
	}
	s.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) open() []net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]net.Conn, 0, len(s.conns))
	for conn := range s.conns {
		conns = append(conns, conn)
	}
	return conns
}

func (s *Server) accept() {
	pause, failed := minAcceptPause, 0
	var told Sparing
	for s.ctx.Err() == nil {
		conn, err := s.listener.Accept()
		if err == nil {
			pause = minAcceptPause
			s.start(conn)
			continue
		}
		if errors.Is(err, net.ErrClosed) || s.ctx.Err() != nil {
			return
		}
		if failed++; told.Due(time.Now(), time.Minute) {
			s.log.Warn("accept failed", "addr", s.listener.Addr(), "error", err, "times", failed)
			failed = 0
		}
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
		}
		pause = min(2*pause, maxAcceptPause)
	}
}

// start runs the handler of conn, unless Close came first: Close cancels before it looks at the connections, so a
// connection is seen either by Close or by the check here.
func (s *Server) start(conn net.Conn) {
	s.mu.Lock()
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	if s.ctx.Err() != nil {
		s.forget(conn)
		return
	}
	s.done.Go(func() {
		defer s.forget(conn)
		s.handle(s.ctx, conn)
	})
}

func (s *Server) forget(conn net.Conn) {
	s.mu.Lock()
	delete(s.conns, conn)
	s.mu.Unlock()
	// Closing twice is harmless, and a failing close leaves nothing to do.
	_ = conn.Close()
}
