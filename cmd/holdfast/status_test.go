package main

import (
	"strings"
	"testing"

	"holdfast/sentinel"
)

// TestStatusOfSentinels has status say of each sentinel what an operator has to know first.
func TestStatusOfSentinels(t *testing.T) {
	for _, c := range []struct {
		s    sentinel.SentinelStatus
		want string
	}{
		{sentinel.SentinelStatus{Alive: true, Voter: true, Disk: "ok"}, "ok"},
		{sentinel.SentinelStatus{Alive: true, Voter: true, Leader: true, Disk: "ok"}, "leader"},
		{sentinel.SentinelStatus{Alive: true, Voter: true, Leader: true, Disk: "full"},
			"disk full or failing: it counts as down until it takes writes"},
		{sentinel.SentinelStatus{Alive: true, Disk: "full"},
			"disk full or failing: it counts as down until it takes writes"},
		{sentinel.SentinelStatus{Alive: true, Disk: "ok"}, "joining"},
		{sentinel.SentinelStatus{Voter: true}, "silent"},
		{sentinel.SentinelStatus{Alive: true, Removed: true, Disk: "full"}, "removed: stop it"},
	} {
		var out strings.Builder
		c.s.ID, c.s.Addr = "0123456789", "10.0.0.1:26379"
		if err := printStatus(&out,
			sentinel.Status{InTouch: true, Sentinels: []sentinel.SentinelStatus{c.s}}); err != nil {
			t.Fatal(err)
		}
		if line := "  10.0.0.1:26379  01234567  " + c.want; !strings.Contains(out.String(), line+"\n") &&
			!strings.Contains(out.String(), line+" ") {
			t.Errorf("%+v: no line %q in\n%s", c.s, line, out.String())
		}
	}
}

// TestStatusOfOutsiders: a node without a place that is not heard any more is not said to be well.
func TestStatusOfOutsiders(t *testing.T) {
	for _, c := range []struct {
		m    sentinel.MemberStatus
		want string
	}{
		{sentinel.MemberStatus{SilentMs: 10, LinkUp: true}, "ok"},
		{sentinel.MemberStatus{SilentMs: 5000, LinkUp: true}, "silent"},
		{sentinel.MemberStatus{SilentMs: -1}, "silent"},
		{sentinel.MemberStatus{SilentMs: 5000, Refused: "it is a copy"}, "refused: it is a copy"},
	} {
		var out strings.Builder
		g := sentinel.GroupStatus{Name: "mymaster", Others: []sentinel.MemberStatus{c.m}}
		g.Settings.DownAfterMs = 1000
		if err := printStatus(&out, sentinel.Status{InTouch: true, Groups: []sentinel.GroupStatus{g}}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if line := strings.TrimRight(lines[2], " "); !strings.HasSuffix(line, "  "+c.want) {
			t.Errorf("%+v: %q does not end in %q", c.m, line, c.want)
		}
	}
}
