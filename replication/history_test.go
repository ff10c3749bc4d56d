package replication

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/resp"
)

// testDisk is a disk that keeps a member's log, from where it began.
type testDisk struct {
	log   *Log
	tap   *Reader
	base  []string // the data at start
	start int64
	bytes []byte
	full  bool // a fault: nothing more is written
}

// keep gives the member a disk.
func (m *member) keep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk = &testDisk{log: m.log}
	m.log.UseDisk(m.disk)
	m.disk.begin(m)
}

// begin throws away what is on the disk: the log begins here.
func (d *testDisk) begin(m *member) {
	if d == nil {
		return
	}
	if d.tap != nil {
		d.tap.Close()
	}
	d.base, d.start, d.bytes = slices.Clone(m.words), m.log.End(), nil
	d.tap = d.log.Tap(d.start)
	d.store()
}

func (d *testDisk) store() {
	if d == nil || d.full {
		return
	}
	for {
		chunks, err := d.tap.Poll()
		if len(chunks) == 0 || err != nil {
			break
		}
		for _, c := range chunks {
			d.bytes = append(d.bytes, c...)
		}
	}
	d.log.Stored(d.start, d.start+int64(len(d.bytes)))
}

func (d *testDisk) ReadAt(p []byte, offset int64) (int, error) {
	return copy(p[:min(len(p), 1000)], d.bytes[offset-d.start:]), nil
}

func (m *member) Continue(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.ContinueAs(id)
	return nil
}

func (m *member) Rewind(offset int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.disk
	if d == nil || offset < d.start {
		return errors.New("not on disk")
	}
	d.bytes = d.bytes[:offset-d.start]
	m.words = slices.Clone(d.base)
	var p resp.Parser
	p.Fill(copy(p.Space(len(d.bytes)), d.bytes))
	for args, _ := p.Next(); args != nil; args, _ = p.Next() {
		m.words = append(m.words, string(args[1]))
	}
	m.log.Restore(Position{ID: m.log.ID(), Offset: offset}, m.log.Formers())
	d.tap.Close()
	d.tap = m.log.Tap(offset)
	d.store()
	return nil
}

// TestDeposedHeadRewinds: with a disk, a head that comes back only drops what was never committed.
func TestDeposedHeadRewinds(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		for _, m := range []*member{r.a, r.b, r.c} {
			m.keep()
		}
		r.a.committed(r.a.put("by all"), 100*time.Millisecond)
		r.net.cutAll(r.a.self.Addr, true)
		r.a.uncommitted(r.a.put("never committed"))
		g := r.group.Without(r.a.self)
		r.b.adopt(g)
		r.b.mu.Lock()
		r.b.log.ContinueAs(testID('e'))
		r.b.mu.Unlock()
		r.c.adopt(g)
		r.b.committed(r.b.put("by the new head"), 100*time.Millisecond)
		copies := r.c.fulls()
		r.net.listen(r.a.self.Addr, r.a.serve)
		r.group = g
		r.all(g.WithLearner(r.a.self))
		time.Sleep(time.Second)
		same(t, r.b, r.c, r.a)
		if r.c.fulls() != copies || slices.Contains(r.a.data(), "never committed") {
			t.Errorf("c sent %d full copies; a has %q", r.c.fulls()-copies, r.a.data())
		}
		if !bytes.HasSuffix(r.a.disk.bytes, []byte("by the new head\r\n")) {
			t.Errorf("a's disk ends with %q", r.a.disk.bytes)
		}
	})
}

// TestAwayForLongerThanTheBacklog: what is no longer in memory is read on disk.
func TestAwayForLongerThanTheBacklog(t *testing.T) {
	inBubble(t, LogConfig{Limit: BlockSize}, func(t *testing.T, r *rig) {
		r.b.keep()
		r.c.stop()
		r.c.following = nil
		r.all2(r.group.Without(r.c.self))
		r.a.committed(r.a.fill(500_000), time.Second)
		copies := r.b.fulls()
		r.all(r.group.WithLearner(r.c.self))
		time.Sleep(time.Second)
		same(t, r.a, r.b, r.c)
		if r.b.fulls() != copies {
			t.Errorf("b sent %d full copies though its disk has all", r.b.fulls()-copies)
		}
	})
}

