package simnet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/simnet"
)

const (
	hostA = "10.0.0.1"
	hostB = "10.0.0.2"
	addrB = hostB + ":6379"
)

// bubble runs a scenario in virtual time on a network of its own, whose links take no time until told otherwise.
func bubble(t *testing.T, scenario func(t *testing.T, n *simnet.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		n.SetDefaultLatency(0, 0)
		defer n.Close()
		scenario(t, n)
	})
}

// pair dials from A to B; c is the end on A, s the one on B.
func pair(t testing.TB, n *simnet.Network) (c, s net.Conn) {
	t.Helper()
	l := must(n.Host(hostB).Listen(addrB))
	c = must(n.Host(hostA).Dial(context.Background(), addrB))
	s = must(l.Accept())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return c, s
}

func must[V any](v V, err error) V {
	if err != nil {
		panic(err)
	}
	return v
}

func send(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatalf("write %q: %v", text, err)
	}
}

func expect(t *testing.T, c io.Reader, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("read %q, %v; want %q", got, err, text)
	}
}

func expectErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func expectElapsed(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got != want {
		t.Fatalf("took %v, want %v", got, want)
	}
}

func readOne(c net.Conn) error {
	_, err := c.Read(make([]byte, 1))
	return err
}

func TestStreamKeepsOrderUnderJitter(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Millisecond, 10*time.Millisecond)
		c, s := pair(t, n)
		var want bytes.Buffer
		go func() {
			for i := range 1000 {
				fmt.Fprintf(c, "%d ", i)
				if i%7 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			c.Close()
		}()
		for i := range 1000 {
			fmt.Fprintf(&want, "%d ", i)
		}
		if got := must(io.ReadAll(s)); !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%d bytes differ from the %d sent", len(got), want.Len())
		}
	})
}

func TestLatency(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetLatency(hostA, hostB, 30*time.Millisecond, 0)
		start := time.Now()
		c, s := pair(t, n)
		expectElapsed(t, start, 60*time.Millisecond)
		start = time.Now()
		send(t, c, "ping")
		expectElapsed(t, start, 0)
		expect(t, s, "ping")
		expectElapsed(t, start, 30*time.Millisecond)
		send(t, s, "pong")
		expect(t, c, "pong")
		expectElapsed(t, start, 60*time.Millisecond)
	})
}

func TestDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		start := time.Now()
		c.SetReadDeadline(start.Add(time.Second))
		expectErr(t, "read", readOne(c), os.ErrDeadlineExceeded)
		expectElapsed(t, start, time.Second)
		var timeout net.Error
		if err := readOne(c); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("%v is no timeout", err)
		}

		c.SetReadDeadline(time.Time{})
		go func() {
			time.Sleep(time.Second)
			c.SetReadDeadline(time.Unix(1, 0)) // long past: wakes the reader at once
		}()
		start = time.Now()
		expectErr(t, "read", readOne(c), os.ErrDeadlineExceeded)
		expectElapsed(t, start, time.Second)

		c.SetReadDeadline(time.Now().Add(time.Second))
		go func() {
			time.Sleep(500 * time.Millisecond)
			c.SetReadDeadline(time.Now().Add(2 * time.Second)) // moved while the read waits
			time.Sleep(time.Second)
			s.Write([]byte("x"))
		}()
		expect(t, c, "x")

		c.SetWriteDeadline(time.Now().Add(time.Second))
		start = time.Now()
		done, err := c.Write(make([]byte, 1<<20))
		expectErr(t, "write", err, os.ErrDeadlineExceeded)
		expectElapsed(t, start, time.Second)
		if done == 0 || done == 1<<20 {
			t.Fatalf("wrote %d", done)
		}
	})
}

func TestWriterBlocksOnFullWindow(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		wrote := make(chan struct{})
		go func() {
			c.Write(data)
			c.Close()
			close(wrote)
		}()
		synctest.Wait()
		select {
		case <-wrote:
			t.Fatal("1 MiB fitted the window")
		default:
		}
		if got := must(io.ReadAll(s)); !bytes.Equal(got, data) {
			t.Fatalf("read %d bytes that differ", len(got))
		}
		<-wrote
	})
}

