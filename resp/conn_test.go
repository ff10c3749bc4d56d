package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"holdfast/transport"
)

// answer serves a connection: ECHO echoes after a push, FAIL fails, anything else is never answered.
func answer(conn net.Conn) {
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

// serve answers whoever comes, at the address that it returns.
func serve(t *testing.T) (addr string) {
	t.Helper()
	listener, err := transport.Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				answer(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		served.Wait()
	})
	return listener.Addr().String()
}

func TestClient(t *testing.T) {
	c, err := Dial(t.Context(), transport.Host{}, serve(t))
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
