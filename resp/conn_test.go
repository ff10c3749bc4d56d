package resp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/transport"
)

// answer serves a connection: ECHO echoes after a push, FAIL fails, anything else is never answered.
func answer(_ context.Context, conn net.Conn) {
	var p Parser
	w := Writer{Proto: 3}
	for {
		n, err := conn.Read(p.Space(0))
		if err != nil {
			return
		}
		p.Fill(n)
		for args, _ := p.Next(); args != nil; args, _ = p.Next() {
			switch string(args[0]) {
			case "ECHO":
				w.Push(1)
				w.BulkString("news")
				w.Bulk(args[1])
			case "FAIL":
				w.Error(Error("OOPS failed"))
			}
		}
		if _, err := conn.Write(w.Buf); err != nil {
			return
		}
		w.Buf = w.Buf[:0]
	}
}

func serve(t *testing.T, handle func(context.Context, net.Conn)) *Server {
	t.Helper()
	listener, err := transport.Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(listener, slog.New(slog.DiscardHandler), handle)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestClient(t *testing.T) {
	s := serve(t, answer)
	c, err := Dial(t.Context(), transport.Host{}, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, arg := range []any{"a", []byte("b"), 7, int64(-8), uint64(9), 1.5, true, time.Second} {
		want := fmt.Sprint(arg)
		switch a := arg.(type) {
		case []byte:
			want = string(a)
		case bool:
			want = "1"
		}
		if v, err := c.Do(t.Context(), "ECHO", arg); err != nil || v.String() != want {
			t.Errorf("%v: %v, %v", arg, v, err)
		}
		if v, err := c.Receive(t.Context()); err != nil || v.Kind != KindPush || v.String() != "[news]" {
			t.Errorf("push: %v, %v", v, err)
		}
	}
	_, err = c.Do(t.Context(), "FAIL")
	var reply Error
	if !errors.As(err, &reply) || reply.Code() != "OOPS" {
		t.Errorf("error reply: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := c.Do(ctx, "SILENCE"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, "SILENCE"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	if _, err := Dial(ctx, transport.Host{}, "127.0.0.1:1"); err == nil {
		t.Error("dialled nobody")
	}
}

func TestServerCloseEndsConnections(t *testing.T) {
	var running atomic.Int32
	entered := make(chan struct{}, 3)
	s := serve(t, func(ctx context.Context, conn net.Conn) {
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

func TestServerSurvivesAcceptErrors(t *testing.T) {
	listener, err := transport.Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &flaky{Listener: listener}
	f.failures.Store(3)
	s := Serve(f, slog.New(slog.DiscardHandler), answer)
	defer s.Close()
	c, err := Dial(t.Context(), transport.Host{}, s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v, err := c.Do(t.Context(), "ECHO", "x"); err != nil || v.String() != "x" {
		t.Error(v, err)
	}
}
