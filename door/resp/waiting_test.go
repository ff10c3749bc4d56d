package resp

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/node/config"
	"holdfast/node/engine"
)

// aMaster is the door of a master that nobody follows.
func aMaster(t *testing.T) *testDoor {
	d, _ := newTestDoor(t, config.Default(), nil, false)
	return d
}

// stub is a client's driver that no goroutine serves.
func stub(t *testing.T, n *testDoor) *driver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	d := &driver{door: n.Door, conn: n.loops.Open(conn), flushed: make(chan struct{}, 1)}
	if refusal := n.welcome(d); refusal != "" {
		t.Fatal(refusal)
	}
	t.Cleanup(func() {
		d.conn.Stop()
		n.forget(d)
	})
	return d
}

// inTime is for what must not wait for ever.
func inTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// woken is a driver that is woken just before the loops give its connection back.
type woken struct{ *driver }

func (w woken) Fetch() bool {
	w.conn.TakeWake()
	return false
}

func (w woken) Settle() bool {
	w.wake()
	w.conn.Return()
	return false
}

// TestWokenAsItIsGivenBack: whoever wakes a client in the moment in which the loops give its connection back is
// noticed.
func TestWokenAsItIsGivenBack(t *testing.T) {
	d := stub(t, aMaster(t))
	ctx := inTime(t)
	for range 3 {
		if err := d.conn.ServeBatched(ctx, woken{d}); err != nil {
			t.Fatal(err)
		}
		if err := d.await(ctx); err != nil {
			t.Fatal("nobody noticed: ", err)
		}
	}
}

// fill has as much uncommitted as may be, on a master whose successor says nothing.
func fill(n *testDoor) {
	n.engine.Lock()
	defer n.engine.Unlock()
	n.log.SetChain(1, cluster.Member{Name: "silent"}, true)
	n.log.Append(make([]byte, engine.MaxUncommitted+1))
	n.log.Flush()
}

// TestWithoutRoomOnlyWritesWait: where too much is uncommitted a successor can still say hello, without whom nothing
// more is committed, and an administrator look at what is wrong.
func TestWithoutRoomOnlyWritesWait(t *testing.T) {
	n := aMaster(t)
	d := stub(t, n)
	fill(n)
	for _, line := range []string{"replconf capa psync2", "info", "multi", "incr n", "exec"} {
		var args [][]byte
		for w := range strings.FieldsSeq(line) {
			args = append(args, []byte(w))
		}
		d.cmds = append(d.cmds, args)
	}
	if next, err := d.begin(inTime(t)); err != nil || next != input {
		t.Fatalf("it waits: %d, %v", next, err)
	}
	n.run([]*driver{d})
	n.run([]*driver{d})
	if d.next != 3 || d.s.Tx == nil {
		t.Errorf("%d commands were executed of which 3 could be", d.next)
	}
}

// TestClientThatWaitsForRoomIsWoken: where too much is uncommitted a client's commands wait, but not what happens to
// the client: it may be killed, or sent away from a node that is no longer the master, whose log may never come so far.
func TestClientThatWaitsForRoomIsWoken(t *testing.T) {
	for _, when := range []string{"before", "while"} {
		n := aMaster(t)
		d := stub(t, n)
		fill(n)
		d.cmds = [][][]byte{{[]byte("incr"), []byte("n")}}
		ctx := inTime(t)
		if when == "before" {
			d.wake()
		} else {
			time.AfterFunc(10*time.Millisecond, d.wake)
		}
		if next, err := d.begin(ctx); err != nil || next != input {
			t.Errorf("woken %s it waited: %d, %v", when, next, err)
		}
		n.run([]*driver{d})
		if d.next > 0 {
			t.Error("a command was executed though too much is uncommitted")
		}
	}
}
