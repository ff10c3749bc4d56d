package replication

import (
	"context"
	"errors"
	"testing"

	"holdfast/cluster"
)

// trackerOp is one event in a tracker's life, and how it shows in a failure.
type trackerOp struct {
	kind   string // "append", "alone", "chain", "ack"
	epoch  uint64
	who    cluster.Member
	offset int64
}

// trackerWorld is the same said without state: the whole history, searched anew for each question.
type trackerWorld struct {
	past []trackerOp
}

// view is what history says: the epoch in force, whether a successor counts and which, and the end.
func (w trackerWorld) view() (epoch uint64, chain bool, who cluster.Member, end int64) {
	for _, op := range w.past {
		switch op.kind {
		case "append":
			end += op.offset
		case "alone", "chain":
			if op.epoch >= epoch {
				epoch, chain, who = op.epoch, op.kind == "chain", op.who
			}
		}
	}
	return epoch, chain, who, end
}

// committed is the most that was ever allowed to count: the end whenever alone, else what the successor in force said.
func (w trackerWorld) committed() (commit int64) {
	for i := range w.past {
		now := trackerWorld{w.past[:i+1]}
		epoch, chain, who, end := now.view()
		op := w.past[i]
		switch {
		case !chain:
			commit = max(commit, end)
		case op.kind == "ack" && op.epoch == epoch && op.who.Is(who):
			commit = max(commit, min(op.offset, end))
		}
	}
	return commit
}

func TestTrackerSmallWorlds(t *testing.T) {
	b := cluster.Member{Name: "b", Incarnation: "1"}
	again := cluster.Member{Name: "b", Incarnation: "2"}
	ops := []trackerOp{
		{"append", 0, b, 2}, {"alone", 1, cluster.Member{}, 0}, {"chain", 1, b, 0}, {"chain", 2, b, 0},
		{"chain", 2, again, 0},
		{"ack", 1, b, 1}, {"ack", 2, b, 3}, {"ack", 2, again, 9},
	}
	var explore func(tr Tracker, w trackerWorld, end int64)
	explore = func(tr Tracker, w trackerWorld, end int64) {
		epoch, chain, _, _ := w.view()
		if want := w.committed(); tr.Commit != want || tr.Epoch != epoch || tr.Chain != chain || tr.Commit > end {
			t.Fatalf("%v: commit %d in epoch %d (chain %v), want %d in %d (%v)", w.past, tr.Commit, tr.Epoch, tr.Chain,
				want, epoch, chain)
		}
		if up := tr.Upstream(end); up > end || !chain && up != end || chain && up > tr.Commit {
			t.Fatalf("%v: passes on %d of %d, commit %d", w.past, up, end, tr.Commit)
		}
		if len(w.past) == 5 {
			return
		}
		for _, op := range ops {
			next, nextEnd := tr, end
			switch op.kind {
			case "append":
				nextEnd += op.offset
				next.Settle(nextEnd)
			case "ack":
				next.Ack(op.epoch, op.who, op.offset, end)
			default:
				next.Set(op.epoch, op.who, op.kind == "chain", end)
			}
			explore(next, trackerWorld{append(w.past[:len(w.past):len(w.past)], op)}, nextEnd)
		}
	}
	explore(Tracker{}, trackerWorld{}, 0)
}

func TestTrackerForgetsTheOldEpochsWord(t *testing.T) {
	b := cluster.Member{Name: "b", Incarnation: "1"}
	var tr Tracker
	tr.Set(1, b, true, 10)
	tr.Ack(1, b, 8, 10)
	tr.Set(2, b, true, 10)
	if tr.Commit != 8 || tr.Upstream(10) != 0 {
		t.Errorf("commit %d, passes on %d: the word of epoch 1 must not be passed on as one of epoch 2", tr.Commit,
			tr.Upstream(10))
	}
	tr.Set(2, b, true, 10)
	tr.Ack(2, b, 9, 10)
	tr.Set(2, b, true, 10)
	if tr.Upstream(10) != 9 {
		t.Error("adopting the same epoch again forgot its acknowledgements")
	}
	tr.Reset(3)
	if tr.Commit != 0 || tr.Upstream(3) != 0 {
		t.Errorf("after a full copy %d counts as committed, %d is passed on", tr.Commit, tr.Upstream(3))
	}
}

func TestWaitCommitAndOnCommit(t *testing.T) {
	b := cluster.Member{Name: "b", Incarnation: "1"}
	var told []int64
	l := NewLog(LogConfig{Position: Position{ID: testID('a')},
		OnCommit: func(n int64, _ bool) { told = append(told, n) }})
	l.Append([]byte("12345"))
	l.Flush()
	if l.Commit() != 5 || told != nil {
		t.Fatalf("alone: commit %d, told %v", l.Commit(), told)
	}
	l.SetChain(3, b, true)
	if l.SetChain(2, b, false) {
		t.Error("went back to epoch 2")
	}
	l.Append([]byte("67890"))
	l.Flush()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.WaitCommit(gone, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("waited until %v", err)
	}
	done := make(chan error)
	go func() { done <- l.WaitCommit(t.Context(), 9) }()
	if l.Ack(2, b, 10) || !l.Ack(3, b, 7) || !l.Ack(3, b, 10) || !l.Ack(3, b, 6) {
		t.Error("wrong acknowledgements counted")
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(told) != 2 || told[0] != 7 || told[1] != 10 || l.AckedAt().IsZero() {
		t.Errorf("told %v", told)
	}
	if epoch, offset := l.UpstreamAck(); epoch != 3 || offset != 10 {
		t.Errorf("passes on %d in epoch %d", offset, epoch)
	}
}
