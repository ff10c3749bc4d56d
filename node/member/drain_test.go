package member

import (
	"testing"
	"time"

	"holdfast/cluster"
)

// TestDrainedBinds: a drain ends by itself unless the sentinels were told that all is committed; then only another
// epoch ends it.
func TestDrainedBinds(t *testing.T) {
	begin := time.Unix(100, 0)
	p := At(grouped(7, "ab", ""), one("a"))
	d := Drain{Until: begin}
	if d = d.Committed(&p, 4, 5); d.Told != 0 {
		t.Fatal("told before all was committed")
	}
	if d.Expire(&p, begin.Add(-1)) != d {
		t.Error("it ends before its time")
	}
	if over := d.Expire(&p, begin); over.Holds() {
		t.Error("it goes on though nobody was told")
	}
	if d = d.Committed(&p, 5, 5); d.Told != 7 {
		t.Fatal("not told")
	}
	if d = d.Expire(&p, begin.Add(time.Hour)); !d.Holds() || d.Told != 7 {
		t.Error("it ended though the sentinels were told")
	}
	next := At(grouped(8, "ab", ""), one("a"))
	d = d.Adopted()
	if d.Holds() || d.Expire(&next, begin).Holds() {
		t.Error("it outlives its epoch")
	}
	d.Until = begin
	if d.Expire(&next, begin).Holds() {
		t.Error("what was told in another epoch binds")
	}
	if slave := At(grouped(7, "ba", ""), one("a")); slave.MayDrain(7) || p.MayDrain(6) || !p.MayDrain(7) {
		t.Error("an order is for the master of its epoch")
	}
}

// TestOrderToDrain: it begins once, when all sentinels that are there have heard of it or had the time to.
func TestOrderToDrain(t *testing.T) {
	const interval = time.Second
	begin := time.Unix(100, 0)
	var o Order
	if o.Epoch(begin) != 0 {
		t.Fatal("ordered by nobody")
	}
	o, begun := o.Repeat(7, begin, interval)
	if !begun || o.Epoch(begin) != 7 {
		t.Fatal("not begun")
	}
	if o.Ready(begin, interval, []time.Time{begin, begin.Add(-1)}) {
		t.Error("ready before all have heard")
	}
	if !o.Ready(begin, interval, []time.Time{begin, begin}) || !o.Ready(begin.Add(interval), interval,
		[]time.Time{begin.Add(-1)}) {
		t.Error("not ready though all have heard, or had the time to")
	}
	later := begin.Add(interval)
	if o, begun = o.Repeat(7, later, interval); begun || o.Left(later) != drainHold*interval {
		t.Error("an order that is repeated is the same one")
	}
	end := later.Add(drainHold * interval)
	if o.Epoch(end) != 7 || o.Epoch(end.Add(1)) != 0 {
		t.Error("an order that is not repeated ends")
	}
	if _, begun = o.Repeat(7, end.Add(1), interval); !begun {
		t.Error("it begins again after its end")
	}
	if _, begun = o.Repeat(8, later, interval); !begun {
		t.Error("another epoch's is another one")
	}
}

func TestMeetings(t *testing.T) {
	var s Meetings
	now, c := time.Unix(100, 0), one("c")
	if s.Met(c) || !s.Due(c, now) || s.Due(c, now) {
		t.Fatal("it is to be looked for once")
	}
	if !s.Ended(c, "nobody is there", now.Add(2)) || len(s.Unmet()) != 1 || s.Met(c) {
		t.Fatal("it was not met, which is news")
	}
	if s.Due(c, now.Add(1)) || !s.Due(c, now.Add(2)) {
		t.Error("it is to be looked for again, later")
	}
	if s.Ended(c, "nobody is there", now.Add(4)) {
		t.Error("the same again is no news")
	}
	if !s.Ended(c, "", now) || !s.Met(c) || len(s.Unmet()) != 0 || s.Due(c, now.Add(9)) {
		t.Error("it was met, for good")
	}
	s.Keep(grouped(1, "a", "c"))
	if !s.Met(c) {
		t.Error("a learner is forgotten")
	}
	s.Keep(cluster.Group{})
	if s.Met(c) || s.Ended(c, "", now) {
		t.Error("who is no learner any more is known")
	}
}
