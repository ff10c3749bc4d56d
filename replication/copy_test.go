package replication

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/resp"
)

// stranger asks m for everything, and does not read it.
func (r *rig) stranger(t *testing.T, m *member) net.Conn {
	t.Helper()
	conn, err := r.net.Dial(t.Context(), m.self.Addr)
	if err != nil {
		t.Fatal(err)
	}
	ask := resp.AppendCommandStrings(resp.AppendCommandStrings(nil, "REPLCONF", "capa", "eof"), "PSYNC", "?", "-1")
	if _, err := conn.Write(ask); err != nil {
		t.Fatal(err)
	}
	return conn
}

// lacking takes c out of the chain until it needs a full copy, which b is to give it.
func (r *rig) lacking() {
	r.c.stop()
	r.c.following = nil
	r.all2(r.group.Without(r.c.self))
	r.a.committed(r.a.fill(3<<20), time.Millisecond)
}

func TestMemberIsCopiedToBeforeStrangers(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.lacking()
		for range 5 {
			defer r.stranger(t, r.b).Close()
		}
		time.Sleep(time.Second)
		if n := r.b.feeder.Strangers(); n != 5 {
			t.Errorf("%d strangers", n)
		}
		r.all(r.group.WithLearner(r.c.self))
		time.Sleep(5 * time.Second)
		same(t, r.a, r.b, r.c)
		if n := r.b.feeder.Strangers(); n != 4 {
			t.Errorf("%d strangers are left of five: the one whose copy ran had to go", n)
		}
	})
}

// TestStrangersTakeTurns: without members that need anything who doesn't read is given up, and the next one has its
// turn.
func TestStrangersTakeTurns(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.lacking()
		first, second := r.stranger(t, r.b), r.stranger(t, r.b)
		defer first.Close()
		defer second.Close()
		time.Sleep(testTimeout - 2*time.Second)
		if n := r.b.feeder.Strangers(); n != 2 {
			t.Fatalf("%d strangers before the timeout", n)
		}
		time.Sleep(4 * time.Second)
		states := map[LinkState]int{}
		for _, f := range r.b.feeder.Followers() {
			states[f.State]++
		}
		if states[LinkTransfer] != 1 || states[LinkWaitSnapshot] != 0 {
			t.Errorf("links: %v", states)
		}
	})
}

// TestCopyThatGetsNowhere: to take a little now and then is not enough.
func TestCopyThatGetsNowhere(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.lacking()
		conn := r.stranger(t, r.b)
		defer conn.Close()
		began := time.Now()
		for buf := make([]byte, 4<<10); ; time.Sleep(time.Second) { // 120 KiB in the timeout
			if _, err := io.ReadFull(conn, buf); err != nil {
				break
			}
		}
		if took := time.Since(began); took < testTimeout || took > testTimeout+2*pipeRoom/(4<<10)*time.Second {
			t.Errorf("given up after %v", took)
		}
	})
}

// TestSlowCopyGoesOn: a line that brings a MiB within the timeout is let.
func TestSlowCopyGoesOn(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.lacking()
		conn := r.stranger(t, r.b)
		defer conn.Close()
		total := 0
		for buf := make([]byte, 64<<10); total < 3<<20; time.Sleep(time.Second) { // 1.9 MiB in the timeout
			n, err := io.ReadFull(conn, buf)
			if total += n; err != nil {
				t.Fatalf("ended after %d bytes: %v", total, err)
			}
		}
	})
}

// TestCopyIsNeverConfirmed: who takes a copy, and says nothing afterwards, is given up.
func TestCopyIsNeverConfirmed(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.lacking()
		conn := r.stranger(t, r.b)
		defer conn.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, conn)
		}()
		for range 3 { // it loads, and says so
			time.Sleep(testTimeout / 2)
			if _, err := conn.Write([]byte("\n")); err != nil {
				t.Fatal("ended while it loads:", err)
			}
		}
		time.Sleep(testTimeout + 2*silenceLook)
		synctest.Wait()
		select {
		case <-ended:
		default:
			t.Error("a follower that is silent after its copy is kept")
		}
	})
}

// TestMemberComesAnew: the line on which a member was before may be dead, and hold what it needs.
func TestMemberComesAnew(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		before := r.a.feeder.Followers()
		info := FollowerInfo{IsMember: true, Epoch: r.group.Epoch, Member: r.b.self}
		down := newHalf()
		server := &testConn{in: newHalf(), out: down, remote: "anew"}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = r.a.feeder.ServeFollower(t.Context(), r.net.of(server), nil, info, r.a.log.Position())
		}()
		synctest.Wait()
		after := r.a.feeder.Followers()
		if len(before) != 1 || len(after) != 1 || after[0].ID == before[0].ID {
			t.Errorf("before %+v, after %+v", before, after)
		}
		_ = server.Close()
		<-done
	})
}
