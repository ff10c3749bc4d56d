package node

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/resp"
	"holdfast/transport"
)

type client struct {
	t *testing.T
	*resp.Client
}

func dial(t *testing.T, network transport.Network, ip string) client {
	t.Helper()
	c, err := resp.Dial(t.Context(), network, ip+":6379")
	if err != nil {
		t.Fatal(err)
	}
	return client{t, c}
}

// do answers the reply as text; an error reply begins with "-".
func (c client) do(args ...any) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	v, err := c.Do(ctx, args...)
	if err != nil {
		return "-" + err.Error()
	}
	return v.String()
}

// world runs f in virtual time on a simulated network.
func world(t *testing.T, f func(t *testing.T, net *simnet.Network)) {
	synctest.Test(t, func(t *testing.T) {
		net := simnet.New(1)
		f(t, net)
		net.Close()
	})
}

// answers sends a command, written in words, and compares the reply.
func (c client) answers(command, want string) {
	c.t.Helper()
	words := strings.Fields(command)
	args := make([]any, len(words))
	for i, w := range words {
		args[i] = w
	}
	if got := c.do(args...); got != want {
		c.t.Errorf("%s: %q, want %q", command, got, want)
	}
}

// TestFailedStart: a node that could not start is closed.
func TestFailedStart(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		other, err := New(Config{Settings: settingsOf(t, "bind 10.0.0.1", "appendonly yes"), Files: memfs.New(),
			Network: net.Host("10.0.0.1"), Logger: n.logger})
		if err != nil {
			t.Fatal(err)
		}
		err = other.Start()
		if err == nil || !strings.Contains(err.Error(), "cannot listen") || other.ctx.Err() == nil {
			t.Errorf("Start answers %v; the node goes on: %v", err, other.ctx.Err() == nil)
		}
		_ = n.Close()
	})
}

func TestStandalone(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		for _, step := range [][2]string{{"SET a 1", "OK"}, {"INCR a", "2"}, {"GET a", "2"},
			{"NOPE", "-ERR unknown command 'NOPE', with args beginning with: "}} {
			c.answers(step[0], step[1])
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestReplicaFollowsAndWaitCounts(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		a := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		b := startNode(t, net.Host("10.0.0.2"), "10.0.0.2")
		c := startNode(t, net.Host("10.0.0.3"), "10.0.0.3")
		outside := net.Host("10.0.0.9")
		ca, cb, cc := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.2"), dial(t, outside, "10.0.0.3")
		ca.do("SELECT", "3")
		ca.do("SET", "before", "1")
		cb.do("REPLICAOF", "10.0.0.1", "6379")
		cc.do("REPLICAOF", "10.0.0.2", "6379") // a follower of a follower
		time.Sleep(3 * time.Second)
		ca.do("SET", "after", "2")
		if got := ca.do("WAIT", "1", "1000"); got != "1" {
			t.Errorf("WAIT answers %s", got)
		}
		if got := ca.do("WAIT", "2", "100"); got != "1" {
			t.Errorf("WAIT for one replica too many answers %s", got)
		}
		time.Sleep(time.Second)
		for _, r := range []client{cb, cc} {
			r.do("SELECT", "3")
			if got := r.do("GET", "before") + r.do("GET", "after"); got != "12" {
				t.Errorf("a replica answers %q", got)
			}
			if got := r.do("SET", "x", "1"); !strings.HasPrefix(got, "-READONLY") {
				t.Errorf("a replica takes a write: %s", got)
			}
		}
		for _, n := range []*Node{a, b, c} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestPauseHoldsWritesBack(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		outside := net.Host("10.0.0.9")
		a, b := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1")
		a.do("CLIENT", "PAUSE", "2000", "WRITE")
		if got := b.do("GET", "k"); got != "" {
			t.Errorf("a read under a pause of writes: %s", got)
		}
		before := time.Now()
		if got := b.do("SET", "k", "v"); got != "OK" {
			t.Error(got)
		}
		if waited := time.Since(before); waited < 1900*time.Millisecond {
			t.Errorf("the write waited %v", waited)
		}
		_ = n.Close()
	})
}

func TestManyClientsDisconnectCleanly(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "maxclients 50")
		outside := net.Host("10.0.0.9")
		var all []client
		for i := range 50 {
			c := dial(t, outside, "10.0.0.1")
			if got := c.do("SET", fmt.Sprint(i), "v"); got != "OK" {
				t.Fatal(got)
			}
			all = append(all, c)
		}
		if got := dial(t, outside, "10.0.0.1").do("PING"); !strings.Contains(got, "max number of clients") {
			t.Errorf("the client too many hears %q", got)
		}
		for _, c := range all {
			_ = c.Close()
		}
		time.Sleep(time.Second)
		n.engine.Lock()
		left := n.env.Clients.Len()
		n.engine.Unlock()
		if left != 0 {
			t.Errorf("%d sessions are left", left)
		}
		_ = n.Close()
	})
}

func TestMalformedInputAfterACommand(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		if _, err := c.Conn().Write([]byte("*1\r\n$4\r\nPING\r\n*1\r\nPING\r\n")); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c.Conn())
		if want := "+PONG\r\n-ERR Protocol error: expected '$', got 'P'\r\n"; string(got) != want || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		_ = n.Close()
	})
}

// TestPipelineBehindAuth: a stranger's commands must be small, but what it sends behind a good password need not be.
func TestPipelineBehindAuth(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "requirepass secret")
		many := append([]string{"exists"}, strings.Fields(strings.Repeat("k ", 20))...)
		for _, test := range []struct{ password, want string }{{"secret", "+OK\r\n:0\r\n"},
			{"wrong", "-ERR Protocol error: unauthenticated multibulk length\r\n"}} {
			conn, err := net.Host("10.0.0.9").Dial(t.Context(), "10.0.0.1:6379")
			if err != nil {
				t.Fatal(err)
			}
			wire := resp.AppendCommandStrings(nil, "auth", test.password)
			wire = resp.AppendCommandStrings(wire, many...)
			if _, err := conn.Write(append(wire, "quit\r\n"...)); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil || !strings.Contains(string(got), test.want) {
				t.Errorf("password %s: %q, %v", test.password, got, err)
			}
			_ = conn.Close()
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}
