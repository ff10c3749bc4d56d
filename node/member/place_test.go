package member

import (
	"errors"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/replication"
)

// one makes a member; the letters a to e are nodes.
func one(name string) cluster.Member {
	return cluster.Member{Name: name, Incarnation: name + "1", Addr: name + ":6379"}
}

// grouped makes a group: "abc" is a chain, what stands behind a space are learners.
func grouped(epoch uint64, chain, learners string) cluster.Group {
	g := cluster.Group{Name: "g", Epoch: epoch}
	for _, c := range chain {
		g.Chain = append(g.Chain, one(string(c)))
	}
	for _, c := range learners {
		g.Learners = append(g.Learners, one(string(c)))
	}
	return g
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct {
		chain, learners, self string
		role                  cluster.Role
		upstream, awaited     string
		tail, dispensable     bool
	}{
		{"abc", "d", "a", cluster.RoleMaster, "", "b", false, false},
		{"abc", "d", "b", cluster.RoleReplica, "a", "c", false, false},
		{"abc", "d", "c", cluster.RoleReplica, "b", "", true, false},
		{"abc", "d", "d", cluster.RoleLearner, "c", "", false, false},
		{"abc", "d", "e", cluster.RoleNone, "", "", false, true},
		{"a", "", "a", cluster.RoleMaster, "", "", true, true},
	} {
		self := one(c.self)
		p := At(grouped(7, c.chain, c.learners), self)
		awaited, ok := p.Awaited(self)
		if p.Role() != c.role || p.Upstream.Name != c.upstream || awaited.Name != c.awaited ||
			ok != (c.awaited != "") ||
			p.Tail() != c.tail || p.Dispensable() != c.dispensable || p.Epoch() != 7 {
			t.Errorf("%+v: %+v", c, p)
		}
		for _, m := range "abcde" {
			before, ok := p.Group.Predecessor(one(string(m)))
			if want := ok && before.Is(self); p.Feeds(one(string(m)), self) != want {
				t.Errorf("%+v: it feeds %c: %v", c, m, !want)
			}
		}
	}
	if p := Alone(false); p.InGroup() || p.InChain() || p.Role() != cluster.RoleNone {
		t.Errorf("without a group: %+v", p)
	}
}

// TestAnotherIncarnationHasNoPlace: who restarted is not whom the chain names.
func TestAnotherIncarnationHasNoPlace(t *testing.T) {
	self := one("a")
	self.Incarnation = "a2"
	if p := At(grouped(1, "ab", ""), self); p.InGroup() || p.Master {
		t.Errorf("%+v", p)
	}
}

func TestWhoMayAnswer(t *testing.T) {
	for _, c := range []struct {
		self      string
		leased    bool
		confirmed uint64
		may       bool
	}{
		{"b", true, 0, true}, {"b", false, 0, false}, {"b", false, 7, true}, {"b", false, 6, false},
		{"d", true, 7, false}, // a learner need not have what was acknowledged
		{"e", true, 7, false},
	} {
		p := At(grouped(7, "abc", "d"), one(c.self))
		if p.MayAnswer(c.leased, c.confirmed) != c.may {
			t.Errorf("%+v", c)
		}
	}
}

