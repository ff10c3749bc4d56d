package node

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
	"holdfast/internal/memfs"
	"holdfast/internal/newer"
	"holdfast/internal/simnet"
	"holdfast/node/command"
	"holdfast/node/identity"
	"holdfast/node/member"
	"holdfast/replication"
	"holdfast/resp"
	"holdfast/server/session"
)

// TestNeedsAreKept: what the data need is in the directory before the data do, beside what the node is called; and an
// older version starts on none of it, whether it is one of a group or stands alone.
func TestNeedsAreKept(t *testing.T) {
	world(t, func(t *testing.T, net *simnet.Network) {
		disk := memfs.New()
		start := func(level cluster.Level, directives ...string) (*Node, error) {
			n, err := New(Config{
				Settings: settingsOf(t, append([]string{"bind 10.0.0.1", "appendonly yes"}, directives...)...),
				Network:  net.Host("10.0.0.1").Restart(),
				Logger:   slog.New(slog.DiscardHandler), Files: disk, Level: level,
			})
			if err != nil {
				t.Fatal(err)
			}
			return n, n.Start()
		}
		stop := func(n *Node) {
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(cluster.GossipLinger)
		}
		const joins = "join 10.0.1.1:28379"
		n, err := start(3, joins, "node-name pod-1")
		if err != nil {
			t.Fatal(err)
		}
		stop(n)
		if n, err = start(3); err != nil {
			t.Fatal(err)
		}
		disk.Fail(1, rand.New(rand.NewPCG(1, 1)))
		for range 2 {
			if err := n.features.Need(3); err == nil {
				t.Error("noted on a disk that takes nothing")
			}
		}
		disk.Fail(0, nil)
		if needs := n.features.Needs(); needs != 1 {
			t.Errorf("it needs %d, which was not noted", needs)
		}
		if err := n.features.Need(3); err != nil {
			t.Error(err)
		}
		stop(n)
		noted := identity.New(disk, nil)
		err = noted.Read()
		if p := noted.Now(); err != nil || p.Name != "pod-1" || p.Needs != 3 {
			t.Errorf("%+v, %v", p, err)
		}
		for _, directives := range [][]string{nil, {joins}} {
			n, err := start(2, directives...)
			if err == nil || !strings.Contains(err.Error(), "the data here are of a newer version: this version "+
				"understands feature level 2, and level 3 is in use here") {
				t.Errorf("%q: %v", directives, err)
			}
			stop(n)
		}
		if n, err = start(3); err != nil || n.features.Needs() != 3 {
			t.Errorf("%v, it needs %d", err, n.features.Needs())
		}
		stop(n)
	})
}

// TestFollowersUnderstand: who follows must understand the level that this node has last heard of, though the epoch is
// from before it, and what its data need.
func TestFollowersUnderstand(t *testing.T) {
	inLine(t, 2, nil, func(t *testing.T, _ *simnet.Network, l *line) {
		head, hello := l.nodes[0], replication.Hello{Group: l.group.Name, Epoch: 1, Member: l.nodes[1].self,
			To: l.nodes[0].self}
		asks := func(level cluster.Level) string {
			hello.Level = level
			text, err := json.Marshal(hello)
			if err != nil {
				t.Fatal(err)
			}
			head.engine.Do(func(time.Time) { err = head.replication.AcceptReplica(nil, text) })
			return fmt.Sprint(err)
		}
		const tooOld = "understands feature level 1, and level 2 is in use here"
		if got := asks(0); got != "<nil>" {
			t.Errorf("at the first level: %s", got)
		}
		head.features.Hear(cluster.Features{Level: 2, Change: 1})
		if got := asks(0); !strings.Contains(got, tooOld) {
			t.Errorf("after a level was heard of: %s", got)
		}
		if got := asks(2); got != "<nil>" {
			t.Errorf("one that understands it: %s", got)
		}
		head.features.Hear(cluster.Features{Level: 1, Change: 2})
		if got := asks(1); got != "<nil>" {
			t.Errorf("after it fell: %s", got)
		}
		if err := head.features.Need(2); err != nil {
			t.Fatal(err)
		}
		if got := asks(1); !strings.Contains(got, tooOld) {
			t.Errorf("whose data need it: %s", got)
		}
	})
}

// laterCommand is a write of level 3 that may take long.
var laterCommand = command.Command{
	Name: "later", Arity: 2, Level: 3, Flags: resp.Write, Group: "string", Since: "1.0.0", Summary: "-", Syntax: "key",
	Run: func(c *command.Context, _ [][]byte, w *resp.Writer) error { c.Dirty++; w.OK(); return nil },
}

// TestBehindIsNoted: what a replica's log needs is noted before it is in the log, however much later it is executed.
func TestBehindIsNoted(t *testing.T) {
	disk := memfs.New()
	n, err := New(Config{Settings: settingsOf(t), Logger: slog.New(slog.DiscardHandler), Files: disk, Level: 3,
		Later: []command.Command{laterCommand}})
	if err != nil {
		t.Fatal(err)
	}
	n.engine.Lock()
	n.replication.SetPlace(member.Place{Position: -1})
	n.engine.Unlock()
	behind := func() error {
		return n.engine.Apply([]replication.Entry{{Args: [][]byte{[]byte("later"), []byte("k")},
			Raw: []byte("*2\r\n$5\r\nlater\r\n$1\r\nk\r\n")}}, nil)
	}
	disk.Fail(1, rand.New(rand.NewPCG(1, 1)))
	if err := behind(); err == nil || n.log.End() != 0 {
		t.Errorf("%v, and the log ends at %d", err, n.log.End())
	}
	disk.Fail(0, nil)
	if err := behind(); err != nil || n.log.End() == 0 {
		t.Errorf("%v, and the log ends at %d", err, n.log.End())
	}
	noted := identity.New(disk, nil)
	if err := noted.Read(); err != nil || noted.Now().Needs != 3 {
		t.Errorf("%+v, %v", noted.Now(), err)
	}
}

// TestMastersWaitForTheLevel: what needs a level is refused until the node hears that its group is of it, and one that
// stands alone runs all it has.
func TestMastersWaitForTheLevel(t *testing.T) {
	for _, c := range []struct {
		joins bool
		hears []cluster.Features
		runs  bool
	}{
		{joins: false, runs: true},
		{joins: true},
		{joins: true, hears: []cluster.Features{{Level: 2, Change: 1}}},
		{joins: true, hears: []cluster.Features{{Level: 2, Change: 1}, {Level: 3, Change: 2}}, runs: true},
		{joins: true, hears: []cluster.Features{{Level: 3, Change: 1}, {Level: 2, Change: 2}, {Level: 3, Change: 1}}},
	} {
		lines := []string{}
		if c.joins {
			lines = append(lines, "join 10.0.1.1:28379")
		}
		n, err := New(Config{Settings: settingsOf(t, lines...), Logger: slog.New(slog.DiscardHandler), Level: 3,
			Later: []command.Command{laterCommand}})
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range c.hears {
			n.features.Hear(word)
		}
		n.replication.SetPlace(member.Alone(true))
		s := session.New(1, "", "", time.Now(), func() {})
		s.Authenticated = true
		n.env.Execute(n.env.NewContext(s), [][]byte{[]byte("LATER"), []byte("k")})
		if got := string(s.W.Buf); (got == "+OK\r\n") != c.runs || !c.runs &&
			!strings.Contains(got, "needs feature level 3") {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestLaterVersions: what members of a later version say is read, without what they added.
func TestLaterVersions(t *testing.T) {
	newer.Reads(t, replication.ParseHello)
}
