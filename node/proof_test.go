package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/cluster"
	door "holdfast/door/resp"
	"holdfast/internal/simnet"
	"holdfast/membership"
	"holdfast/node/config"
	"holdfast/node/member"
	"holdfast/resp"
	"holdfast/transport"
)

const testKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// memberOf is another member of a node's group.
func memberOf(t *testing.T, key, kind, name string) *membership.Member {
	t.Helper()
	g, err := membership.Derive(key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := g.Member(membership.Peer{Kind: kind, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// proves connects to a node, proves to be a member, and says something at once; it returns what comes back until the
// end.
func proves(t *testing.T, network transport.Network, m *membership.Member, addr, name, says string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := network.Dial(ctx, addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := m.Prove(ctx, conn, membership.Peer{Kind: membership.Node, Name: name}); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte(says)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// TestMembersAndClients: on one port of real sockets, which the loops serve, members prove themselves and go on in the
// clear beside clients who prove nothing, and need no password.
func TestMembersAndClients(t *testing.T) {
	n := startNode(t, transport.Host{}, "127.0.0.1", "port 0", "requirepass pw", "join 127.0.0.1:1",
		"group-key "+testKey)
	defer n.Close()
	m := memberOf(t, testKey, membership.Node, "other")
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			said := strings.Repeat("PING\r\n", 1+i*100) + "QUIT\r\n"
			got, err := proves(t, transport.Host{}, m, n.Addr(), n.self.Name, said)
			if want := strings.Repeat("+PONG\r\n", 1+i*100) + "+OK\r\n"; got != want || err != nil {
				t.Errorf("a member is answered %.40q (%d bytes, want %d), %v", got, len(got), len(want), err)
			}
		})
		all.Go(func() {
			c, err := resp.Dial(context.Background(), transport.Host{}, n.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if _, err := c.Do(context.Background(), "PING"); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
				t.Errorf("a client without a password is answered %v", err)
			}
			if _, err := c.Do(context.Background(), "AUTH", "pw"); err != nil {
				t.Error(err)
			}
			if v, err := c.Do(context.Background(), "PING"); err != nil || v.String() != "PONG" {
				t.Errorf("a client is answered %v, %v", v, err)
			}
		})
	}
	all.Wait()
}

// TestWhoSpeaksForAMember: hello and the question whether an epoch stands are for members, each for itself; everybody
// else is refused, also who knows the password. A group without a key believes everybody.
func TestWhoSpeaksForAMember(t *testing.T) {
	hello := func(word, name string) string {
		text := fmt.Sprintf(`{"group":"mymaster","member":{"name":"%s","incarnation":"i","addr":"10.0.0.2:6379"}}`,
			name)
		return string(resp.AppendCommandStrings(nil, "REPLCONF", word, text)) + "QUIT\r\n"
	}
	for _, c := range []struct {
		name, as, key string
		kind          string
		refusal       string
	}{
		{name: "a client", refusal: "-NOPROOF only members"},
		{name: "another member", as: "c", key: testKey, kind: membership.Node,
			refusal: "-NOPROOF this connection is one of c, which can't speak for b"},
		{name: "itself", as: "b", key: testKey, kind: membership.Node,
			refusal: "-ERR this node belongs to group '', not"},
		{name: "another group", as: "b", key: membership.NewKey(), kind: membership.Node, refusal: "another group-key"},
		{name: "a sentinel", as: "b", key: testKey, kind: membership.Sentinel, refusal: ""},
	} {
		for _, word := range []string{"holdfast", "confirm"} {
			world(t, func(t *testing.T, net *simnet.Network) {
				n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "join 10.0.0.9:16379", "node-name a",
					"group-key "+testKey)
				var m *membership.Member
				if c.key != "" {
					m = memberOf(t, c.key, c.kind, c.as)
				}
				got, err := proves(t, net.Host("10.0.0.2"), m, "10.0.0.1:6379", "a", hello(word, "b"))
				if err != nil {
					got = err.Error()
				}
				if !strings.Contains(got, c.refusal) || c.refusal == "" && got != "" ||
					strings.Contains(got, "+OK\r\n+OK") {
					t.Errorf("%s says %s: %q, want %q", c.name, word, got, c.refusal)
				}
				if err := n.Close(); err != nil {
					t.Error(err)
				}
				time.Sleep(cluster.GossipLinger)
			})
		}
	}
}

// TestProtectedModeWaitsForNobody: of other machines' connections only members' keep a place, whatever they say, or
// don't.
func TestProtectedModeWaitsForNobody(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "protected-mode yes", "join 10.0.0.9:16379", "node-name a",
			"group-key "+testKey)
		defer n.Close()
		stranger, err := net.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		member, err := net.Host("10.0.0.8").Dial(t.Context(), "10.0.0.1:6379")
		if err != nil {
			t.Fatal(err)
		}
		m := memberOf(t, testKey, membership.Node, "b")
		if err := m.Prove(t.Context(), member, membership.Peer{Kind: membership.Node, Name: "a"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		_ = stranger.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := stranger.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a stranger that says nothing keeps its place: %v", err)
		}
		if v, err := resp.NewClient(member).Do(t.Context(), "PING"); err != nil || v.String() != "PONG" {
			t.Errorf("a member that was silent is answered %q, %v", v.String(), err)
		}
	})
}

