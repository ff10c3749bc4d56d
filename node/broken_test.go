package node

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// derange has a replica's data differ from its log, so that it can't execute "INCR word".
func derange(t *testing.T, n *Node) {
	n.engine.Lock()
	defer n.engine.Unlock()
	set := [][]byte{[]byte("set"), []byte("word"), []byte("abc")}
	if err := n.env.Apply(set, n.engine.Now().UnixMilli(), false); err != nil {
		t.Fatal(err)
	}
}

// dataOf is what a node has under a key, whoever may read it.
func dataOf(n *Node, key string) (value string) {
	n.engine.Do(func(time.Time) {
		if it, ok := n.env.Store.DB(0).Get([]byte(key)); ok {
			value = string(it.Bytes())
		}
	})
	return value
}

// awaitBeat waits for a heartbeat that is as it should be.
func awaitBeat(t *testing.T, n *Node, what string, ok func(h cluster.Heartbeat) bool) cluster.Heartbeat {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		h := n.agent.Heartbeat()
		if ok(h) {
			return h
		}
		if time.Now().After(end) {
			t.Fatalf("it never says that it %s: %+v", what, h)
		}
	}
}

func isBroken(h cluster.Heartbeat) bool { return h.Broken != "" }
func isWhole(h cluster.Heartbeat) bool  { return h.Broken == "" && h.LinkUp }

// TestBrokenMemberBeats: the sentinels go on to hear of a node that is broken, so that it learns of the epoch that
// takes it out.
func TestBrokenMemberBeats(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nodes, _ := heldChain(t, false, &holder{})
	p := dialTCP(t, nodes[0])
	p.send("set k 1")
	p.expect("OK") // through a chain that is linked for good: no further copy is on its way, which would mend it
	nodes[2].engine.Do(func(time.Time) { nodes[2].engine.Spoil(errors.New("damaged by a test")) })
	nodes[2].agent.Link(l.Addr().String())
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	v, err := resp.NewReader(conn).ReadValue()
	if err != nil || len(v.Elems) != 3 || !strings.Contains(v.Elems[2].String(), `"broken":"damaged by a test"`) {
		t.Fatalf("it says %q, %v", v.String(), err)
	}
}

// TestBrokenMember: a member whose log has what it can't execute goes on telling the sentinels, says that it is broken
// and why, shows nobody what it has, and is whole again when everything was copied anew: in its place, or, when it was
// taken out of the chain, as a learner.
func TestBrokenMember(t *testing.T) {
	for _, disk := range []bool{false, true} {
		for _, behind := range []bool{false, true} {
			for _, taken := range []string{"left in its place", "made a learner", "taken out"} {
				t.Run(fmt.Sprintf("disk=%v/behind=%v/%s", disk, behind, taken), func(t *testing.T) {
					t.Parallel()
					h := &holder{command: "keys"}
					nodes, adopt := heldChain(t, disk, h)
					grantLeases(nodes)
					p := dialTCP(t, nodes[0])
					p.send("set word 1", "set n 1")
					p.expect("OK", "OK")
					derange(t, nodes[2])
					making, err := nodes[1].persist.Snapshot(t.Context()) // who would make the copy can't
					if err != nil {
						t.Fatal(err)
					}
					reader := dialTCP(t, nodes[2])
					if behind {
						h.on.Store(true)
						reader.send("keys *")
						<-h.held
						h.on.Store(false)
					}
					before := nodes[0].log.End()
					p.send("multi", "incr n", "incr word", "exec")
					for nodes[0].log.End() == before {
						time.Sleep(time.Millisecond)
					}
					if behind {
						for nodes[2].log.End() < nodes[0].log.End() {
							time.Sleep(time.Millisecond)
						}
						close(h.release)
						_, _ = reader.r.ReadValue()
					}
					b := awaitBeat(t, nodes[2], "is broken", isBroken)
					if !strings.Contains(b.Broken, "incr") || b.LinkUp || b.Upstream != (cluster.Member{}) {
						t.Errorf("it says %+v", b)
					}
					reader.send("get n")
					if v, err := reader.r.ReadValue(); err != nil || v.Kind != '-' {
						t.Errorf("it shows %q, %v", v.String(), err)
					}
					g := nodes[0].agent.Standing().Group
					switch taken {
					case "made a learner":
						g = g.Without(nodes[2].self).WithLearner(nodes[2].self)
						g.Epoch = 2
						adopt(g)
					case "taken out":
						g = g.Without(nodes[2].self)
						adopt(g)
						if b := nodes[2].agent.Heartbeat(); b.Broken != "" || b.Offset != 0 || b.LogEpoch != 0 {
							t.Errorf("nobody counts on it, and it says %+v", b)
						}
						g = g.WithLearner(nodes[2].self)
						g.Epoch = 3
						adopt(g)
					}
					_ = making.Image.Close()
					awaitBeat(t, nodes[2], "is whole", isWhole)
					p.expect("OK", "QUEUED", "QUEUED", "[2 2]")
					p.send("set after 1")
					p.expect("OK")
					for nodes[2].log.End() < nodes[0].log.End() {
						time.Sleep(time.Millisecond)
					}
					for _, c := range [][2]string{{"n", "2"}, {"word", "2"}, {"after", "1"}} {
						if got := dataOf(nodes[2], c[0]); got != c[1] {
							t.Errorf("%s is %q, and should be %s", c[0], got, c[1])
						}
					}
				})
			}
		}
	}
}
