package membership_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/simnet"
	"holdfast/membership"
)

const groupKey = "5f0c4f6d1d6a0a8b3c9e7d2f1a4b6c8d0e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b"

func group(t testing.TB, key string) *membership.Group {
	t.Helper()
	g, err := membership.Derive(key)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func member(t testing.TB, key, kind, name string) *membership.Member {
	t.Helper()
	if key == "" {
		return nil
	}
	m, err := group(t, key).Member(membership.Peer{Kind: kind, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestKeys(t *testing.T) {
	a, again, other, words := group(t, groupKey), group(t, groupKey), group(t, membership.NewKey()), group(t, "made up")
	if len(a.Gossip()) != 32 || !bytes.Equal(a.Gossip(), again.Gossip()) {
		t.Errorf("the gossip's key is %x at one member and %x at another", a.Gossip(), again.Gossip())
	}
	if bytes.Equal(a.Gossip(), other.Gossip()) || bytes.Equal(a.Gossip(), words.Gossip()) {
		t.Error("two groups have one key")
	}
	if _, err := membership.Derive(""); err == nil {
		t.Error("an empty group-key is taken")
	}
	if k := membership.NewKey(); len(k) != 64 || k == membership.NewKey() {
		t.Errorf("a new key is %q", k)
	}
}

// TestNames: who a member is arrives as it is, whatever its name has in it.
func TestNames(t *testing.T) {
	for _, name := range []string{"127.0.0.1:6379", "[::1]:6379", "a b/c%2f?d#e", "größer", strings.Repeat("x", 900),
		"../x"} {
		m := member(t, groupKey, membership.Node, name)
		s := member(t, groupKey, membership.Sentinel, "s")
		a, b := net.Pipe()
		got := make(chan membership.Peer, 1)
		go func() {
			c := s.Accept(b, membership.Quorum)
			_, _ = c.Read(make([]byte, 1))
			got <- c.Peer()
		}()
		conn, peer, err := m.Client(t.Context(), a, membership.Quorum, membership.Peer{Kind: membership.Sentinel})
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if p := <-got; p.Name != name || p.Kind != membership.Node || peer.Name != "s" {
			t.Errorf("%q arrives as %v, and meets %v", name, p, peer)
		}
		_ = a.Close()
	}
	if _, err := group(t, groupKey).Member(membership.Peer{Kind: membership.Node}); err == nil {
		t.Error("a member without a name gets a certificate")
	}
}

// TestWhoIsRefused: of each pair only those who share a key, mean each other and the same line, understand each other.
func TestWhoIsRefused(t *testing.T) {
	node, sentinel := membership.Peer{Kind: membership.Node, Name: "n"},
		membership.Peer{Kind: membership.Sentinel, Name: "s"}
	for _, c := range []struct {
		name         string
		from, to     string // keys
		accepts      membership.Peer
		on           membership.Line
		want         membership.Peer
		failsWith    string // at the one who dialed; empty: it is served
		failsThereAs error
	}{
		{name: "members", from: groupKey, to: groupKey, accepts: sentinel, on: membership.Quorum, want: sentinel},
		{name: "any of that kind", from: groupKey, to: groupKey, accepts: sentinel, on: membership.Quorum,
			want: membership.Peer{Kind: membership.Sentinel}},
		{name: "another key", from: membership.NewKey(), to: groupKey, accepts: sentinel, on: membership.Quorum,
			want: sentinel, failsWith: "another group-key"},
		{name: "another name", from: groupKey, to: groupKey, accepts: sentinel, on: membership.Quorum,
			want: membership.Peer{Kind: membership.Sentinel, Name: "t"}, failsWith: "it is sentinel s, not sentinel t"},
		{name: "another kind", from: groupKey, to: groupKey, accepts: node, on: membership.Quorum,
			want: membership.Peer{Kind: membership.Sentinel, Name: "n"}, failsWith: "not sentinel.holdfast.internal"},
		{name: "another line", from: groupKey, to: groupKey, accepts: sentinel, on: membership.Raft, want: sentinel,
			failsWith: "no application protocol"},
		{name: "one without a key", from: groupKey, to: "", accepts: sentinel, on: membership.Quorum, want: sentinel,
			failsWith: "no group-key", failsThereAs: membership.ErrNoKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := net.Pipe()
			there := make(chan error, 1)
			go func() {
				conn := member(t, c.to, c.accepts.Kind, c.accepts.Name).Accept(b, c.on)
				_, err := io.ReadFull(conn, make([]byte, 5))
				if err == nil {
					_, err = conn.Write([]byte("world"))
				}
				_ = conn.Close()
				there <- err
			}()
			conn, _, err := member(t, c.from, membership.Node, "n").Client(t.Context(), a, membership.Quorum, c.want)
			if err == nil {
				_, err = conn.Write([]byte("hello"))
			}
			if err == nil {
				_, err = io.ReadFull(conn, make([]byte, 5))
			}
			_ = a.Close()
			if c.failsWith == "" && err != nil || c.failsWith != "" &&
				(err == nil || !strings.Contains(err.Error(), c.failsWith)) {
				t.Errorf("the one who dialed is told %v, want %q", err, c.failsWith)
			}
			if err := <-there; (err == nil) != (c.failsWith == "") || c.failsThereAs != nil &&
				!errors.Is(err, c.failsThereAs) {
				t.Errorf("the other is told %v", err)
			}
		})
	}
}

// TestPlainClients: whoever is no member is heard as ever where anybody may connect, and refused where only members
// may.
func TestPlainClients(t *testing.T) {
	m := member(t, groupKey, membership.Sentinel, "s")
	for _, c := range []struct {
		conn func(net.Conn) *membership.Conn
		want error
	}{
		{conn: func(c net.Conn) *membership.Conn { return m.Accept(c, membership.Quorum) }},
		{conn: func(c net.Conn) *membership.Conn { return m.AcceptMember(c, membership.Raft, membership.Sentinel) },
			want: membership.ErrStranger},
		{conn: func(c net.Conn) *membership.Conn {
			return (*membership.Member)(nil).AcceptMember(c, membership.Raft, membership.Sentinel)
		}},
	} {
		a, b := net.Pipe()
		go func() {
			_, _ = a.Write([]byte("PING\r\n"))
			_ = a.Close()
		}()
		conn := c.conn(b)
		said, err := io.ReadAll(conn)
		if !errors.Is(err, c.want) || err == nil && string(said) != "PING\r\n" || conn.Peer() != (membership.Peer{}) {
			t.Errorf("read %q, %v, want %v; it is %v", said, err, c.want, conn.Peer())
		}
	}
}

// chopped gives its bytes in small pieces.
type chopped struct {
	net.Conn
	rng *rand.Rand
}

func (c chopped) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), 1+c.rng.IntN(700))]) }

