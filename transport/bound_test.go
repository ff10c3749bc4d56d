package transport

import (
	"errors"
	"io"
	"net"
	"testing"
)

// TestBound: who speaks stays, however many come who don't.
func TestBound(t *testing.T) {
	const most = 4
	plain, err := Host{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Bound(plain, most)
	defer l.Close()
	connect := func() (client, server net.Conn) {
		t.Helper()
		client, err := Host{}.Dial(t.Context(), l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err = l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client, server
	}
	speaks := func(client, server net.Conn) error {
		if _, err := client.Write([]byte("x")); err != nil {
			return err
		}
		_, err := io.ReadFull(server, make([]byte, 1))
		return err
	}
	client, server := connect()
	var idle []net.Conn
	for range 10 * most {
		_, s := connect()
		idle = append(idle, s)
		if err := speaks(client, server); err != nil {
			t.Fatal("who speaks is ended:", err)
		}
	}
	ended := 0
	for _, s := range idle[:len(idle)-most+1] {
		if _, err := s.Read(make([]byte, 1)); errors.Is(err, net.ErrClosed) {
			ended++
		}
	}
	if want := len(idle) - most + 1; ended != want {
		t.Errorf("%d of %d who say nothing were ended", ended, want)
	}
	for _, s := range idle[len(idle)-most+1:] { // these make room themselves
		if err := s.Close(); err != nil {
			t.Error("one of the last was ended:", err)
		}
	}
	var more []net.Conn
	for range most - 1 {
		_, s := connect()
		more = append(more, s)
	}
	for _, s := range more {
		if err := s.Close(); err != nil {
			t.Error("ended, though there was room:", err)
		}
	}
	if err := speaks(client, server); err != nil {
		t.Error(err)
	}
}
