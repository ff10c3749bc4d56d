package node

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"
)

// tcpPair is the two ends of a TCP connection on this machine.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return a, b
}

// TestSocketCarriesBytes sends pieces of all sizes, more than the kernel holds at once, and reads them at another pace.
func TestSocketCarriesBytes(t *testing.T) {
	a, b := tcpPair(t)
	rng := rand.New(rand.NewPCG(1, 1))
	sent := make([]byte, 32<<20)
	for i := range sent {
		sent[i] = byte(rng.Uint32())
	}
	go func() {
		w := newWire(a)
		for rest := sent; len(rest) > 0; {
			n, err := w.Write(rest[:min(len(rest), 1+rng.IntN(4*maxUntold))])
			if err != nil {
				t.Error(err)
			}
			rest = rest[n:]
		}
		_ = a.Close()
	}()
	got, err := io.ReadAll(newWire(b))
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("read %d bytes of %d, or others, and %v", len(got), len(sent), err)
	}
}

func TestSocketReadEndsAtDeadline(t *testing.T) {
	a, b := tcpPair(t)
	w := newWire(b)
	time.AfterFunc(10*time.Millisecond, func() { _ = b.SetReadDeadline(aLongTimeAgo) })
	if _, err := w.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a read past its deadline ends with %v", err)
	}
	if err := b.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Fatalf("the next read gives %d bytes and %v", n, err)
	}
}

func TestSocketToldOfTheEnd(t *testing.T) {
	a, b := tcpPair(t)
	if err := a.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = a.Close()
	w := newWire(b)
	if _, err := w.Read(make([]byte, 1)); err == nil {
		t.Fatal("a read from a connection that was reset succeeds")
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Fatal("a write to a connection that was reset succeeds")
	}
}

// TestSocketWaitsWithoutReading: for bytes that are there already, that come later, that don't come in time, and for the end.
func TestSocketWaitsWithoutReading(t *testing.T) {
	a, b := tcpPair(t)
	w := newWire(b)
	if _, err := a.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	var p [8]byte
	if n, err := w.Read(p[:]); n != 1 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	time.AfterFunc(10*time.Millisecond, func() { _, _ = a.Write([]byte("23")) })
	if err := w.Wait(); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Read(p[:]); n != 2 || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	time.AfterFunc(10*time.Millisecond, func() { _ = b.SetReadDeadline(aLongTimeAgo) })
	if err := w.Wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("past the deadline: %v", err)
	}
	_ = b.SetReadDeadline(time.Time{})
	_ = a.Close()
	if err := w.Wait(); err != nil {
		t.Fatalf("at the end: %v", err)
	}
	if _, err := w.Read(p[:]); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
}
