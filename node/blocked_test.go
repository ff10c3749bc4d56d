package node

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast/internal/simnet"
	"holdfast/resp"
)

// send sends a command without waiting for its reply.
func (c client) send(args ...any) {
	c.t.Helper()
	if err := c.Send(c.t.Context(), args...); err != nil {
		c.t.Fatal(err)
	}
}

// sendTogether sends commands, written in words, in one piece. Of commands sent one by one the node may end the
// connection behind the first.
func (c client) sendTogether(commands ...string) {
	c.t.Helper()
	var wire []byte
	for _, command := range commands {
		wire = resp.AppendCommandStrings(wire, strings.Fields(command)...)
	}
	if _, err := c.Conn().Write(wire); err != nil {
		c.t.Fatal(err)
	}
}

// hear is the reply to a command that was sent.
func (c client) hear() string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	v, err := c.Receive(ctx)
	if err != nil {
		return "-" + err.Error()
	}
	texts := []string{v.String()}
	for _, e := range v.Elems {
		texts = append(texts, e.String())
	}
	return strings.Join(texts[min(1, len(v.Elems)):], " ")
}

func (c client) expect(want string) {
	c.t.Helper()
	if got := c.hear(); got != want {
		c.t.Errorf("heard %q, want %q", got, want)
	}
}

// aMoment is long enough in virtual time for everything that was sent to have been executed.
const aMoment = 100 * time.Millisecond

func TestBlockedClientsAreServedInOrder(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		r := startNode(t, net.Host("10.0.0.2"), "10.0.0.2")
		outside := net.Host("10.0.0.9")
		replica := dial(t, outside, "10.0.0.2")
		replica.do("REPLICAOF", "10.0.0.1", "6379")
		time.Sleep(3 * time.Second)
		first, second, third, other := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1"),
			dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1")
		first.send("BLPOP", "k", "j", "0")
		time.Sleep(aMoment)
		second.send("BLMOVE", "k", "next", "RIGHT", "LEFT", "0")
		second.send("PING")
		time.Sleep(aMoment)
		third.send("BRPOP", "next", "0") // served by what the second is served with
		time.Sleep(aMoment)
		if got := other.do("RPUSH", "k", "a", "b", "c"); got != "3" {
			t.Errorf("RPUSH answers %s", got)
		}
		first.expect("k a")
		second.expect("c")
		second.expect("PONG")
		third.expect("next c")
		time.Sleep(time.Second)
		for _, c := range []client{other, replica} {
			if got := c.do("LLEN", "k") + c.do("LINDEX", "k", "0") + c.do("EXISTS", "next"); got != "1b0" {
				t.Errorf("left over: %s", got)
			}
		}
		for _, n := range []*Node{n, r} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestBlockedClientsThatLeaveTakeNothing(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		outside := net.Host("10.0.0.9")
		gone, goneToo, other := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1")
		gone.send("BLPOP", "k", "0")
		goneToo.send("BLPOP", "k", "0")
		goneToo.send("SET", "behind", "1") // the end of the connection is seen behind it
		time.Sleep(aMoment)
		for _, c := range []client{gone, goneToo} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(aMoment)
		if got := other.do("LPUSH", "k", "a") + other.do("LPOP", "k") + other.do("EXISTS", "behind"); got != "1a0" {
			t.Errorf("after the clients had gone: %s", got)
		}
		_ = n.Close()
	})
}

func TestBlockedClientsTimeOut(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		outside := net.Host("10.0.0.9")
		c, other := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1")
		before := time.Now()
		c.send("BLMPOP", "1.5", "1", "k", "LEFT")
		c.expect("")
		if waited := time.Since(before); waited < 1500*time.Millisecond || waited > 1700*time.Millisecond {
			t.Errorf("1.5 seconds took %v", waited)
		}
		c.send("CLIENT", "REPLY", "SKIP")
		c.send("BLPOP", "k", "0")
		c.send("PING")
		time.Sleep(aMoment)
		if got := other.do("LPUSH", "k", "a", "b"); got != "2" {
			t.Error(got)
		}
		c.expect("PONG") // the reply to BLPOP was left out
		if got := other.do("LLEN", "k"); got != "1" {
			t.Errorf("%s elements are left", got)
		}
		_ = n.Close()
	})
}

func TestNewReplicaEndsItsBlockedClients(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		outside := net.Host("10.0.0.9")
		c, other := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.1")
		c.send("BLPOP", "k", "0")
		time.Sleep(aMoment)
		if got := other.do("REPLICAOF", "10.0.0.7", "6379"); got != "OK" {
			t.Error(got)
		}
		c.expect("-UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)")
		if got := c.do("PING"); !strings.HasPrefix(got, "-") {
			t.Errorf("the connection goes on: %s", got)
		}
		_ = n.Close()
	})
}