func TestConcurrentWritesStayWhole(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		const size = 600 << 10
		var writers sync.WaitGroup
		for _, letter := range "abc" {
			writers.Go(func() { c.Write(bytes.Repeat([]byte{byte(letter)}, size)) })
		}
		go func() { writers.Wait(); c.Close() }()
		got := must(io.ReadAll(s))
		for i := 0; i < len(got); i += size {
			if piece := got[i : i+size]; bytes.Count(piece, piece[:1]) != size {
				t.Fatal("writes were interleaved")
			}
		}
	})
}

func TestClose(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Millisecond, 0)
		c, s := pair(t, n)
		send(t, c, "last words")
		c.Close()
		expectErr(t, "read after close", readOne(c), net.ErrClosed)
		expectErr(t, "second close", c.Close(), net.ErrClosed)
		expect(t, s, "last words")
		expectErr(t, "read at the end", readOne(s), io.EOF)
		send(t, s, "nobody hears this") // as on TCP, only the answer to it tells
		time.Sleep(time.Second)
		_, err := s.Write([]byte("x"))
		expectErr(t, "write to a closed peer", err, syscall.EPIPE)
	})
}

func TestCloseWakesBlockedCalls(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, _ := pair(t, n)
		l := must(n.Host(hostB).Listen(":0"))
		p := must(n.Host(hostB).ListenPacket(":0"))
		errs := make(chan error)
		go func() { errs <- readOne(c) }()
		go func() { _, err := c.Write(make([]byte, 1<<20)); errs <- err }()
		go func() { _, err := l.Accept(); errs <- err }()
		go func() { _, _, err := p.ReadFrom(nil); errs <- err }()
		synctest.Wait()
		c.Close()
		l.Close()
		p.Close()
		for range 4 {
			expectErr(t, "blocked call", <-errs, net.ErrClosed)
		}
	})
}

func TestListenAddresses(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := n.Host(hostA), n.Host(hostB)
		any := must(b.Listen(":7000"))
		defer any.Close()
		own := must(b.Listen(hostB + ":0"))
		loop := must(b.Listen("localhost:7001"))
		for addr, want := range map[string]error{
			":7000":              syscall.EADDRINUSE,
			hostB + ":7000":      syscall.EADDRINUSE,
			own.Addr().String():  syscall.EADDRINUSE,
			hostA + ":7002":      syscall.EADDRNOTAVAIL,
			loop.Addr().String(): syscall.EADDRINUSE,
		} {
			_, err := b.Listen(addr)
			expectErr(t, addr, err, want)
		}
		for _, bad := range []string{"nowhere", "example.org:1", hostB + ":x", hostB + ":70000"} {
			if _, err := b.Listen(bad); err == nil {
				t.Errorf("listens on %q", bad)
			}
		}
		c := must(b.Dial(t.Context(), "127.0.0.1:7001"))
		s := must(loop.Accept())
		if got := s.RemoteAddr().(*net.TCPAddr); !got.IP.IsLoopback() || got.String() != c.LocalAddr().String() {
			t.Errorf("loopback peer is %v", got)
		}
		_, err := a.Dial(t.Context(), hostB+":7001")
		expectErr(t, "dial to a loopback listener from outside", err, syscall.ECONNREFUSED)
		c = must(a.Dial(t.Context(), own.Addr().String()))
		if got := c.RemoteAddr().String(); got != own.Addr().String() {
			t.Errorf("remote address %v", got)
		}
		if got := c.LocalAddr().(*net.TCPAddr); got.IP.String() != hostA || got.Port == 0 {
			t.Errorf("local address %v", got)
		}
	})
}

func TestTrace(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		var lines []string
		n.Trace(func(line string) { lines = append(lines, line) })
		c, _ := pair(t, n)
		time.Sleep(1500 * time.Millisecond)
		n.Cut(hostA, hostB)
		c.Close()
		n.Host(hostB).Kill()
		want := []string{
			"   0.000000 listen 10.0.0.2:6379 on 10.0.0.2",
			"   0.000000 dial 10.0.0.1:32768 -> 10.0.0.2:6379",
			"   0.000000 close listener 10.0.0.2:6379",
			"   1.500000 cut 10.0.0.1 <-> 10.0.0.2",
			"   1.500000 close 10.0.0.1:32768 -> 10.0.0.2:6379",
			"   1.500000 kill 10.0.0.2",
		}
		if fmt.Sprintf("%q", lines) != fmt.Sprintf("%q", want) {
			t.Errorf("%q", lines)
		}
	})
}
