package simnet_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/simnet"
)

func TestCutHoldsBytesBackUntilHealed(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(10*time.Millisecond, 0)
		c, s := pair(t, n)
		send(t, c, "in flight, ")
		n.Cut(hostA, hostB)
		send(t, c, "held back")
		read := make(chan string, 1)
		go func() { b := make([]byte, 64); k, _ := io.ReadAtLeast(s, b, 20); read <- string(b[:k]) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(read) > 0 {
			t.Fatalf("read %q across a cut", <-read)
		}
		n.Heal(hostA, hostB)
		start := time.Now()
		if got := <-read; got != "in flight, held back" {
			t.Fatalf("read %q", got)
		}
		expectElapsed(t, start, 10*time.Millisecond)
	})
}

func TestCutOneWay(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		n.CutOneWay(hostA, hostB)
		send(t, c, "held")
		send(t, s, "through")
		expect(t, c, "through")
		s.SetReadDeadline(time.Now().Add(time.Minute))
		if err := readOne(s); err == nil {
			t.Fatal("read across the cut")
		}
		s.SetReadDeadline(time.Time{})
		n.HealAll()
		expect(t, s, "held")
	})
}

func TestIsolateAndPartition(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		hosts := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}
		for _, ip := range hosts {
			must(n.Host(ip).Listen(":1"))
		}
		reach := func() (pairs string) {
			for i, from := range hosts {
				for j, to := range hosts {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					if c, err := n.Host(from).Dial(ctx, to+":1"); err == nil {
						c.Close()
						pairs += fmt.Sprintf("%d%d ", i+1, j+1)
					}
					cancel()
				}
			}
			return pairs
		}
		const all = "11 12 13 21 22 23 31 32 33 "
		for _, step := range []struct {
			what string
			do   func()
			want string
		}{
			{"nothing", func() {}, all},
			{"isolate 2", func() { n.Isolate(hosts[1]) }, "11 13 22 31 33 "},
			{"rejoin 2", func() { n.Rejoin(hosts[1]) }, all},
			{"partition", func() { n.Partition(hosts[:1], hosts[1:]) }, "11 22 23 32 33 "},
			{"heal all", n.HealAll, all},
			// a handshake takes both ways
			{"one way", func() { n.CutOneWay(hosts[0], hosts[2]) }, "11 12 21 22 23 32 33 "},
		} {
			step.do()
			if got := reach(); got != step.want {
				t.Errorf("%s: %s, want %s", step.what, got, step.want)
			}
		}
	})
}

func TestDialAcrossCut(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		l := must(n.Host(hostB).Listen(addrB))
		n.Cut(hostA, hostB)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := n.Host(hostA).Dial(ctx, addrB)
		expectElapsed(t, start, time.Second)
		var timeout net.Error
		expectErr(t, "dial", err, context.DeadlineExceeded)
		if !asNetError(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("%v is no timeout", err)
		}

		start = time.Now()
		_, err = n.Host(hostA).Dial(context.Background(), addrB)
		expectErr(t, "dial", err, syscall.ETIMEDOUT)
		expectElapsed(t, start, 127*time.Second)

		ctx, cancelNow := context.WithCancel(t.Context())
		go func() { time.Sleep(time.Second); cancelNow() }()
		_, err = n.Host(hostA).Dial(ctx, addrB)
		expectErr(t, "dial", err, context.Canceled)

		go func() { time.Sleep(time.Second); n.HealAll() }()
		start = time.Now()
		must(n.Host(hostA).Dial(t.Context(), addrB))
		expectElapsed(t, start, time.Second)
		must(l.Accept())
	})
}

func asNetError(err error, to *net.Error) bool {
	e, ok := err.(net.Error)
	*to = e
	return ok
}