// TestProtectedModeLetsMembersIn: other machines' clients are refused as ever, members prove themselves.
func TestProtectedModeLetsMembersIn(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "protected-mode yes", "join 10.0.0.9:16379", "node-name a",
			"group-key "+testKey)
		dial(t, net.Host("10.0.0.9"), "10.0.0.1").answers("PING", "-"+door.ErrProtected)
		if got, err := proves(t, net.Host("10.0.0.2"), memberOf(t, testKey, membership.Node, "b"), "10.0.0.1:6379", "a",
			"PING\r\nQUIT\r\n"); got != "+PONG\r\n+OK\r\n" || err != nil {
			t.Errorf("a member is answered %q, %v", got, err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(cluster.GossipLinger)
	})
}

// TestHandshakesBrokenOff: strangers who begin to prove themselves and say something else are hung up on, and nobody
// else notices.
func TestHandshakesBrokenOff(t *testing.T) {
	n := startNode(t, transport.Host{}, "127.0.0.1", "port 0", "join 127.0.0.1:1",
		"group-key "+testKey)
	defer n.Close()
	for _, said := range []string{"\x16", "\x16\x03\x01\x00\x05hello", "\x16*1\r\n$4\r\nPING\r\n",
		"\x16\x03\x01\x00\x00\x16\x03\x01\x00\x00"} {
		conn, err := net.Dial("tcp", n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, _ = conn.Write([]byte(said))
		if len(said) > 1 {
			if got, err := io.ReadAll(conn); bytes.Contains(got, []byte("PONG")) {
				t.Errorf("%q is answered %q, %v", said, got, err)
			}
		}
		_ = conn.Close()
	}
	c, err := resp.Dial(t.Context(), transport.Host{}, n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if v, err := c.Do(t.Context(), "PING"); err != nil || v.String() != "PONG" {
		t.Errorf("a client is answered %v, %v", v, err)
	}
}

// TestSecretsAreShownHere: passwords and keys are shown on this machine, to whoever has authenticated; elsewhere only
// that there are some.
func TestSecretsAreShownHere(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "requirepass pw", "masterauth m", "join 10.0.0.9:16379",
			"group-key "+testKey)
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		c.answers("AUTH pw", "OK")
		for _, name := range []string{"requirepass", "masterauth", "group-key", "gossip-key"} {
			if got := c.do("CONFIG", "GET", name); !strings.Contains(got, "hidden") {
				t.Errorf("%s is shown to another machine: %s", name, got)
			}
		}
		if got := c.do("CONFIG", "GET", "*"); strings.Contains(got, testKey) || strings.Contains(got, "pw") {
			t.Errorf("secrets are shown to another machine: %s", got)
		}
		c.answers("CONFIG GET sentinel-auth-pass", "[sentinel-auth-pass ]")
		if text := string(n.settings.Rewrite(nil)); !strings.Contains(text, "group-key "+testKey) ||
			!strings.Contains(text, "requirepass pw") {
			t.Errorf("CONFIG REWRITE would lose them: %s", text)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(cluster.GossipLinger)
	})
	n := startNode(t, transport.Host{}, "127.0.0.1", "port 0", "requirepass pw")
	defer n.Close()
	local, err := resp.Dial(t.Context(), transport.Host{}, n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	here := client{t, local}
	here.answers("AUTH pw", "OK")
	here.answers("CONFIG GET requirepass", "[requirepass pw]")
}

// TestKeyNeeded: a member that other machines can reach, or that has a password to tell, has a key or was told to go on
// without.
func TestKeyNeeded(t *testing.T) {
	for lines, fails := range map[string]bool{
		"bind *":                                      false, // a node alone
		"bind 127.0.0.1|join a:1":                     false,
		"bind *|join a:1":                             true,
		"bind 127.0.0.1 -::1|join a:1":                false,
		"bind 127.0.0.1 10.0.0.1|join a:1":            true,
		"bind 127.0.0.1|announce-ip x.y|join a:1":     true,
		"bind *|join a:1|group-key k":                 false,
		"bind *|join a:1|gossip-key k":                false,
		"bind *|join a:1|sentinel-auth-pass k":        false,
		"bind *|join a:1|insecure-group yes":          false,
		"bind 127.0.0.1|join a:1|requirepass p":       true,
		"bind 127.0.0.1|join a:1|masterauth p":        true,
		"bind ::1|join a:1|requirepass p|group-key k": false,
	} {
		s := config.Default()
		for _, l := range strings.Split(lines, "|") {
			words := strings.Fields(l)
			if err := s.Set(words[0], words[1:]); err != nil {
				t.Fatal(err)
			}
		}
		_, err := New(Config{Settings: s, Network: transport.Host{}, Logger: slog.New(slog.DiscardHandler)})
		if (err != nil) != fails || err != nil && !strings.Contains(err.Error(), "holdfast group-key") {
			t.Errorf("%s: %v", lines, err)
		}
	}
}

// TestInsecureWarning: a member that goes on without a key says so at its start and every hour; one with a key, or on
// loopback, does not.
func TestInsecureWarning(t *testing.T) {
	for lines, want := range map[string]int{
		"bind 10.0.0.1|join 10.0.0.9:1|insecure-group yes":                        3,
		"bind 10.0.0.1|join 10.0.0.9:1|insecure-group yes|group-key " + testKey:   0,
		"bind 127.0.0.1|join 10.0.0.9:1|announce-ip 127.0.0.1|insecure-group yes": 0,
	} {
		world(t, func(t *testing.T, net *simnet.Network) {
			var said bytes.Buffer
			n, err := New(Config{Settings: settingsOf(t, strings.Split(lines, "|")...), Network: net.Host("10.0.0.1"),
				Logger: slog.New(slog.NewTextHandler(&said, nil))})
			if err != nil {
				t.Fatal(err)
			}
			n.work.Go(func() { member.Warn(n.settings, n.logger, n.stopped) })
			time.Sleep(2*time.Hour + time.Minute)
			n.cancel()
			n.work.Wait()
			if got := strings.Count(said.String(), "insecure-group"); got != want {
				t.Errorf("%s: warned %d times in two hours, want %d", lines, got, want)
			}
		})
	}
}

// TestSentinelAnswersForItself: what a sentinel says in another's name extends no lease, though it is a member.
func TestSentinelAnswersForItself(t *testing.T) {
	for _, c := range []struct {
		says  string
		heard bool
	}{{"s1", true}, {"s2", false}} {
		world(t, func(t *testing.T, net *simnet.Network) {
			n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "join 10.0.0.9:16379", "node-name a",
				"group-key "+testKey)
			l, err := net.Host("10.0.1.1").Listen("10.0.1.1:26379")
			if err != nil {
				t.Fatal(err)
			}
			m := memberOf(t, testKey, membership.Sentinel, "s1")
			var serving sync.WaitGroup
			serving.Go(func() {
				for {
					raw, err := l.Accept()
					if err != nil {
						return
					}
					serving.Go(func() {
						conn := m.Accept(raw, membership.Quorum)
						defer conn.Close()
						if _, err := conn.Read(make([]byte, 1<<16)); err != nil {
							return
						}
						w := resp.Writer{}
						w.BulkString(fmt.Sprintf(
							`{"seq":1,"installation":"i","sentinel":"%s","accepted":true,`+
								`"down_after_ms":1000,"voters":1}`, c.says))
						_, _ = conn.Write(w.Buf)
						_, _ = io.Copy(io.Discard, conn)
					})
				}
			})
			keys, err := membership.Derive(testKey)
			if err != nil {
				t.Fatal(err)
			}
			g, err := cluster.NewGossip(cluster.GossipConfig{
				Network: net.Host("10.0.0.9"), Self: cluster.Node{Kind: "sentinel", Name: "s1", Addr: "10.0.1.1:26379",
					Incarnation: "1"},
				Bind: "10.0.0.9:16379", Advertise: "10.0.0.9:16379", Key: keys.Gossip(),
				Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			if heard := n.agent.Hears("10.0.1.1:26379"); heard != c.heard {
				t.Errorf("s1 says that it is %s: heard %v, want %v", c.says, heard, c.heard)
			}
			_, _ = l.Close(), g.Close()
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			serving.Wait()
			time.Sleep(cluster.GossipLinger)
		})
	}
}
