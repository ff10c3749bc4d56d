package replication

import (
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/cluster"
)

func TestPaceAge(t *testing.T) {
	type look struct {
		at              time.Duration
		reached, passed int64
		want            time.Duration
	}
	for _, c := range []struct {
		name  string
		looks []look
	}{
		{"nothing waits", []look{{0, 10, 10, 0}, {time.Second, 20, 20, 0}}},
		{"all stands still", []look{{0, 10, 0, 0}, {time.Second, 20, 0, time.Second},
			{3 * time.Second, 20, 0, 3 * time.Second}}},
		{"it goes on, late", []look{{0, 10, 0, 0}, {time.Second, 20, 5, time.Second},
			{2 * time.Second, 30, 10, time.Second}, {3 * time.Second, 40, 20, time.Second}}},
		{"all got through", []look{{0, 10, 0, 0}, {time.Second, 20, 0, time.Second}, {2 * time.Second, 20, 20, 0},
			{3 * time.Second, 30, 20, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p waitAge
			began := time.Now()
			for _, l := range c.looks {
				if got := p.age(l.reached, l.passed, began.Add(l.at)); got != l.want {
					t.Errorf("after %v: %v, not %v", l.at, got, l.want)
				}
			}
		})
	}
}

// TestPaceNeverTooOld: whatever comes and gets through when, no age is larger than that of the oldest byte that waits,
// and with looks all the time it is that, but for what marks that were given up leave out.
func TestPaceNeverTooOld(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var p waitAge
		var came []time.Time // by offset
		passed := 0
		now := time.Now()
		for range 500 {
			now = now.Add(time.Duration(rng.IntN(1000)) * time.Millisecond)
			for range rng.IntN(4) {
				came = append(came, now)
			}
			if rng.IntN(3) == 0 {
				passed += rng.IntN(len(came) - passed + 1)
			}
			want := time.Duration(0)
			if passed < len(came) {
				want = now.Sub(came[passed])
			}
			got := p.age(int64(len(came)), int64(passed), now)
			if got > want || len(p.marks) > maxMarks {
				t.Fatalf("%v, the oldest waits for %v; %d marks", got, want, len(p.marks))
			}
			if want-got > 500*time.Second/maxMarks*4 {
				t.Fatalf("%v, the oldest waits for %v", got, want)
			}
		}
	}
}

// TestDelays: a member sees for how long its successor lets it wait, and for how long its own disk does, apart.
func TestDelays(t *testing.T) {
	l := NewLog(LogConfig{})
	memberB := cluster.Member{Name: "b", Incarnation: "1"}
	now := time.Now()
	check := func(after, acknowledged, stored time.Duration) {
		t.Helper()
		now = now.Add(after)
		if a, s := l.Delays(now); a != acknowledged || s != stored {
			t.Errorf("acknowledgement %v, disk %v; not %v, %v", a, s, acknowledged, stored)
		}
	}
	l.SetChain(1, memberB, true)
	l.Append([]byte("0123456789"))
	l.Flush()
	check(0, 0, 0)
	check(time.Second, time.Second, 0)
	l.Ack(1, memberB, 5)
	check(time.Second, 2*time.Second, 0)
	l.Ack(1, memberB, 10)
	check(time.Second, 0, 0)
	l.Append([]byte("0123456789"))
	l.Flush()
	check(0, 0, 0)
	check(time.Second, time.Second, 0)
	l.SetChain(2, memberB, true) // in a new epoch it has a new chance
	check(time.Second, 0, 0)
	check(time.Second, time.Second, 0)
	l.SetChain(3, memberB, false)
	check(time.Second, 0, 0)
}
