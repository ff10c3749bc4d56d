package identity

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"holdfast/internal/servers"
)

// TestSentinelMovesAlone: it comes back at another address, and all know it there.
func TestSentinelMovesAlone(t *testing.T) {
	i := install(t)
	i.write("before")
	s := i.sentinels[0]
	s.Kill()
	s.IP = address()
	i.start(s)
	i.whole()
	i.has("before")
}

// TestGroupIsRenamed, there and back, by restarts with another --group: the data goes along. Of one that does so by
// mistake the others take no notice.
func TestGroupIsRenamed(t *testing.T) {
	i := install(t)
	i.write("k")
	rename := func(to string, nodes ...*servers.Member) {
		for _, m := range nodes {
			m.Kill()
		}
		for _, m := range nodes {
			m.Args = nil
			if to != "mymaster" {
				m.Args = []string{"--group", to}
			}
			i.start(m)
		}
	}
	there := func(group string) {
		c := i.clientOf(group)
		i.until("the data of "+group, func() bool { return c.Get(t.Context(), "k").Val() == "v" })
	}
	rename("other", i.nodes[:]...)
	there("other")
	rename("mymaster", i.nodes[:]...)
	there("mymaster")
	rename("mistaken", i.nodes[1])
	i.write("without it")
	rename("mymaster", i.nodes[1])
	i.until("all three in the chain", func() bool {
		_, text, _ := strings.Cut(i.status(i.sentinels[0]), "group mymaster")
		group, _, _ := strings.Cut(text, "\ngroup ")
		return strings.Count(group, "  yes  ") == 3 && strings.Count(group, "  ok ") >= 3 &&
			!strings.Contains(group, "down\n")
	})
	there("mymaster")
	i.has("k", "without it")
}

// TestCopiedConfiguration: a node that announces the address of another for a moment changes nothing, and is told why.
func TestCopiedConfiguration(t *testing.T) {
	i := install(t)
	i.write("before")
	twin := newMember(t, "node")
	twin.Args = []string{"--announce-ip", i.master().IP}
	i.start(twin)
	i.await(twin, "which is there: announce another")
	twin.Kill()
	i.whole()
	i.write("after")
	i.has("before", "after")
}

// TestOnlyAnotherInstallationIsJoined: a node that is told to join nobody but another installation has no place
// anywhere, and finds back.
func TestOnlyAnotherInstallationIsJoined(t *testing.T) {
	a, b := install(t), install(t)
	a.write("a")
	b.write("b")
	m := b.nodes[2]
	m.Kill()
	m.Start(t, a.seeds())
	a.until("the refusal", func() bool { return strings.Contains(a.status(a.sentinels[0]), "REFUSED") })
	a.until("the node's own word of it", func() bool { return strings.Contains(m.Log(), "is not let in") })
	b.write("without it")
	m.Kill()
	b.start(m)
	b.whole()
	a.whole()
	a.has("a")
	b.has("b", "without it")
	if v, err := a.client().Exists(t.Context(), "b").Result(); err != nil || v != 0 {
		t.Errorf("the one has the other's data: %d, %v", v, err)
	}
}

// TestAnnouncedElsewhere: nodes that listen on all addresses, and are reached by another port than they listen on, as
// behind NAT, form a chain and fail over.
func TestAnnouncedElsewhere(t *testing.T) {
	key, everywhere := strings.Repeat("5a", 32), 25879 // the first port on all addresses
	i := install(t, func(m *servers.Member) {
		m.Args = []string{"--group-key", key}
		if m.Kind != "node" {
			return
		}
		outside, err := net.Listen("tcp", m.IP+":0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = outside.Close() })
		m.AnnouncePort = outside.Addr().(*net.TCPAddr).Port
		inside := everywhere
		everywhere += 2
		go forward(outside, fmt.Sprintf("127.0.0.1:%d", inside))
		m.Args = append(m.Args, "--bind", "0.0.0.0", "--port", fmt.Sprint(inside), "--gossip-port",
			fmt.Sprint(inside+1),
			"--announce-port", fmt.Sprint(m.AnnouncePort), "--protected-mode", "no")
	})
	i.write("before")
	i.master().Kill()
	i.write("after")
	i.has("before", "after")
}

// forward passes connections on until the listener is closed.
func forward(l net.Listener, to string) {
	for {
		out, err := l.Accept()
		if err != nil {
			return
		}
		in, err := net.Dial("tcp", to)
		if err != nil {
			_ = out.Close()
			continue
		}
		pass := func(to, from net.Conn) {
			_, _ = io.Copy(to, from) // either end may go at any time
			_, _ = to.Close(), from.Close()
		}
		go pass(in, out)
		go pass(out, in)
	}
}

// TestPortInUse: whoever has one of a member's ports for a moment only holds it up; the log says so.
func TestPortInUse(t *testing.T) {
	for _, test := range []struct {
		kind string
		flag string // of the port
	}{
		{"node", "--port"}, {"node", "--gossip-port"},
		{"sentinel", "--port"}, {"sentinel", "--gossip-port"}, {"sentinel", "--raft-port"},
	} {
		t.Run(test.kind+test.flag, func(t *testing.T) {
			t.Parallel()
			m := newMember(t, test.kind)
			held, err := net.Listen("tcp", m.IP+":0")
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			_, port, _ := net.SplitHostPort(held.Addr().String())
			m.Args = []string{test.flag, port}
			i := &installation{t: t}
			m.Start(t, address()+":1")
			i.await(m, "trying again")
			if err := held.Close(); err != nil {
				t.Fatal(err)
			}
			up := map[string]string{"node": "ready to accept connections", "sentinel": "sentinel started"}
			i.await(m, up[test.kind])
		})
	}
}
