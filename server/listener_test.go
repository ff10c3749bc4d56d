package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"

	"holdfast/transport"
)

func TestListenerCloseEndsConnections(t *testing.T) {
	var running atomic.Int32
	entered := make(chan struct{}, 3)
	listener, err := transport.Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(listener, slog.New(slog.DiscardHandler), func(ctx context.Context, conn net.Conn) {
		running.Add(1)
		defer running.Add(-1)
		entered <- struct{}{}
		_, _ = conn.Read(make([]byte, 1)) // until Close
		<-ctx.Done()
	})
	for range 3 {
		conn, err := transport.Host{}.Dial(t.Context(), s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		<-entered
	}
	if n := s.Connections(); n != 3 {
		t.Errorf("%d connections", n)
	}
	if err := s.Close(); err != nil || running.Load() != 0 || s.Connections() != 0 {
		t.Errorf("after Close: %v, %d running, %d connections", err, running.Load(), s.Connections())
	}
}

// flaky fails to accept for a while.
type flaky struct {
	net.Listener
	failures atomic.Int32
}

func (f *flaky) Accept() (net.Conn, error) {
	if f.failures.Add(-1) >= 0 {
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}

func TestListenerSurvivesAcceptErrors(t *testing.T) {
	listener, err := transport.Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: listener}
	f.failures.Store(3)
	served := make(chan struct{}, 1)
	s := Serve(f, slog.New(slog.DiscardHandler), func(context.Context, net.Conn) { served <- struct{}{} })
	defer s.Close()
	conn, err := transport.Host{}.Dial(t.Context(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	<-served
}