// shaken does the handshake of a link and has both sides, a of m and b of n, say something in the clear at once; it
// returns what each heard.
func shaken(t testing.TB, m, n *membership.Member, a, b net.Conn, first int, fromA, fromB []byte) (atA, atB []byte) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		head := make([]byte, first)
		_, err := io.ReadFull(b, head)
		if err == nil && head[0] != membership.Hello {
			err = errors.New("a handshake begins with another byte")
		}
		var p membership.Peer
		if err == nil {
			p, err = n.Check(context.Background(), b, head)
		}
		if err == nil && p != (membership.Peer{Kind: membership.Node, Name: "a"}) {
			err = errors.New("it is " + p.String())
		}
		atB = make([]byte, len(fromA))
		if err == nil {
			_, err = io.ReadFull(b, atB)
		}
		if err == nil {
			_, err = b.Write(fromB)
		}
		done <- err
	}()
	if err := m.Prove(t.Context(), a, membership.Peer{Kind: membership.Node, Name: "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write(fromA); err != nil {
		t.Fatal(err)
	}
	atA = make([]byte, len(fromB))
	if _, err := io.ReadFull(a, atA); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return atA, atB
}

// TestLeavesTLS: in virtual time, over a slow line in pieces of all sizes; what is said right behind the handshake is
// heard, whole and in the clear.
func TestLeavesTLS(t *testing.T) {
	m, n := member(t, groupKey, membership.Node, "a"), member(t, groupKey, membership.Node, "b")
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			network := simnet.New(seed)
			network.SetDefaultLatency(time.Millisecond, time.Millisecond)
			defer network.Close()
			l, err := network.Host("10.0.0.2").Listen("10.0.0.2:1")
			if err != nil {
				t.Fatal(err)
			}
			a, err := network.Host("10.0.0.1").Dial(t.Context(), "10.0.0.2:1")
			if err != nil {
				t.Fatal(err)
			}
			b, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(seed, 1))
			began := time.Now()
			heard, there := shaken(t, m, n, chopped{a, rng}, chopped{b, rand.New(rand.NewPCG(seed, 2))},
				1+rng.IntN(200), []byte("PSYNC ? -1\r\n"), []byte("+CONTINUE\r\n"))
			if string(heard) != "+CONTINUE\r\n" || string(there) != "PSYNC ? -1\r\n" {
				t.Errorf("seed %d: heard %q and %q", seed, heard, there)
			}
			if took := time.Since(began); took > 4*2*time.Millisecond {
				t.Errorf("it took %v: more than a round trip beside that of the question", took)
			}
		})
	}
}