func TestKill(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Millisecond, 0)
		b := n.Host(hostB)
		c, s := pair(t, n)
		l := must(b.Listen(addrB))
		must(n.Host(hostA).Dial(t.Context(), addrB)) // not accepted
		send(t, s, "sent before")
		errs := make(chan error, 3)
		go func() {
			_, _ = l.Accept() // the one that was dialed
			_, err := l.Accept()
			errs <- err
		}()
		go func() { errs <- readOne(s) }()
		synctest.Wait()
		b.Kill()
		expectErr(t, "accept of the dead", <-errs, net.ErrClosed)
		expectErr(t, "read of the dead", <-errs, net.ErrClosed)
		expect(t, c, "sent before")
		expectErr(t, "read", readOne(c), syscall.ECONNRESET)
		_, err := c.Write([]byte("x"))
		expectErr(t, "write", err, syscall.EPIPE)
		_, err = n.Host(hostA).Dial(t.Context(), addrB)
		expectErr(t, "dial", err, syscall.ECONNREFUSED)

		next := b.Restart()
		if next != n.Host(hostB) || next == b {
			t.Fatal("restart gives a new process")
		}
		if _, err := b.Listen(addrB); err == nil {
			t.Fatal("the dead listens")
		}
		_, err = b.Dial(t.Context(), hostA+":1")
		expectErr(t, "dial of the dead", err, net.ErrClosed)
		l = must(next.Listen(addrB))
		must(n.Host(hostA).Dial(t.Context(), addrB))
		must(l.Accept())
	})
}

func TestKillWhileCutIsNoticedByWhoSends(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Millisecond, 0)
		idle, _ := pair(t, n)
		busy, s := pair(t, n)
		send(t, s, "arrived, ")
		time.Sleep(time.Second)
		n.Cut(hostA, hostB)
		send(t, s, "held back and gone with the sender")
		n.Host(hostB).Kill()
		send(t, busy, "are you there?")
		start := time.Now()
		go func() { time.Sleep(time.Minute); n.HealAll() }()
		expect(t, busy, "arrived, ")
		expectErr(t, "read", readOne(busy), syscall.ECONNRESET)
		expectElapsed(t, start, time.Minute+2*time.Millisecond)
		idle.SetReadDeadline(time.Now().Add(time.Hour))
		expectErr(t, "read of who never sends", readOne(idle), os.ErrDeadlineExceeded)
		send(t, idle, "x")
		idle.SetReadDeadline(time.Time{})
		expectErr(t, "read", readOne(idle), syscall.ECONNRESET)
	})
}

func TestResetOvertakenByCutIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Second, 0)
		c, _ := pair(t, n)
		n.Host(hostB).Kill()
		time.Sleep(time.Second / 2)
		n.Cut(hostA, hostB)
		time.Sleep(time.Minute)
		n.HealAll()
		c.SetReadDeadline(time.Now().Add(time.Hour))
		expectErr(t, "read", readOne(c), os.ErrDeadlineExceeded)
		start := time.Now()
		c.SetReadDeadline(time.Time{})
		send(t, c, "x")
		expectErr(t, "read", readOne(c), syscall.ECONNRESET)
		expectElapsed(t, start, 2*time.Second)
	})
}

// TestResetIsProvokedAcrossOneWayCut has the dead host's answer held back: what was sent is sent again until it is
// answered.
func TestResetIsProvokedAcrossOneWayCut(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, _ := pair(t, n)
		n.CutOneWay(hostB, hostA)
		n.Host(hostB).Kill()
		send(t, c, "x")
		start := time.Now()
		go func() { time.Sleep(time.Minute); n.Heal(hostA, hostB) }()
		expectErr(t, "read", readOne(c), syscall.ECONNRESET)
		expectElapsed(t, start, time.Minute)
	})
}

func TestCutWayBackFillsTheWindow(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		n.CutOneWay(hostB, hostA)
		received := make(chan int)
		go func() { k, _ := io.Copy(io.Discard, s); received <- int(k) }()
		c.SetWriteDeadline(time.Now().Add(time.Hour))
		done, err := c.Write(make([]byte, 1<<20))
		expectErr(t, "write without acknowledgements", err, os.ErrDeadlineExceeded)
		if done == 0 || done == 1<<20 {
			t.Fatalf("wrote %d", done)
		}
		c.SetWriteDeadline(time.Time{})
		go func() { time.Sleep(time.Minute); n.Heal(hostA, hostB) }()
		start := time.Now()
		must(c.Write(make([]byte, 1<<20)))
		expectElapsed(t, start, time.Minute)
		c.Close()
		if got := <-received; got != done+1<<20 {
			t.Fatalf("received %d", got)
		}
	})
}

