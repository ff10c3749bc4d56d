package member

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/replication"
)

// TestHeartbeat: what a member tells depends on more than one fact.
func TestHeartbeat(t *testing.T) {
	now := time.Unix(100, 0)
	at := func(self string) Facts {
		return Facts{Now: now, Self: one(self), Place: At(grouped(7, "ab", "d"), one(self)), DownAfter: time.Second,
			AckedAt: now.Add(-time.Minute), Link: &replication.FollowStatus{Upstream: one("a")},
			Replaces: []string{"older"}}
	}
	for name, c := range map[string]struct {
		self string
		edit func(f *Facts)
		ok   func(h cluster.Heartbeat) bool
	}{
		"drained in this epoch": {"a", func(f *Facts) { f.Drained = 7 },
			func(h cluster.Heartbeat) bool { return h.Drained == 7 }},
		"drained in another": {"a", func(f *Facts) { f.Drained = 6 },
			func(h cluster.Heartbeat) bool { return h.Drained == 0 }},
		"a slave has not drained": {"b", func(f *Facts) { f.Drained = 7 },
			func(h cluster.Heartbeat) bool { return h.Drained == 0 }},
		"linked": {"b", nil,
			func(h cluster.Heartbeat) bool { return h.LinkUp && h.Upstream == one("a") }},
		"the link is down": {"b", func(f *Facts) { f.Link.DownSince = now.Add(-time.Second) },
			func(h cluster.Heartbeat) bool { return !h.LinkUp && h.LinkDownMs == 1000 }},
		"follows nobody": {"a", func(f *Facts) { f.Link = nil },
			func(h cluster.Heartbeat) bool { return !h.LinkUp && h.LinkDownMs == 0 }},
		"broken, and linked": {"b",
			func(f *Facts) { f.Fault, f.FaultSince = errors.New(strings.Repeat("x", 999)), now.Add(-2*time.Second) },
			func(h cluster.Heartbeat) bool {
				return !h.LinkUp && h.Upstream == cluster.Member{} &&
					h.LinkDownMs == 2000 && len(h.Broken) == maxReason
			}},
		"in the group it replaces none": {"d", nil,
			func(h cluster.Heartbeat) bool { return h.Replaces == nil && h.Role == cluster.RoleLearner }},
		"outside it says whom": {"e", nil,
			func(h cluster.Heartbeat) bool { return len(h.Replaces) == 1 && h.Role == cluster.RoleNone }},
		"joining, and held": {"b", func(f *Facts) { f.Place.Joining, f.JoiningHeld = one("d"), true },
			func(h cluster.Heartbeat) bool { return h.Joining == one("d") }},
		"joining, and not held": {"b", func(f *Facts) { f.Place.Joining = one("d") },
			func(h cluster.Heartbeat) bool { return h.Joining == cluster.Member{} }},
		"commits: acknowledged lately": {"a", func(f *Facts) { f.AckedAt = now.Add(1 - time.Second) },
			func(h cluster.Heartbeat) bool { return h.Committing }},
		"commits: all is, with a lease": {"a", func(f *Facts) { f.Leased = true },
			func(h cluster.Heartbeat) bool { return h.Committing }},
		"may not commit": {"a", func(f *Facts) { f.Position.Offset, f.Leased = 1, true },
			func(h cluster.Heartbeat) bool { return !h.Committing }},
		"a slave commits nothing": {"b", func(f *Facts) { f.Leased, f.AckedAt = true, now },
			func(h cluster.Heartbeat) bool { return !h.Committing }},
		"commits alone": {"a", func(f *Facts) { f.Place = At(grouped(7, "a", ""), one("a")); f.Position.Offset = 1 },
			func(h cluster.Heartbeat) bool { return h.Committing }},
		"idle": {"a", func(f *Facts) { f.Command = "sort" }, func(h cluster.Heartbeat) bool { return h.Command == "" }},
		"busy": {"a", func(f *Facts) { f.Command, f.Busy = "sort", time.Second },
			func(h cluster.Heartbeat) bool { return h.Command == "sort" && h.Busy == 1000 }},
	} {
		t.Run(name, func(t *testing.T) {
			f := at(c.self)
			if c.edit != nil {
				c.edit(&f)
			}
			if h := f.Heartbeat(); !c.ok(h) {
				t.Errorf("%+v", h)
			}
		})
	}
}

// TestUnheard: the silence of the one that is waited for, as far as anything waits.
func TestUnheard(t *testing.T) {
	now := time.Unix(100, 0)
	followers := []replication.FollowerStatus{
		{Info: replication.FollowerInfo{Member: one("b")}, Lag: 3 * time.Second},
		{Info: replication.FollowerInfo{Member: one("d")}, Lag: -1, Since: now.Add(-2 * time.Second)},
	}
	head, tail := At(grouped(7, "ab", "d"), one("a")), At(grouped(7, "ab", "d"), one("b"))
	tail.Joining = one("d")
	for _, c := range []struct {
		place        Place
		self         string
		waited, want time.Duration
	}{
		{head, "a", time.Minute, 3 * time.Second}, {head, "a", time.Second, time.Second},
		{tail, "b", time.Minute, 2 * time.Second}, {tail, "b", time.Second, time.Second},
	} {
		if got := c.place.Unheard(one(c.self), followers, c.waited, now); got != c.want {
			t.Errorf("%s: %v, want %v", c.self, got, c.want)
		}
	}
}
