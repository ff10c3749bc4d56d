package node

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/simnet"
	"holdfast/node/member"
	"holdfast/resp"
	"holdfast/server/session"
)

// gatedMaster is the head of a chain of two, whose other member has acknowledged nothing yet.
func gatedMaster(t *testing.T) *Node {
	t.Helper()
	n, err := New(Config{Settings: settingsOf(t, "join 10.0.0.2:16379"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n.setPlace(member.Alone(true))
	n.log.SetChain(1, cluster.Member{Name: "b", Addr: "10.0.0.2:6379", Incarnation: "b1"}, true)
	return n
}

// driverOf is a connection without a socket.
func driverOf(n *Node, id int64) *driver {
	s := session.New(id, "10.0.0.9:1", "10.0.0.1:6379", time.Now(), func() {})
	n.env.Clients.Add(s)
	return &driver{n: n, s: s, ctx: n.env.NewContext(s)}
}

// do runs a pipeline, one command a line.
func (d *driver) do(lines ...string) {
	d.cmds, d.next = nil, 0
	for _, l := range lines {
		var args [][]byte
		for word := range strings.FieldsSeq(l) {
			args = append(args, []byte(word))
		}
		d.cmds = append(d.cmds, args)
	}
	d.n.run([]*driver{d})
}

// taken is what may leave at a commit point.
func (d *driver) taken(commit int64) string {
	p, _ := d.s.Out.Take(commit)
	defer d.s.Out.Done(p)
	return string(p)
}

// TestInvalidationsLeaveWithTheWrite: as long as a write isn't committed nobody is told to forget what it replaces, not
// even on another connection; once it is, all are, and never before the reply that showed the old value.
func TestInvalidationsLeaveWithTheWrite(t *testing.T) {
	const invalid = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"
	n := gatedMaster(t)
	reader, listener, writer := driverOf(n, 1), driverOf(n, 2), driverOf(n, 3)
	writer.do("set k old")
	old := n.log.End()
	listener.do("hello 3")
	listener.taken(n.log.End())
	reader.do("hello 3", "client tracking on")
	reader.taken(n.log.End())
	reader.do("get k")
	redirected := driverOf(n, 4)
	redirected.do("client tracking on redirect 2", "get k")
	before := n.log.End()
	writer.do("set k new")
	write := n.log.End()
	if before == write || old == before {
		t.Fatalf("the log ends at %d, %d, %d", old, before, write)
	}
	if got := listener.taken(before); got != "" {
		t.Errorf("told before the write is committed: %q", got)
	}
	if got := reader.taken(before); got != "$3\r\nold\r\n" {
		t.Errorf("the reader gets %q", got)
	}
	if got := listener.taken(write); got != invalid {
		t.Errorf("the listener gets %q", got)
	}
	if got := reader.taken(write); got != invalid {
		t.Errorf("the reader gets %q", got)
	}
	reader.do("get k")
	reader.do("set k own", "ping")
	if got := reader.taken(n.log.End()); got != "$3\r\nnew\r\n+OK\r\n"+invalid+"+PONG\r\n" {
		t.Errorf("of its own write the reader gets %q", got)
	}
}

// TestReplicasInvalidate: a client may cache what it reads from a replica.
func TestReplicasInvalidate(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		a := startNode(t, net.Host("10.0.0.1"), "10.0.0.1")
		b := startNode(t, net.Host("10.0.0.2"), "10.0.0.2")
		outside := net.Host("10.0.0.9")
		ca, cb := dial(t, outside, "10.0.0.1"), dial(t, outside, "10.0.0.2")
		cb.do("REPLICAOF", "10.0.0.1", "6379")
		time.Sleep(3 * time.Second)
		conn, err := outside.Dial(t.Context(), "10.0.0.2:6379")
		if err != nil {
			t.Fatal(err)
		}
		r := resp.NewReader(conn)
		read := func() string {
			v, err := r.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			return v.String()
		}
		wire := resp.AppendCommandStrings(nil, "hello", "3")
		wire = resp.AppendCommandStrings(wire, "client", "tracking", "on")
		wire = resp.AppendCommandStrings(wire, "get", "k")
		if _, err := conn.Write(wire); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			read()
		}
		ca.do("SET", "k", "v")
		if got := read(); !strings.Contains(got, "invalidate") {
			t.Errorf("the replica pushes %s", got)
		}
		ca.do("FLUSHALL")
		if got := read(); !strings.Contains(got, "invalidate") {
			t.Errorf("the replica pushes %s", got)
		}
		_ = conn.Close()
		for _, n := range []*Node{a, b} {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
