package replication

import (
	"testing"
	"time"

	"holdfast/cluster"
)

// TestGiantIsNotStuck: as long as bytes of a giant command come through somewhere nobody has waited for long; once
// none do any more, the waits grow from there, and what is no giant command changes nothing.
func TestGiantIsNotStuck(t *testing.T) {
	memberB := cluster.Member{Name: "b", Incarnation: "1"}
	l := NewLog(LogConfig{})
	l.UseDisk(nil)
	l.SetChain(1, memberB, true)
	now := time.Now()
	check := func(what string, after, acknowledged, stored time.Duration) {
		t.Helper()
		now = now.Add(after)
		if a, s := l.Delays(now); a != acknowledged || s != stored {
			t.Errorf("%s: acknowledgement %v, disk %v; not %v, %v", what, a, s, acknowledged, stored)
		}
	}
	l.Append(make([]byte, 10*giant))
	l.Flush()
	check("nothing yet", 0, 0, 0)
	l.Written(0, giant)
	check("a part is on disk", time.Second, 0, 0)
	check("no more", time.Second, 0, time.Second)
	l.Written(giant, giant-1)
	check("less than counts", time.Second, 0, 2*time.Second)
	l.Written(2*giant-1, 8*giant+1)
	l.Stored(0, 10*giant)
	check("all is", 0, 0, 0)
	for range 5 {
		l.progress.behind.Add(giant)
		check("the successor gets on", 10*time.Second, 0, 0)
	}
	l.progress.behind.Add(giant - 1)
	check("hardly", time.Second, time.Second, 0)
	check("not at all", 5*time.Second, 6*time.Second, 0)
	if got, want := l.progress.all(), int64(10*giant+10*giant+6*giant-1); got != want {
		t.Errorf("%d bytes have come through, not %d", got, want)
	}
	l.Ack(1, memberB, 10*giant)
	check("it has all", time.Second, 0, 0)

	for range 3 * giant / BlockSize { // as much, in small commands
		l.Append(make([]byte, BlockSize))
		l.Flush()
	}
	check("small commands", 0, 0, 0)
	l.Written(10*giant, 2*giant)
	check("small commands come to disk", time.Second, 0, time.Second)
}

// TestProgressIsPassedOn: what a successor says of the giant commands on their way to it, and behind it, counts for
// whom it is said to, from the second word on, if its word counts at all.
func TestProgressIsPassedOn(t *testing.T) {
	memberB := cluster.Member{Name: "b", Incarnation: "1"}
	log := NewLog(LogConfig{})
	log.SetChain(3, memberB, true)
	f := NewFeeder(FeederConfig{Log: log})
	l := &link{feeder: f, info: FollowerInfo{IsMember: true, Member: memberB}, firstAck: make(chan struct{})}
	for _, c := range []struct {
		what string
		ack  ack
		want int64
	}{
		{"the first word", ack{chain: true, epoch: 3, progress: 100}, 0},
		{"the next", ack{chain: true, epoch: 3, progress: 150}, 50},
		{"the same", ack{chain: true, epoch: 3, progress: 150}, 50},
		{"less", ack{chain: true, epoch: 3, progress: 120}, 50},
		{"another epoch", ack{chain: true, epoch: 2, progress: 200}, 50},
		{"more", ack{chain: true, epoch: 3, progress: 210}, 60},
	} {
		l.acked(c.ack)
		if got := log.progress.all(); got != c.want {
			t.Errorf("%s: %d, not %d", c.what, got, c.want)
		}
	}
}
