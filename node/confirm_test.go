package node

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/resp"
)

// line is a chain in which nobody holds a lease: there are no sentinels.
type line struct {
	nodes   []*Node
	clients []client
	group   cluster.Group
}

const masterDown = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."

// inLine runs f with a chain of that many members, settings added to all of them.
func inLine(t *testing.T, size int, settings []string, f func(t *testing.T, net *simnet.Network, l *line)) {
	world(t, func(t *testing.T, net *simnet.Network) {
		net.SetDefaultLatency(time.Millisecond, 0)
		l := &line{}
		for i := range size {
			ip := fmt.Sprintf("10.0.0.%d", i+1)
			n := startNode(t, net.Host(ip), ip, append([]string{"join 10.0.1.1:16379", "appendonly no"},
				settings...)...)
			l.nodes = append(l.nodes, n)
			l.group.Chain = append(l.group.Chain, n.self)
			l.clients = append(l.clients, dial(t, net.Host("10.0.0.9"), ip))
		}
		l.group.Name, l.group.Epoch = l.nodes[0].settings.Group(), 1
		for _, n := range l.nodes {
			n.replication.Adopt(l.group)
		}
		time.Sleep(3 * time.Second)
		f(t, net, l)
		for _, n := range l.nodes {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestReadsWithoutLease: every member of a chain without leases answers, and what it answers is the newest.
func TestReadsWithoutLease(t *testing.T) {
	inLine(t, 3, nil, func(t *testing.T, _ *simnet.Network, l *line) {
		for i := range 5 {
			l.clients[0].answers(fmt.Sprintf("SET k %d", i), "OK")
			for _, c := range l.clients {
				c.answers("GET k", fmt.Sprint(i))
			}
		}
		for _, c := range l.clients {
			for _, step := range [][2]string{
				{"MULTI", "OK"}, {"GET k", "QUEUED"}, {"DBSIZE", "QUEUED"}, {"EXEC", "[4 1]"},
				{"KEYS *", "[k]"}, {"SCAN 0", "[0 [k]]"}, {"DBSIZE", "1"}, {"RANDOMKEY", "k"}, {"PING", "PONG"},
			} {
				c.answers(step[0], step[1])
			}
		}
		l.clients[2].answers("SET k 6", "-READONLY You can't write against a read only replica.")
	})
}

// TestOneConfirmationServesMany: the markers that many readers cost are far fewer than their reads.
func TestOneConfirmationServesMany(t *testing.T) {
	inLine(t, 3, nil, func(t *testing.T, net *simnet.Network, l *line) {
		const readers, reads = 20, 50
		before := l.nodes[0].log.End()
		done := make(chan string, readers)
		for range readers {
			c := dial(t, net.Host("10.0.0.9"), "10.0.0.3")
			go func() {
				for range reads {
					if got := c.do("GET", "k"); got != "" {
						done <- got
						return
					}
				}
				done <- ""
			}()
		}
		for range readers {
			if got := <-done; got != "" {
				t.Errorf("a reader got %s", got)
			}
		}
		if markers := (l.nodes[0].log.End() - before) / int64(len("*1\r\n$4\r\nPING\r\n")); markers > 3*reads {
			t.Errorf("%d reads by %d clients at a time cost %d markers", readers*reads, readers, markers)
		}
	})
}

// TestRefusedUnlessAllConfirm: when any member of the chain is out of reach a replica's reads are refused, not before
// the bound, and served again when it is back. What looks at no data is answered all the time.
func TestRefusedUnlessAllConfirm(t *testing.T) {
	for away := range 3 {
		t.Run(fmt.Sprint("member ", away, " is away"), func(t *testing.T) {
			inLine(t, 3, nil, func(t *testing.T, net *simnet.Network, l *line) {
				reader := 1 + (away+1)%2
				c := l.clients[reader]
				for i := range l.nodes {
					if i != away {
						net.Cut(fmt.Sprintf("10.0.0.%d", i+1), fmt.Sprintf("10.0.0.%d", away+1))
					}
				}
				began := time.Now()
				c.answers("GET k", masterDown)
				if took := time.Since(began); took < time.Second || took > 3*time.Second {
					t.Errorf("refused after %v", took)
				}
				c.answers("PING", "PONG")
				for _, step := range [][2]string{{"MULTI", "OK"}, {"GET k", "QUEUED"},
					{"EXEC", "-EXECABORT Transaction discarded because of: " + masterDown[1:]}} {
					c.answers(step[0], step[1])
				}
				net.HealAll()
				time.Sleep(3 * time.Second)
				c.answers("GET k", "")
			})
		})
	}
}

// TestLeaseOfTheMasterConfirmsNothing: the member between adopts an epoch without the tail, and so shows what the tail
// will never see. That the master, who does not know yet, holds a lease says nothing about the tail.
func TestLeaseOfTheMasterConfirmsNothing(t *testing.T) {
	inLine(t, 3, nil, func(t *testing.T, net *simnet.Network, l *line) {
		for _, n := range l.nodes[:2] {
			n.lease.Grant("sentinel", time.Now(), time.Hour, 1)
		}
		net.Cut("10.0.0.2", "10.0.0.3")
		l.nodes[1].replication.Adopt(l.group.Without(l.nodes[2].self))
		written := make(chan string, 1)
		go func() { written <- l.clients[0].do("SET", "k", "v") }()
		time.Sleep(100 * time.Millisecond)
		l.clients[1].answers("GET k", "v")
		l.clients[2].answers("GET k", masterDown)
		l.nodes[0].replication.Adopt(l.group.Without(l.nodes[2].self))
		if got := <-written; got != "OK" {
			t.Errorf("SET: %s", got)
		}
		l.nodes[2].replication.Adopt(l.group.Without(l.nodes[2].self))
		l.clients[2].answers("GET k", masterDown)
	})
}

// TestEpochEndsWhileItIsConfirmed: a read that waits for one epoch's confirmation is served by the next one's.
func TestEpochEndsWhileItIsConfirmed(t *testing.T) {
	inLine(t, 3, nil, func(t *testing.T, net *simnet.Network, l *line) {
		net.Host("10.0.0.1").Crash()
		answer := make(chan string, 1)
		go func() { answer <- l.clients[2].do("GET", "k") }()
		time.Sleep(500 * time.Millisecond)
		next := l.group.Without(l.nodes[0].self)
		l.nodes[1].replication.Adopt(next)
		l.nodes[2].replication.Adopt(next)
		if got := <-answer; got != "" {
			t.Errorf("GET: %s", got)
		}
	})
}

// TestDrainedMasterConfirmsNothing: its log may be handed over as it is.
func TestDrainedMasterConfirmsNothing(t *testing.T) {
	inLine(t, 2, nil, func(t *testing.T, _ *simnet.Network, l *line) {
		end := l.nodes[0].log.End()
		l.nodes[0].replication.Drain(1, time.Minute)
		l.clients[1].answers("GET k", masterDown)
		if now := l.nodes[0].log.End(); now != end {
			t.Errorf("%d bytes more in the log of a master that has drained", now-end)
		}
	})
}

// TestChainOfOneReads: its only member needs nobody's word.
func TestChainOfOneReads(t *testing.T) {
	inLine(t, 1, nil, func(t *testing.T, _ *simnet.Network, l *line) {
		l.clients[0].answers("SET k v", "OK")
		l.clients[0].answers("GET k", "v")
		l.clients[0].answers("DBSIZE", "1")
	})
}

// TestReplicaReadAny: replicas answer at once with what they have, committed or not, in the chain or out of it.
func TestReplicaReadAny(t *testing.T) {
	inLine(t, 3, []string{"replica-read any"}, func(t *testing.T, net *simnet.Network, l *line) {
		net.Cut("10.0.0.2", "10.0.0.3")
		written := make(chan string, 1)
		go func() { written <- l.clients[0].do("SET", "k", "uncommitted") }()
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		l.clients[1].answers("GET k", "uncommitted")
		l.clients[2].answers("GET k", "")
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("not at once, but after %v", took)
		}
		l.nodes[2].replication.Adopt(l.group.Without(l.nodes[2].self))
		l.clients[2].answers("GET k", "")
		l.clients[2].answers("CONFIG SET replica-serve-stale-data no", "OK")
		l.clients[2].answers("GET k", masterDown)
		l.clients[1].answers("CONFIG SET replica-read fresh", "OK")
		l.clients[1].answers("CONFIG GET replica-read", "[replica-read fresh]")
		l.clients[1].answers("GET k", masterDown)
		// sent away, as the master is cut off from everybody for longer than down-after
		if r := <-written; r != "-reply: EOF" {
			t.Errorf("the master answered %s before the tail had the write", r)
		}
		net.HealAll()
	})
}

// TestNoEpochNoReads: a member that has just started knows of no chain, and so of none that could confirm.
func TestNoEpochNoReads(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		n := startNode(t, net.Host("10.0.0.1"), "10.0.0.1", "join 10.0.1.1:16379", "appendonly no")
		c := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		began := time.Now()
		c.answers("GET k", masterDown)
		if took := time.Since(began); took > 10*time.Millisecond {
			t.Errorf("refused only after %v", took)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestAsyncReads: with ack-mode async nobody waits for the chain.
func TestAsyncReads(t *testing.T) {
	inLine(t, 2, []string{"ack-mode async"}, func(t *testing.T, net *simnet.Network, l *line) {
		l.clients[0].answers("SET k v", "OK")
		time.Sleep(100 * time.Millisecond)
		net.Cut("10.0.0.1", "10.0.0.2")
		l.clients[1].answers("GET k", "v")
		l.clients[0].answers("SET k w", "OK")
		l.clients[1].answers("GET k", "v")
		l.clients[0].answers("CONFIG SET ack-mode chain", "OK")
		other := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		written := make(chan string, 1)
		go func() { written <- other.do("SET", "k", "x") }()
		time.Sleep(time.Second)
		if len(written) > 0 {
			t.Errorf("with ack-mode chain from now on SET answers %s though the other member is away", <-written)
		}
		l.clients[0].answers("CONFIG SET ack-mode async", "OK")
		if got := <-written; got != "OK" {
			t.Errorf("SET: %s", got)
		}
	})
}

// TestQuestionsOfStrangersAreRefused: only a member of the present chain is told that it stands.
func TestQuestionsOfStrangersAreRefused(t *testing.T) {
	inLine(t, 2, nil, func(t *testing.T, net *simnet.Network, l *line) {
		c := l.clients[0]
		for _, question := range []string{
			"{", `{}`, `{"group":"mymaster","epoch":2}`,
			fmt.Sprintf(`{"group":"mymaster","epoch":1,"to":{"name":%q,"incarnation":%q}}`, l.nodes[0].self.Name,
				l.nodes[0].self.Incarnation),
		} {
			if got := c.do("REPLCONF", "confirm", question); !strings.HasPrefix(got, "-") {
				t.Errorf("%s is answered %s", question, got)
			}
		}
	})
}

// TestPipelineBeforeAWait: what stands before a read that waits is answered at once.
func TestPipelineBeforeAWait(t *testing.T) {
	inLine(t, 3, nil, func(t *testing.T, net *simnet.Network, l *line) {
		net.Cut("10.0.0.1", "10.0.0.2")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c := l.clients[2]
		wire := resp.AppendCommandStrings(nil, "ECHO", "first")
		wire = resp.AppendCommandStrings(wire, "GET", "k")
		wire = resp.AppendCommandStrings(wire, "ECHO", "last")
		if _, err := c.Conn().Write(wire); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for i, want := range []string{"first", masterDown, "last"} {
			v, err := c.Receive(ctx)
			got := v.String()
			if err != nil {
				got = "-" + err.Error()
			}
			if got != want {
				t.Errorf("reply %d is %s, want %s", i, got, want)
			}
			if took := time.Since(began); (i > 0) != (took > 500*time.Millisecond) {
				t.Errorf("reply %d came after %v", i, took)
			}
		}
	})
}

// TestReadsAfterDroppedWrites: a deposed master's uncommitted writes are dropped, and with them what they said of when
// a key last changed: nobody is to wait for an offset that the log may never reach.
func TestReadsAfterDroppedWrites(t *testing.T) {
	inLine(t, 2, nil, func(t *testing.T, net *simnet.Network, l *line) {
		l.clients[0].answers("SET k v", "OK")
		net.Cut("10.0.0.1", "10.0.0.2")
		deposed, next := l.nodes[0], l.nodes[1]
		doomed := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		go doomed.do("SET", "k", strings.Repeat("x", 10_000))
		time.Sleep(100 * time.Millisecond)
		l.group = l.group.Without(deposed.self)
		next.replication.Adopt(l.group)
		net.HealAll()
		for _, g := range []cluster.Group{l.group.WithLearner(deposed.self),
			l.group.WithLearner(deposed.self).WithChain([]cluster.Member{next.self, deposed.self})} {
			deposed.replication.Adopt(g)
			next.replication.Adopt(g)
			time.Sleep(time.Second)
		}
		back := dial(t, net.Host("10.0.0.9"), "10.0.0.1")
		began := time.Now()
		back.answers("GET k", "v")
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("answered after %v", took)
		}
	})
}