func TestWhoConfirms(t *testing.T) {
	holding := Drain{Until: time.Unix(1, 0)}
	for _, c := range []struct {
		self, from string
		awaits     bool
		drain      Drain
		want       error
	}{
		{"a", "b", true, Drain{}, nil},
		{"a", "a", true, Drain{}, nil},
		{"a", "b", true, Drain{Told: 7}, nil},
		{"a", "b", true, holding, errDraining},
		{"a", "b", false, Drain{}, errNoConfirmation}, // nobody is waited for
		{"a", "d", true, Drain{}, errNoConfirmation},  // a learner
		{"b", "c", true, Drain{}, errNoConfirmation},  // not the master
	} {
		p := At(grouped(7, "abc", "d"), one(c.self))
		if err := p.MayConfirm(one(c.from), c.awaits, c.drain); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestAdopt(t *testing.T) {
	at := func(g cluster.Group) Place { return At(g, one("b")) }
	for name, c := range map[string]struct {
		before Place
		group  cluster.Group
		broken bool
		want   Change // but for the places
		stays  bool
	}{
		"the first epoch, as master": {before: Alone(false), group: grouped(1, "ba", ""),
			want: Change{TakeOver: true, NoteEpoch: true}},
		"the first, as a slave": {before: Alone(false), group: grouped(1, "ab", ""),
			want: Change{Unfollow: true, NoteEpoch: true, Follow: true}},
		"the first, as a learner": {before: Alone(false), group: grouped(1, "a", "b"),
			want: Change{Unfollow: true, Follow: true}},
		"the first, without it": {before: Alone(false), group: grouped(1, "a", "")},
		"the same epoch":        {before: at(grouped(3, "ab", "")), group: grouped(3, "ba", ""), stays: true},
		"an older one":          {before: at(grouped(3, "ab", "")), group: grouped(2, "ba", ""), stays: true},
		"promoted": {before: at(grouped(3, "abc", "")), group: grouped(4, "bc", ""),
			want: Change{Unfollow: true, TakeOver: true, NoteEpoch: true}},
		"deposed, to the tail": {before: at(grouped(3, "ba", "")), group: grouped(4, "ab", ""),
			want: Change{StepDown: true, Unfollow: true, NoteEpoch: true, Follow: true}},
		"deposed, as another master was not heard of": {before: at(grouped(3, "ba", "")), group: grouped(4, "a", ""),
			want: Change{StepDown: true, EndHeld: true}},
		"removed, and a learner": {before: at(grouped(3, "abc", "")), group: grouped(4, "ac", "b"),
			want: Change{EndHeld: true, Unfollow: true, Follow: true}},
		"another predecessor": {before: at(grouped(3, "cab", "")), group: grouped(4, "cb", ""),
			want: Change{Unfollow: true, NoteEpoch: true, Follow: true}},
		"the same predecessor": {before: at(grouped(3, "abc", "")), group: grouped(4, "ab", ""),
			want: Change{NoteEpoch: true, Follow: true}},
		"still the master": {before: at(grouped(3, "bac", "")), group: grouped(4, "bc", ""),
			want: Change{NoteEpoch: true}},
		"appended": {before: at(grouped(3, "a", "b")), group: grouped(4, "ab", ""),
			want: Change{NoteEpoch: true, Follow: true}},
		"broken, in the chain": {before: at(grouped(3, "ab", "")), group: grouped(4, "ab", ""), broken: true,
			want: Change{NoteEpoch: true, Follow: true}},
		"broken, a learner of the same predecessor": {before: at(grouped(3, "ab", "")), group: grouped(4, "a", "b"),
			broken: true, want: Change{EndHeld: true, Unfollow: true, DropData: true, Follow: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := Adopt(c.before, c.group, one("b"), c.broken)
			if ok == c.stays {
				t.Fatalf("adopted: %v", ok)
			}
			if ok && (got.After.Epoch() != c.group.Epoch || got.Before.Epoch() != c.before.Epoch()) {
				t.Errorf("from %+v to %+v", got.Before, got.After)
			}
			got.Before, got.After = Place{}, Place{}
			if got.StepDown != c.want.StepDown || got.EndHeld != c.want.EndHeld || got.Unfollow != c.want.Unfollow ||
				got.DropData != c.want.DropData || got.TakeOver != c.want.TakeOver ||
				got.NoteEpoch != c.want.NoteEpoch || got.Follow != c.want.Follow {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// TestRelinking: a new master waits for those behind it once; whether it still does another epoch does not change.
func TestRelinking(t *testing.T) {
	master, slave := At(grouped(1, "ab", ""), one("a")), At(grouped(1, "ba", ""), one("a"))
	for _, c := range []struct {
		before, after   Place
		was, held, want bool
	}{
		{slave, master, false, false, true},
		{slave, master, false, true, false},
		{master, master, true, true, true},
		{master, master, false, false, false},
		{master, slave, true, false, false},
	} {
		if got := (Change{Before: c.before, After: c.after}).Relinking(c.was, c.held); got != c.want {
			t.Errorf("%+v", c)
		}
	}
}

func TestLetJoin(t *testing.T) {
	const end = 10 * lagMax
	yes := func(cluster.Member) bool { return true }
	follower := func(name string, edit func(f *replication.FollowerStatus)) replication.FollowerStatus {
		f := replication.FollowerStatus{Info: replication.FollowerInfo{IsMember: true, Member: one(name)},
			State: replication.LinkOnline, AckEpoch: 7, Held: end}
		if edit != nil {
			edit(&f)
		}
		return f
	}
	for name, c := range map[string]struct {
		self      string
		followers []replication.FollowerStatus
		admit     func(cluster.Member) bool
		joins     string
	}{
		"it holds all":     {"b", []replication.FollowerStatus{follower("d", nil)}, yes, "d"},
		"the first of two": {"b", []replication.FollowerStatus{follower("d", nil), follower("c", nil)}, yes, "d"},
		"not the tail":     {"a", []replication.FollowerStatus{follower("d", nil)}, yes, ""},
		"not a learner":    {"b", []replication.FollowerStatus{follower("e", nil)}, yes, ""},
		"it is not let in": {"b", []replication.FollowerStatus{follower("d", nil)},
			func(cluster.Member) bool { return false }, ""},
		"a little behind": {"b",
			[]replication.FollowerStatus{follower("d", func(f *replication.FollowerStatus) { f.Held = end - lagMax })},
			yes, "d"},
		"behind": {"b",
			[]replication.FollowerStatus{follower("d",
				func(f *replication.FollowerStatus) { f.Held = end - lagMax - 1 })}, yes, ""},
		"in another epoch": {"b",
			[]replication.FollowerStatus{follower("d", func(f *replication.FollowerStatus) { f.AckEpoch = 6 })}, yes,
			""},
		"it is still copied to": {"b",
			[]replication.FollowerStatus{follower("d",
				func(f *replication.FollowerStatus) { f.State = replication.LinkTransfer })}, yes, ""},
	} {
		t.Run(name, func(t *testing.T) {
			self := one(c.self)
			p := At(grouped(7, "ab", "cd"), self)
			joined, ok := p.LetJoin(c.followers, end, c.admit)
			if joined.Joining.Name != c.joins || ok != (c.joins != "") {
				t.Fatalf("%v joins: %v", joined.Joining, ok)
			}
			if !ok {
				return
			}
			if m, awaited := joined.Awaited(self); !awaited || m.Name != c.joins {
				t.Errorf("it waits for %v", m)
			}
			if again, ok := joined.LetJoin(c.followers, end, c.admit); ok {
				t.Errorf("in the same epoch it lets %v join too", again.Joining)
			}
		})
	}
}

// TestSteady: who was slow has to keep pace for a while, without a break.
func TestSteady(t *testing.T) {
	g := grouped(1, "a", "cd")
	g.Settings.ChainSlowMs = 800
	g.Slow = map[string]int{"c": 2}
	online := func(delay time.Duration) []replication.FollowerStatus {
		return []replication.FollowerStatus{{Info: replication.FollowerInfo{Member: one("c")},
			State: replication.LinkOnline, Delay: delay}}
	}
	begin, need := time.Unix(100, 0), g.Probation("c")
	var s Steady
	if !s.Proven(g, one("d"), begin) || s.Proven(g, one("c"), begin) {
		t.Fatal("one that was never slow has nothing to prove, the other has")
	}
	s = s.Look(g, online(100*time.Millisecond), begin)
	s = s.Look(g, online(0), begin.Add(need-1))
	if s.Proven(g, one("c"), begin.Add(need-1)) || !s.Proven(g, one("c"), begin.Add(need)) {
		t.Error("it has to keep pace for all of its probation")
	}
	s = s.Look(g, online(101*time.Millisecond), begin.Add(need))
	s = s.Look(g, online(0), begin.Add(need+1))
	if s.Proven(g, one("c"), begin.Add(need+2)) {
		t.Error("it begins again when it has fallen behind")
	}
}
