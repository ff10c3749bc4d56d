package node

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
)

// copied is a tail and its learner, which announces an address that may be another's.
type copied struct {
	net           *simnet.Network
	tail, learner *Node
	listener      net.Listener // at the announced address; nil: there is none
}

const announced = "10.0.0.2"

// serve has f serve what comes to the announced address.
func (c *copied) serve(t *testing.T, f func(conn net.Conn)) {
	l, err := c.net.Host(announced).Listen(announced + ":6379")
	if err != nil {
		t.Fatal(err)
	}
	c.listener = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
}

// forward is what comes there, passed on to the learner.
func (c *copied) forward(conn net.Conn) {
	to, err := c.net.Host(announced).Dial(c.tail.ctx, "10.0.0.3:6379")
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, conn)
		_ = to.Close()
	}()
	_, _ = io.Copy(conn, to)
}

// answers is a server that gives one answer to whatever it is asked.
func answers(line string) func(conn net.Conn) {
	return func(conn net.Conn) {
		if _, err := conn.Read(make([]byte, 4096)); err == nil {
			_, _ = conn.Write([]byte(line + "\r\n"))
			_, _ = io.Copy(io.Discard, conn)
		}
	}
}

// outcome beats as the agent does, for so long; it answers whether the tail lets the learner join, and why not.
func (c *copied) outcome(within time.Duration) (joins bool, why string) {
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		h := c.tail.agent.Heartbeat()
		if h.Joining.Is(c.learner.self) {
			return true, ""
		}
		for _, u := range h.Unmet {
			if u.Incarnation == c.learner.self.Incarnation {
				why = u.Why
			}
		}
	}
	return false, why
}

// memberLines are the settings of a member of a group with that key, if any.
func memberLines(key string) []string {
	lines := []string{"join 10.0.1.1:16379", "appendonly no", "insecure-group yes"}
	if key != "" {
		lines = append(lines, "group-key "+key)
	}
	return lines
}

// inCopied runs f with a tail and a learner that follows it.
func inCopied(t *testing.T, key, announce string, before func(t *testing.T, c *copied, g cluster.Group),
	f func(t *testing.T, c *copied)) {
	world(t, func(t *testing.T, sim *simnet.Network) {
		sim.SetDefaultLatency(time.Millisecond, 0)
		start := func(ip string, more ...string) *Node {
			return startNode(t, sim.Host(ip), ip, append(memberLines(key), more...)...)
		}
		c := &copied{net: sim, tail: start("10.0.0.1"), learner: start("10.0.0.3", "announce-ip "+announce)}
		g := cluster.Group{Name: c.tail.settings.Group(), Epoch: 1, Chain: []cluster.Member{c.tail.self},
			Learners: []cluster.Member{c.learner.self}}
		if before != nil {
			before(t, c, g)
		}
		c.learner.replication.Adopt(g)
		c.tail.replication.Adopt(g)
		f(t, c)
		for _, n := range []*Node{c.tail, c.learner} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
		if c.listener != nil {
			_ = c.listener.Close()
		}
		time.Sleep(cluster.GossipLinger)
	})
}