// TestSilentStranger: who begins a handshake and goes on with nothing is not waited for, nor who is dialed and says
// nothing.
func TestSilentStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := member(t, groupKey, membership.Node, "a")
		a, b := net.Pipe()
		go func() { _, _ = a.Write([]byte{membership.Hello, 3, 1}) }()
		began := time.Now()
		if _, err := m.Accept(b, membership.Quorum).Read(make([]byte, 10)); err == nil ||
			time.Since(began) > time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		c, d := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, d) }()
		if err := m.Prove(t.Context(), c, membership.Peer{Kind: membership.Node, Name: "b"}); err == nil ||
			time.Since(began) > time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		_, _ = a.Close(), c.Close()
	})
}

// FuzzCheck: whatever a stranger says instead of a handshake, it proves nothing, and nothing breaks.
func FuzzCheck(f *testing.F) {
	m := member(f, groupKey, membership.Node, "a")
	f.Add([]byte{membership.Hello}, uint8(1))
	f.Add([]byte{membership.Hello, 3, 1, 0, 0}, uint8(3))
	f.Add(append([]byte{membership.Hello, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, make([]byte, 505)...), uint8(7))
	f.Fuzz(func(t *testing.T, said []byte, first uint8) {
		a, b := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, a) }()
		n := min(int(first), len(said))
		go func() {
			_, _ = a.Write(said[n:])
			_ = a.Close()
		}()
		if p, err := m.Check(t.Context(), b, said[:n]); err == nil {
			t.Fatalf("%x proves to be %v", said, p)
		}
		_ = b.Close()
	})
}

// FuzzLeavesTLS: what is said in the clear behind a handshake arrives, however the bytes are cut.
func FuzzLeavesTLS(f *testing.F) {
	m, n := member(f, groupKey, membership.Node, "a"), member(f, groupKey, membership.Node, "b")
	f.Add(uint64(1), []byte("hello"), []byte("world"))
	f.Fuzz(func(t *testing.T, seed uint64, fromA, fromB []byte) {
		if len(fromA) == 0 || len(fromB) == 0 {
			return // a pipe waits until somebody reads even nothing
		}
		a, b := net.Pipe()
		rng := rand.New(rand.NewPCG(seed, 1))
		atA, atB := shaken(t, m, n, chopped{a, rng}, chopped{b, rand.New(rand.NewPCG(seed, 2))}, 1+rng.IntN(200), fromA,
			fromB)
		if !bytes.Equal(atA, fromB) || !bytes.Equal(atB, fromA) {
			t.Fatalf("heard %q and %q, said %q and %q", atA, atB, fromB, fromA)
		}
	})
}

func BenchmarkProve(b *testing.B) {
	m, n := member(b, groupKey, membership.Node, "a"), member(b, groupKey, membership.Node, "b")
	for b.Loop() {
		x, y := net.Pipe()
		go func() { _, _ = n.Check(context.Background(), y, nil) }()
		if err := m.Prove(b.Context(), x, membership.Peer{Kind: membership.Node, Name: "b"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHeartbeat is a message of a heartbeat's size and its answer, in TLS and in the clear.
func BenchmarkHeartbeat(b *testing.B) {
	for _, key := range []string{groupKey, ""} {
		b.Run(map[bool]string{true: "clear", false: "tls"}[key == ""], func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				conn := member(b, key, membership.Sentinel, "s").Accept(c, membership.Quorum)
				_, _ = io.Copy(conn, conn)
			}()
			raw, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			conn, _, err := member(b, key, membership.Node, "n").Client(b.Context(), raw, membership.Quorum,
				membership.Peer{Kind: membership.Sentinel})
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			msg := make([]byte, 800)
			for i := range msg {
				msg[i] = 'x'
			}
			for b.Loop() {
				if _, err := conn.Write(msg); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(conn, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sayer is a connection to who says something, whatever he hears, and closes.
func sayer(words string) net.Conn {
	a, b := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, b) }()
	go func() {
		_, _ = io.WriteString(b, words)
		_ = b.Close()
	}()
	return a
}

// TestReasonInTheClear: who refuses before the handshake says why in the clear, and that is passed on.
func TestReasonInTheClear(t *testing.T) {
	for words, want := range map[string]string{
		"-ERR max number of clients reached\r\n": `it refuses in the clear: "ERR max number of clients reached"`,
		"-DENIED \x1b[2J\r\n":                    `it refuses in the clear: "DENIED \x1b[2J"`,
		"+OK what do you want\r\n":               "it has no group-key",
		"":                                       "it has no group-key",
	} {
		m := member(t, groupKey, membership.Node, "a")
		_, _, err := m.Client(t.Context(), sayer(words), membership.Quorum, membership.Peer{Kind: membership.Sentinel})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", words, err, want)
		}
		if err := m.Prove(t.Context(), sayer(words), membership.Peer{Kind: membership.Node, Name: "b"}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("chain: %q: %v, want %q", words, err, want)
		}
	}
}