// TestCrashLeavesWhatHadArrived also has a closed connection's last bytes die with the machine that was to send them
// again.
func TestCrashLeavesWhatHadArrived(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		c2, s2 := pair(t, n)
		send(t, s, "arrived")
		n.Cut(hostA, hostB)
		send(t, s, "never")
		send(t, s2, "never")
		s2.Close()
		b := n.Host(hostB)
		b.Crash()
		n.HealAll()
		b.Restart()
		expect(t, c, "arrived")
		for _, c := range []net.Conn{c, c2} {
			c.SetReadDeadline(time.Now().Add(time.Hour))
			expectErr(t, "read", readOne(c), os.ErrDeadlineExceeded)
		}
	})
}

func TestBlockedCallsOfTheCrashed(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		b := n.Host(hostB)
		_, s := pair(t, n)
		l := must(b.Listen(addrB))
		p := must(b.ListenPacket(":1"))
		errs := make(chan error)
		go func() { _, err := l.Accept(); errs <- err }()
		go func() { errs <- readOne(s) }()
		go func() { _, err := s.Write(make([]byte, 1<<20)); errs <- err }()
		go func() { _, _, err := p.ReadFrom(nil); errs <- err }()
		go func() { _, err := b.Dial(context.Background(), "10.9.9.9:1"); errs <- err }()
		synctest.Wait()
		b.Crash()
		for range 5 {
			expectErr(t, "blocked call", <-errs, net.ErrClosed)
		}
	})
}

// TestSeedDecidesJitter draws the same on a link whatever happens on another.
func TestSeedDecidesJitter(t *testing.T) {
	arrivals := func(seed uint64, others int) (times string) {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(seed)
			defer n.Close()
			c, s := pair(t, n)
			third := must(n.Host("10.0.0.3").ListenPacket(":1"))
			for range 20 {
				for range others {
					must(third.WriteTo([]byte("x"), third.LocalAddr()))
					must(third.WriteTo([]byte("x"), &net.UDPAddr{IP: net.ParseIP(hostB), Port: 1}))
				}
				start := time.Now()
				send(t, c, "x")
				expect(t, s, "x")
				took := time.Since(start)
				if took < 200*time.Microsecond || took > 300*time.Microsecond {
					t.Errorf("took %v", took)
				}
				times += took.String() + " "
			}
		})
		return times
	}
	one := arrivals(1, 0)
	if again := arrivals(1, 3); again != one {
		t.Errorf("the same seed gave\n%s and\n%s", one, again)
	}
	if arrivals(2, 0) == one {
		t.Error("another seed gave the same")
	}
}

func TestCrashIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(time.Millisecond, 0)
		b := n.Host(hostB)
		c, s := pair(t, n)
		send(t, s, "lost on the way")
		b.Crash()
		expectErr(t, "read of the crashed", readOne(s), net.ErrClosed)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		if err := readOne(c); err == nil {
			t.Fatal("heard from a crashed machine")
		}
		send(t, c, "nobody is there")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := n.Host(hostA).Dial(ctx, addrB)
		expectErr(t, "dial", err, context.DeadlineExceeded)

		// Back again, it knows nothing of the connection and says so to what is sent again.
		b.Restart()
		c.SetReadDeadline(time.Time{})
		expectErr(t, "read", readOne(c), syscall.ECONNRESET)
	})
}

