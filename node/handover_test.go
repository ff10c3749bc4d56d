package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/cluster"
	"holdfast/node/member"
	"holdfast/replication"
)

// handingOver has a master that is alone in its chain, which is to drain.
func handingOver(t *testing.T, f func(n *Node, epoch uint64, member client)) {
	chained(t, func(n *Node, g cluster.Group, member client) {
		alone := g.Without(g.Chain[0], g.Chain[2])
		n.replication.Adopt(alone)
		f(n, alone.Epoch, member)
	})
}

// TestDrainEndsConnections: behind the reply, and not that of a member that links.
func TestDrainEndsConnections(t *testing.T) {
	handingOver(t, func(n *Node, epoch uint64, member client) {
		user := dial(member.t, n.network, "10.0.0.1")
		user.answers("SET k 1", "OK")
		member.answers("REPLCONF capa psync2", "OK")
		n.replication.Drain(epoch, time.Minute)
		time.Sleep(time.Second)
		if got := user.do("GET", "k"); !strings.HasPrefix(got, "-") {
			t.Errorf("answered %q", got)
		}
		member.answers("REPLCONF capa psync2", "OK")
	})
}

// TestBusyClientsPartBehindAReply: who is about to send its next command has it served, a whole pipeline or transaction
// too, and then finds its connection ended. Who has been idle is not waited for, and behind the last one the drain
// begins.
func TestBusyClientsPartBehindAReply(t *testing.T) {
	handingOver(t, func(n *Node, epoch uint64, idle client) {
		another := func() client { return dial(idle.t, n.network, "10.0.0.1") }
		plain, pipeline, transaction := another(), another(), another()
		idle.answers("SET k 1", "OK")
		time.Sleep(2 * member.BusyClient)
		for _, c := range []client{plain, pipeline, transaction} {
			c.answers("GET k", "1")
		}
		synctest.Wait() // a reply may be read before the node knows that it has left
		n.replication.Drain(epoch, time.Minute)
		if got := idle.do("GET", "k"); !strings.HasPrefix(got, "-") {
			t.Errorf("one that was idle: %q", got)
		}
		transaction.steps([2]string{"MULTI", "OK"}, [2]string{"INCR k", "QUEUED"})
		plain.answers("INCR k", "2")
		pipeline.sendTogether("INCR k", "INCR k", "INCR k")
		for _, want := range []string{"3", "4", "5"} {
			pipeline.expect(want)
		}
		if told := n.agent.Heartbeat().Drained; told != 0 {
			t.Errorf("drained while a transaction is open")
		}
		transaction.answers("EXEC", "[6]")
		synctest.Wait()
		if told := n.agent.Heartbeat().Drained; told != epoch {
			t.Errorf("not drained behind the last client")
		}
		for name, c := range map[string]client{"one command": plain, "a pipeline": pipeline,
			"a transaction": transaction} {
			if got := c.do("GET", "k"); !strings.HasPrefix(got, "-") {
				t.Errorf("%s: answered %q behind its last reply", name, got)
			}
		}
	})
}

// TestPartingEnds: a busy client that sends nothing more is not waited for for long.
func TestPartingEnds(t *testing.T) {
	handingOver(t, func(n *Node, epoch uint64, c client) {
		c.answers("SET k 1", "OK")
		n.replication.Drain(epoch, time.Minute)
		if told := n.agent.Heartbeat().Drained; told != 0 {
			t.Errorf("drained at once")
		}
		time.Sleep(member.ClientDrainMax)
		synctest.Wait()
		if told := n.agent.Heartbeat().Drained; told != epoch {
			t.Errorf("waits still")
		}
	})
}

// TestRefusedFollowerGetsNoLog: what stands behind a hello that is refused is not executed, as the link of somebody
// else.
func TestRefusedFollowerGetsNoLog(t *testing.T) {
	handingOver(t, func(n *Node, epoch uint64, member client) {
		member.sendTogether(`REPLCONF holdfast {"epoch":1}`, "PSYNC ? -1")
		if got := member.hear(); !strings.HasPrefix(got, "-") {
			t.Errorf("answered %q", got)
		}
		if got := member.hear(); !strings.Contains(got, "EOF") {
			t.Errorf("PSYNC was answered %q", got)
		}
	})
}

// TestNewMasterWaitsForItsChain: it says when those behind it are there, and soon that they are not.
func TestNewMasterWaitsForItsChain(t *testing.T) {
	for name, acked := range map[string]bool{"they are there": true, "they are not": false} {
		chained(t, func(n *Node, g cluster.Group, _ client) {
			last := g.WithChain(g.Chain[:2])
			n.replication.Adopt(last)
			ping := replication.Entry{Args: [][]byte{[]byte("PING")}, Raw: []byte("*1\r\n$4\r\nPING\r\n")}
			if err := n.engine.Apply([]replication.Entry{ping}, n.followTest()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
			leads := last.WithChain(g.Chain[1:])
			n.replication.Adopt(leads)
			if !n.agent.Heartbeat().Forming {
				t.Errorf("%s: has the chain already", name)
			}
			if acked {
				n.log.Ack(leads.Epoch, g.Chain[2], n.log.Commit())
			} else {
				time.Sleep(20 * time.Millisecond) // longer than it waits
			}
			if n.agent.Heartbeat().Forming {
				t.Errorf("%s: waits still", name)
			}
		})
	}
}