// TestFullDiskHoldsCommitBack: what one member can't store nobody is told is safe.
func TestFullDiskHoldsCommitBack(t *testing.T) {
	inBubble(t, LogConfig{}, func(t *testing.T, r *rig) {
		for _, m := range []*member{r.a, r.b, r.c} {
			m.keep()
			m.disk.full = true
			end := r.a.put("while a disk is full")
			r.a.uncommitted(end)
			m.mu.Lock()
			m.disk.full = false
			m.disk.store()
			m.mu.Unlock()
			m.feeder.Push()
			r.a.committed(end, 100*time.Millisecond)
		}
		same(t, r.a, r.b, r.c)
	})
}

// TestPassedOnOnceStored: a follower gets what is on disk, and the rest when it is there or need not be.
func TestPassedOnOnceStored(t *testing.T) {
	l := NewLog(LogConfig{Position: Position{ID: testID('a')}})
	follower, tap := l.OpenEnd(nil), l.Tap(0)
	reads := func(r *Reader, want string) {
		t.Helper()
		chunks, err := r.Poll()
		if got := string(bytes.Join(chunks, nil)); got != want || err != nil {
			t.Errorf("got %q, %v: want %q", got, err, want)
		}
	}
	put := func(p string) {
		l.Append([]byte(p))
		l.Flush()
	}
	put("in memory")
	reads(follower, "in memory")
	reads(tap, "in memory")
	l.UseDisk(&testDisk{log: l})
	l.Stored(0, l.End())
	put(" on disk")
	put(" and beyond")
	reads(follower, "")
	reads(tap, " on disk and beyond")
	l.Stored(0, int64(len("in memory on disk")))
	select {
	case <-follower.wake:
	default:
		t.Error("nobody was woken by what is stored")
	}
	reads(follower, " on disk")
	reads(follower, "")
	l.LeaveDisk()
	reads(follower, " and beyond")
}

// TestRestoredWithoutItsEnd: a log that has lost its end does not vouch for what is written there next under the name
// it had before.
func TestRestoredWithoutItsEnd(t *testing.T) {
	l := NewLog(LogConfig{})
	l.Restore(Position{ID: testID('b'), Offset: 10}, []Former{{testID('a'), 20}})
	l.Append([]byte("what is written next"))
	l.Flush()
	if _, ok, _ := l.Resume(Position{testID('a'), 20}); ok {
		t.Error("goes on with a log of which it has lost the end")
	}
	if a, offset := l.advise(Position{testID('a'), 20}); a != AdviceRewind || offset != 10 {
		t.Errorf("advice %d, offset %d", a, offset)
	}
}

// TestRestoredCountsAsCommitted: as long as the disk does not say that what was found there is safe, nobody who has
// less of it holds all that is committed: an earlier process may have committed it.
func TestRestoredCountsAsCommitted(t *testing.T) {
	l, learner := NewLog(LogConfig{Position: Position{ID: testID('a')}}), cluster.Member{Name: "b", Incarnation: "1"}
	l.UseDisk(&testDisk{})
	l.Restore(Position{ID: testID('a'), Offset: 100}, nil)
	l.Stored(0, 40) // what was synced
	l.SetChain(2, learner, true)
	for _, at := range []struct {
		acked int64
		held  bool
	}{{40, false}, {99, false}, {100, true}} {
		l.Ack(2, learner, at.acked)
		if got := l.HeldBy(2, learner); got != at.held {
			t.Errorf("with %d of 100 bytes acknowledged: held %v", at.acked, got)
		}
		if got := l.HeldBySuccessor(); got != at.held {
			t.Errorf("with %d of 100 bytes acknowledged: held by the successor %v", at.acked, got)
		}
		if l.Commit() != 40 {
			t.Errorf("%d bytes are committed, 40 are on disk", l.Commit())
		}
	}
	l.Reset(Position{ID: testID('b'), Offset: 10})
	l.Stored(10, 10)
	l.SetChain(3, learner, true)
	if l.Ack(3, learner, 10); !l.HeldBy(3, learner) {
		t.Error("of another log no more counts than it has")
	}
}