func TestNetworkCloseEndsEverything(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		c, s := pair(t, n)
		errs := make(chan error)
		go func() { errs <- readOne(c) }()
		go func() { errs <- readOne(s) }()
		go func() { _, err := n.Host("10.0.0.3").Dial(context.Background(), "10.0.0.4:1"); errs <- err }()
		synctest.Wait()
		n.Close()
		for range 3 {
			if err := <-errs; err == nil {
				t.Fatal("a call survived")
			}
		}
		if _, err := n.Host("10.0.0.9").Listen(":1"); err == nil {
			t.Fatal("listens on a closed network")
		}
		n.Close()
	})
}

func packetPair(n *simnet.Network) (a, b net.PacketConn) {
	return must(n.Host(hostA).ListenPacket(":7946")), must(n.Host(hostB).ListenPacket(hostB + ":7946"))
}

func TestDatagrams(t *testing.T) {
	bubble(t, func(t *testing.T, n *simnet.Network) {
		n.SetDefaultLatency(5*time.Millisecond, 0)
		a, b := packetPair(n)
		start := time.Now()
		must(a.WriteTo([]byte("hello"), b.LocalAddr()))
		buf := make([]byte, 3)
		k, from, err := b.ReadFrom(buf)
		if string(buf[:k]) != "hel" || from.String() != hostA+":7946" || err != nil {
			t.Fatalf("%q from %v, %v", buf[:k], from, err)
		}
		expectElapsed(t, start, 5*time.Millisecond)
		b.SetReadDeadline(time.Now().Add(time.Second))
		must(a.WriteTo(nil, &net.UDPAddr{IP: net.ParseIP("10.9.9.9"), Port: 1})) // nobody there: no error
		n.Cut(hostA, hostB)
		must(a.WriteTo([]byte("lost"), b.LocalAddr()))
		if _, _, err := b.ReadFrom(buf); err == nil {
			t.Fatal("read a datagram across a cut")
		}
		n.HealAll()
		must(a.WriteTo([]byte("lost on the way"), b.LocalAddr()))
		n.Isolate(hostB)
		time.Sleep(time.Second)
		n.HealAll()
		b.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := b.ReadFrom(buf); err == nil {
			t.Fatal("a cut link delivered")
		}
		_, err = a.WriteTo(make([]byte, 1<<16), b.LocalAddr())
		expectErr(t, "big datagram", err, syscall.EMSGSIZE)
	})
}

func TestDatagramLossJitterAndFullQueue(t *testing.T) {
	count := func(t *testing.T, b net.PacketConn) (received int, swapped bool) {
		last, buf := -1, make([]byte, 16)
		b.SetReadDeadline(time.Now().Add(time.Second))
		for {
			k, _, err := b.ReadFrom(buf)
			if err != nil {
				return received, swapped
			}
			var i int
			fmt.Sscan(string(buf[:k]), &i)
			swapped = swapped || i < last
			last = i
			received++
		}
	}
	bubble(t, func(t *testing.T, n *simnet.Network) {
		a, b := packetPair(n)
		n.SetLoss(hostA, hostB, 0.25)
		n.SetLatency(hostA, hostB, time.Millisecond, 5*time.Millisecond)
		for i := range 1000 {
			must(a.WriteTo(fmt.Append(nil, i), b.LocalAddr()))
		}
		if got, swapped := count(t, b); got < 650 || got > 850 || !swapped {
			t.Errorf("received %d of 1000 at a quarter lost, swapped: %v", got, swapped)
		}
		n.SetLoss(hostA, hostB, 0)
		for i := range 10000 {
			must(a.WriteTo(fmt.Append(nil, i), b.LocalAddr()))
		}
		if got, _ := count(t, b); got != 4096 {
			t.Errorf("a full queue gave %d", got)
		}
	})
}

// BenchmarkPingPong is what one small request and its reply cost.
func BenchmarkPingPong(b *testing.B) {
	n := simnet.New(1)
	n.SetDefaultLatency(0, 0)
	defer n.Close()
	c, s := pair(b, n)
	go func() { io.Copy(s, s) }()
	buf := make([]byte, 64)
	for b.Loop() {
		must(c.Write(buf))
		must(io.ReadFull(c, buf))
	}
}
