package node

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
	"holdfast/internal/memfs"
	"holdfast/internal/simnet"
	"holdfast/node/engine"
	"holdfast/node/member"
	"holdfast/replication"
	"holdfast/resp"
)

// chained runs a node in the middle of a chain whose other members are not there.
func chained(t *testing.T, f func(n *Node, g cluster.Group, c client)) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startOnDisk(t, net.Host("10.0.0.1"), memfs.New(), "10.0.0.1", "join 10.0.0.2:16379")
		before := cluster.Member{Name: "before", Incarnation: "1", Addr: "10.0.0.2:6379"}
		behind := cluster.Member{Name: "behind", Incarnation: "1", Addr: "10.0.0.3:6379"}
		g := cluster.Group{Name: n.settings.Group(), Epoch: 1, Chain: []cluster.Member{before, n.self, behind}}
		n.replication.Adopt(g)
		f(n, g, dial(t, net.Host("10.0.0.9"), "10.0.0.1"))
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// followTest has the node take what comes from a predecessor that is the test.
func (n *Node) followTest() *engine.Source {
	s := new(engine.Source)
	n.engine.Do(func(time.Time) { n.engine.Follow(s) })
	return s
}

// TestOutOfTheChainNothingUnconfirmedIsTold: a read that saw a write of a chain that went on without this member is
// never answered.
func TestOutOfTheChainNothingUnconfirmedIsTold(t *testing.T) {
	chained(t, func(n *Node, g cluster.Group, c client) {
		n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
		words := []string{"SET", "k", "uncommitted"}
		entry := replication.Entry{Raw: resp.AppendCommandStrings(nil, words...)}
		for _, w := range words {
			entry.Args = append(entry.Args, []byte(w))
		}
		if err := n.engine.Apply([]replication.Entry{entry}, n.followTest()); err != nil {
			t.Fatal(err)
		}
		answer := make(chan string, 1)
		go func() { answer <- c.do("GET", "k") }()
		time.Sleep(time.Second)
		if len(answer) > 0 {
			t.Fatalf("answered %q before it was committed", <-answer)
		}
		n.replication.Adopt(g.Without(n.self))
		if got := <-answer; !strings.HasPrefix(got, "-") {
			t.Errorf("told %q when out of the chain", got)
		}
	})
}

// TestPromotionRenames: a new master's log has a name that nobody else writes under, also when it is empty; and what
// the predecessor answered before the promotion changes nothing any more.
func TestPromotionRenames(t *testing.T) {
	chained(t, func(n *Node, g cluster.Group, _ client) {
		old, id := n.followTest(), n.log.ID()
		n.replication.Adopt(g.Without(g.Chain[0]))
		promoted := n.log.ID()
		if promoted == id {
			t.Error("an empty log kept its id")
		}
		if err := n.persist.ContinueAs(id, old); !errors.Is(err, engine.ErrSuperseded) || n.log.ID() != promoted {
			t.Errorf("a former predecessor's answer: %v, id %s after %s", err, n.log.ID(), promoted)
		}
		if err := n.persist.Rewind(0, old); !errors.Is(err, engine.ErrSuperseded) {
			t.Errorf("a former predecessor's order to go back: %v", err)
		}
	})
}

// TestDrainedIsAPromise: once the sentinels were told that a master has drained it lets nobody in before another epoch.
func TestDrainedIsAPromise(t *testing.T) {
	chained(t, func(n *Node, g cluster.Group, c client) {
		alone := g.Without(g.Chain[0], g.Chain[2])
		n.replication.Adopt(alone)
		n.replication.Drain(alone.Epoch, 2*member.ClientDrainMax)
		time.Sleep(time.Second)
		c.answers("SET k 1", "OK") // no heartbeat has told of it
		n.replication.Drain(alone.Epoch, 2*member.ClientDrainMax)
		time.Sleep(member.ClientDrainMax)
		synctest.Wait()
		if told := n.agent.Heartbeat().Drained; told != alone.Epoch {
			t.Fatalf("told %d", told)
		}
		end := n.log.End()
		c = dial(c.t, n.network, "10.0.0.1") // the drain has ended the connection
		answer := make(chan string, 1)
		go func() { answer <- c.do("SET", "k", "2") }()
		time.Sleep(20 * time.Second) // longer than repl-ping-replica-period
		if len(answer) > 0 {
			t.Fatalf("answered %q after it had drained", <-answer)
		}
		if n.log.End() != end {
			t.Errorf("the log has grown from %d to %d after it had drained", end, n.log.End())
		}
		n.replication.Adopt(alone.Refreshed())
		if got := <-answer; got != "OK" {
			t.Error(got)
		}
	})
}

// TestMembersLinkToWhoDrains: a drain waits for the acknowledgement of a successor, whose link may have to begin anew.
func TestMembersLinkToWhoDrains(t *testing.T) {
	chained(t, func(n *Node, g cluster.Group, c client) {
		leads := g.Without(g.Chain[0])
		n.replication.Adopt(leads)
		n.replication.Drain(leads.Epoch, time.Minute)
		c.answers("PING", "PONG")
		c.answers("AUTH x", "-ERR AUTH <password> called without any password configured for the default user. Are "+
			"you sure your configuration is correct?")
		c.answers("REPLCONF capa psync2", "OK")
		held := make(chan string, 1)
		go func() { held <- c.do("GET", "k") }()
		time.Sleep(10 * time.Second)
		if len(held) > 0 {
			t.Errorf("a client was answered %q during the drain", <-held)
		}
	})
}
