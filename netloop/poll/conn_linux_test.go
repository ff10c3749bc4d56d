package poll

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// tcpPair is the two ends of a TCP connection on this machine.
func tcpPair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = dialed.Close(), accepted.Close() })
	return dialed.(*net.TCPConn), accepted.(*net.TCPConn)
}

func newConn(t *testing.T, conn *net.TCPConn) *Conn {
	t.Helper()
	c, err := NewConn(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newSet[T any](t *testing.T, batch int) *Set[T] {
	t.Helper()
	s, err := New[T](batch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestCarriesBytes sends pieces of all sizes, more than the kernel holds at once, and reads them at another pace, to
// the end.
func TestCarriesBytes(t *testing.T) {
	a, b := tcpPair(t)
	rng := rand.New(rand.NewPCG(1, 1))
	sent := make([]byte, 32<<20)
	for i := range sent {
		sent[i] = byte(rng.Uint32())
	}
	go func() {
		c := newConn(t, a)
		for rest := sent; len(rest) > 0; {
			n, err := c.TryWrite(rest[:min(len(rest), 1+rng.IntN(4*maxRaw))])
			if err != nil {
				t.Error(err)
				break
			}
			if rest = rest[n:]; n == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		_ = a.Close()
	}()
	set, c := newSet[string](t, 4), newConn(t, b)
	if err := set.Add(c, "b"); err != nil {
		t.Fatal(err)
	}
	var got []byte
	buf := make([]byte, 100_000)
	for ended := false; ; {
		ready, err := set.Wait(nil, true)
		if err != nil || len(ready) != 1 || ready[0].Of != "b" {
			t.Fatalf("ready: %v, %v", ready, err)
		}
		ended = ended || ready[0].Ended
		for {
			n, drained, err := c.TryRead(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				if !bytes.Equal(got, sent) {
					t.Fatalf("read %d bytes of %d, or others", len(got), len(sent))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if drained && !ended {
				break // an end that comes later is reported
			}
		}
	}
}

// TestFirstComeFirst: connections are reported in the order in which their bytes came, also when there are more than
// fit. A busy kernel delivers bytes in another order now and then.
func TestFirstComeFirst(t *testing.T) {
	set := newSet[int](t, 3)
	rng := rand.New(rand.NewPCG(2, 2))
	var peers []*net.TCPConn
	var conns []*Conn
	for i := range 10 {
		a, b := tcpPair(t)
		c := newConn(t, b)
		if err := set.Add(c, i); err != nil {
			t.Fatal(err)
		}
		peers, conns = append(peers, a), append(conns, c)
	}
	const rounds = 50
	kept := 0
	for range rounds {
		order := rng.Perm(len(peers))
		for _, i := range order {
			if _, err := peers[i].Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		var got []int
		for len(got) < len(order) {
			ready, err := set.Wait(nil, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range ready {
				got = append(got, r.Of)
				if n, drained, err := conns[r.Of].TryRead(make([]byte, 8)); n != 1 || !drained || err != nil {
					t.Fatalf("read %d bytes, %v, %v", n, drained, err)
				}
			}
		}
		if slices.Equal(got, order) {
			kept++
		}
	}
	if kept < rounds*3/4 {
		t.Errorf("the order was kept in %d of %d rounds", kept, rounds)
	}
	if ready, err := set.Wait(nil, false); len(ready) > 0 || err != nil {
		t.Fatalf("nothing was sent, and ready are %v, %v", ready, err)
	}
	if ready, err := set.Linger(nil, time.Microsecond); len(ready) > 0 || err != nil {
		t.Fatalf("nothing was sent, and ready are %v, %v", ready, err)
	}
	time.AfterFunc(time.Millisecond, func() { _, _ = peers[3].Write([]byte("x")) })
	if ready, err := set.Linger(nil, time.Minute); len(ready) != 1 || ready[0].Of != 3 || err != nil {
		t.Fatalf("ready are %v, %v", ready, err)
	}
}

func TestToldOfTheEnd(t *testing.T) {
	a, b := tcpPair(t)
	set, c := newSet[int](t, 1), newConn(t, b)
	if err := set.Add(c, 1); err != nil {
		t.Fatal(err)
	}
	if err := a.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	ready, err := set.Wait(nil, true)
	if err != nil || len(ready) != 1 || !ready[0].Ended {
		t.Fatalf("after a reset: %v, %v", ready, err)
	}
	if _, _, err := c.TryRead(make([]byte, 1)); err == nil {
		t.Fatal("a read from a connection that was reset succeeds")
	}
	if _, err := c.TryWrite([]byte("x")); err == nil {
		t.Fatal("a write to a connection that was reset succeeds")
	}
}

// TestClosedConnections: a number is used again once it is closed, and what was known of it is of no more use.
func TestClosedConnections(t *testing.T) {
	set := newSet[int](t, 8)
	a, b := tcpPair(t)
	old := newConn(t, b)
	if err := set.Add(old, 1); err != nil {
		t.Fatal(err)
	}
	_, _ = a.Close(), b.Close()
	if _, _, err := old.TryRead(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("a read from a closed connection: %v", err)
	}
	if err := set.Add(old, 1); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("a closed connection is watched: %v", err)
	}
	var peers []*net.TCPConn
	for i := range 4 { // among them are the numbers of the closed ones
		a, b := tcpPair(t)
		if err := set.Add(newConn(t, b), 10+i); err != nil {
			t.Fatal(err)
		}
		peers = append(peers, a)
	}
	set.Remove(old)
	for i, a := range peers {
		if _, err := a.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		ready, err := set.Wait(nil, true)
		if err != nil || len(ready) != 1 || ready[0].Of != 10+i {
			t.Fatalf("ready: %v, %v", ready, err)
		}
	}
}

func TestRemovedIsNotReported(t *testing.T) {
	set := newSet[int](t, 8)
	a, b := tcpPair(t)
	c := newConn(t, b)
	for range 3 {
		if err := set.Add(c, 1); err != nil {
			t.Fatal(err)
		}
		set.Remove(c)
		set.Remove(c)
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if ready, err := set.Wait(nil, false); len(ready) > 0 || err != nil {
		t.Fatalf("ready: %v, %v", ready, err)
	}
	if err := set.Add(c, 2); err != nil {
		t.Fatal(err)
	}
	if ready, err := set.Wait(nil, true); len(ready) != 1 || ready[0].Of != 2 || err != nil {
		t.Fatalf("what came before it was added isn't reported: %v, %v", ready, err)
	}
}

func TestCloseEndsWait(t *testing.T) {
	set := newSet[int](t, 8)
	time.AfterFunc(10*time.Millisecond, func() { _ = set.Close() })
	if _, err := set.Wait(nil, true); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("a wait that was ended: %v", err)
	}
	if _, err := set.Linger(nil, time.Minute); !errors.Is(err, os.ErrClosed) {
		t.Fatalf("waiting after the end: %v", err)
	}
}
