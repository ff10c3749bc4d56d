package node

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/memfs"
	"holdfast/transport"
)

// loadSlowly has loading take a millisecond a command.
func loadSlowly(t *testing.T, n *Node) *peer {
	p := dialTCP(t, n)
	p.send("config set key-load-delay 1000")
	p.expect("OK")
	return p
}

// awaitLoad waits until a node replaces its data, or, with none, no more does.
func awaitLoad(n *Node, loading bool) {
	for {
		n.engine.Lock()
		is := n.engine.Data.Partial
		n.engine.Unlock()
		if is == loading {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// leadsWhole checks that a node that has adopted an epoch has all of its data.
func leadsWhole(t *testing.T, n *Node) {
	t.Helper()
	n.engine.Lock()
	defer n.engine.Unlock()
	if n.engine.Data.Partial || !n.agent.Place().Master {
		t.Errorf("it leads: %v, with a part of its data: %v", n.agent.Place().Master, n.engine.Data.Partial)
	}
}

// TestReloadBesideTheChain: what the predecessor appends while a replica has its data replaced by its log on disk comes
// after that; and who is told to lead meanwhile does so with all of it.
func TestReloadBesideTheChain(t *testing.T) {
	for at := 1; at <= 2; at++ {
		for _, promoted := range []bool{false, true} {
			t.Run(fmt.Sprintf("member %d/promoted=%v", at, promoted), func(t *testing.T) {
				t.Parallel()
				nodes, adopt := heldChain(t, true, &holder{})
				grantLeases(nodes)
				p := dialTCP(t, nodes[0])
				for i := range 200 {
					p.send("incr count", fmt.Sprintf("rpush list %d", i))
					p.expect(fmt.Sprint(i+1), fmt.Sprint(i+1))
				}
				debug := loadSlowly(t, nodes[at])
				debug.send("debug loadaof")
				awaitLoad(nodes[at], true)
				want := "200"
				if promoted {
					g := nodes[0].agent.Standing().Group
					for _, n := range nodes[:at] {
						g = g.Without(n.self)
					}
					adopt(g)
					leadsWhole(t, nodes[at])
				} else {
					for range 100 {
						p.send("incr count")
					}
					want = "300"
				}
				debug.expect("OK")
				if !promoted {
					for i := range 100 {
						p.expect(fmt.Sprint(201 + i))
					}
				}
				if got := dataOf(nodes[at], "count"); got != want {
					t.Errorf("the count is %s, and should be %s", got, want)
				}
				awaitLoad(nodes[at], false)
				if h := nodes[at].agent.Heartbeat(); h.Broken != "" {
					t.Errorf("it says %+v", h)
				}
			})
		}
	}
}

// TestEpochWaitsForARewind: who is told to lead while its log is being rewound has all that was left of it by then; and
// who was told of an epoch first is not rewound by a former predecessor.
func TestEpochWaitsForARewind(t *testing.T) {
	nodes, adopt := heldChain(t, true, &holder{})
	grantLeases(nodes)
	p := dialTCP(t, nodes[0])
	for i := range 200 {
		p.send("incr count")
		p.expect(fmt.Sprint(i + 1))
	}
	awaitBeat(t, nodes[1], "is whole", isWhole)
	loadSlowly(t, nodes[1])
	n, end := nodes[1], nodes[1].log.End()
	by := n.followTest()
	rewound := make(chan error)
	go func() { rewound <- n.persist.Rewind(end, by) }()
	awaitLoad(n, true)
	adopt(n.agent.Standing().Group.Without(nodes[0].self))
	leadsWhole(t, n)
	if err := <-rewound; err != nil {
		t.Error(err)
	}
	if got := dataOf(n, "count"); got != "200" || n.log.End() != end {
		t.Errorf("it leads with count %s, and a log of %d; it had %d", got, n.log.End(), end)
	}
	if err := n.persist.Rewind(0, by); err == nil || n.log.End() != end {
		t.Errorf("rewound to 0: %v", err)
	}
}

// TestReloadIsNotDisturbed: while a master has its data replaced by its log, nothing expires that the log has changed
// later, and nobody who is blocked gets what has been taken long ago.
func TestReloadIsNotDisturbed(t *testing.T) {
	disk := memfs.New()
	n := startOnDisk(t, transport.Host{}, disk, "127.0.0.1", "port 0")
	c, blocked := realClient(t, n), realClient(t, n)
	for _, step := range [][2]string{{"SET k old PX 10", "OK"}, {"SET k new", "OK"}, {"RPUSH q taken", "1"},
		{"LPOP q", "taken"}, {"SET x 1", "OK"}, {"SET x 2", "OK"}, {"SET x 3", "OK"}} {
		c.answers(step[0], step[1])
	}
	if err := blocked.Send(t.Context(), "BLPOP", "q", "0"); err != nil {
		t.Fatal(err)
	}
	for field(c, "clients", "blocked_clients") != "1" {
		time.Sleep(time.Millisecond)
	}
	c.answers("CONFIG SET key-load-delay 200000", "OK") // some ticks of the cron for each command
	c.answers("DEBUG LOADAOF", "OK")
	c.answers("GET k", "new")
	c.answers("EXISTS q", "0")
	c.answers("RPUSH q fresh", "1")
	if got := blocked.reply(); got != "[q fresh]" {
		t.Errorf("BLPOP: %s", got)
	}
	want := c.do("DEBUG", "DIGEST")
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	n = closed(t, startOnDisk(t, transport.Host{}, disk, "127.0.0.1", "port 0"))
	realClient(t, n).answers("DEBUG DIGEST", want)
}