// TestNobodyJoinsWhoIsElsewhere: the tail lets nobody join that it does not meet where it says to be.
func TestNobodyJoinsWhoIsElsewhere(t *testing.T) {
	const notFollowed = "-STALEEPOCH this node is not your predecessor in the present epoch" // what every version says
	another := func(adopts bool) func(t *testing.T, c *copied, g cluster.Group) {
		return func(t *testing.T, c *copied, g cluster.Group) {
			n := startNode(t, c.net.Host(announced), announced,
				append(memberLines(c.tail.settings.GroupKey()), "node-name real")...)
			if adopts {
				n.replication.Adopt(g)
			}
			t.Cleanup(func() { _ = n.Close() })
		}
	}
	serves := func(f func(conn net.Conn)) func(t *testing.T, c *copied, g cluster.Group) {
		return func(t *testing.T, c *copied, _ cluster.Group) { c.serve(t, f) }
	}
	for _, c := range []struct {
		name   string
		before func(t *testing.T, c *copied, g cluster.Group)
		own    bool // it announces where it is
		keyed  string
		plain  string // what is said of it without a key; empty: it joins
	}{
		{name: "it is there", own: true},
		{name: "it is behind another address",
			before: func(t *testing.T, c *copied, _ cluster.Group) { c.serve(t, c.forward) }},
		{name: "another one is there", before: another(true), keyed: "it is node",
			plain: `it answers "STALEEPOCH this node is real `},
		{name: "another one is there that knows no epoch", before: another(false), keyed: "it is node",
			plain: `it answers "ERR this node belongs to group ''`},
		{name: "nobody is there", before: func(_ *testing.T, c *copied, _ cluster.Group) { c.net.Host(announced) },
			keyed: "connection refused", plain: "connection refused"},
		{name: "silence is there", before: serves(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }),
			keyed: "no group-key", plain: "no answer"},
		{name: "its machine is gone",
			before: func(_ *testing.T, c *copied, _ cluster.Group) { c.net.Host(announced).Crash() },
			keyed:  "no answer", plain: "no answer"},
		{name: "a Redis is there", before: serves(answers("-ERR Unrecognized REPLCONF option: holdfast")),
			keyed: "refuses in the clear", plain: "Unrecognized"},
		{name: "an older version is there, as who is meant", before: serves(answers(notFollowed)),
			keyed: "refuses in the clear"},
		{name: "an older version is there, as another",
			before: serves(answers("-STALEEPOCH this node is n 2, not n 1")), keyed: "refuses in the clear",
			plain: "n 2"},
		{name: "what is no refusal", before: serves(answers("+OK")), keyed: "no group-key", plain: "behind it"},
	} {
		for _, key := range []string{"", testKey} {
			t.Run(fmt.Sprintf("%s, with a key: %v", c.name, key != ""), func(t *testing.T) {
				announce, want := announced, c.plain
				if c.own {
					announce = "10.0.0.3"
				}
				if key != "" {
					want = c.keyed
				}
				inCopied(t, key, announce, c.before, func(t *testing.T, w *copied) {
					joins, why := w.outcome(3 * time.Second)
					if joins != (want == "") || !strings.Contains(why, want) {
						t.Errorf("it joins: %v; because %q, want %q", joins, why, want)
					}
					if why != "" && !strings.Contains(why, "--announce-ip") {
						t.Errorf("%q does not say what to do", why)
					}
				})
			})
		}
	}
}

// TestWhoIsMetLaterJoins: a learner that was not met is looked for again, and joins when there is a way to it.
func TestWhoIsMetLaterJoins(t *testing.T) {
	inCopied(t, testKey, announced, nil, func(t *testing.T, c *copied) {
		if joins, why := c.outcome(3 * time.Second); joins || why == "" {
			t.Fatalf("it joins: %v, because %q", joins, why)
		}
		c.serve(t, c.forward)
		if joins, why := c.outcome(3 * time.Second); !joins {
			t.Errorf("it does not join though there is a way: %s", why)
		}
		if h := c.tail.agent.Heartbeat(); len(h.Unmet) > 0 {
			t.Errorf("it has joined, and the sentinels are told %v", h.Unmet)
		}
	})
}

// TestMeetingTakesNoTimeOfItsOwn: the tail looks for a learner while it catches up.
func TestMeetingTakesNoTimeOfItsOwn(t *testing.T) {
	inCopied(t, "", "10.0.0.3", nil, func(t *testing.T, c *copied) {
		began := time.Now()
		if joins, why := c.outcome(3 * time.Second); !joins {
			t.Fatal(why)
		}
		// of what it has to say, each millisecond is one way
		const copying, meeting = 60 * time.Millisecond, 10 * time.Millisecond
		if took := time.Since(began); took > copying+meeting {
			t.Errorf("it joins after %v", took)
		}
	})
}
