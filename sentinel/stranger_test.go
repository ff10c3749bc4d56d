package sentinel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/resp"
)

// says sends one command over a connection of its own, as a member when there are keys.
func (w *testCluster) says(i int, keys *membership.Group, who membership.Peer, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := w.net.Host("10.0.9.8").Dial(ctx, sentinelIP(i)+":26379")
	if err != nil {
		return err
	}
	var member *membership.Member
	if keys != nil {
		if member, err = keys.Member(who); err != nil {
			return err
		}
	}
	if conn, _, err = member.Client(ctx, conn, membership.Quorum,
		membership.Peer{Kind: membership.Sentinel}); err != nil {
		return err
	}
	client := resp.NewClient(conn)
	defer client.Close()
	_, err = client.Do(ctx, args...)
	return err
}

func beat(t *testing.T, hb cluster.Heartbeat) string {
	t.Helper()
	text, err := json.Marshal(hb)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestStrangersWords: what members say to a sentinel nobody else may say, and no member for another; what operators
// say, they still may.
func TestStrangersWords(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		g, id := w.agreed(), w.sentinels[0].ID()
		head, _ := g.Head()
		node := membership.Peer{Kind: membership.Node, Name: head.Name}
		forged := beat(t, cluster.Heartbeat{Group: testGroup,
			Member: cluster.Member{Name: head.Name, Incarnation: strings.Repeat("f", 40), Addr: head.Addr}, Seq: 1,
			Epoch: g.Epoch})
		other, err := membership.Derive(membership.NewKey())
		if err != nil {
			t.Fatal(err)
		}
		words := [][]any{{"HOLDFAST", "HEARTBEAT", forged}, {"HOLDFAST", "REPORT", `{"sentinel":"` + id + `"}`},
			{"HOLDFAST", "BOOTSTRAP", id},
			{"HOLDFAST", "FORWARD", "SENTINEL", "FAILOVER", testGroup}, {"HOLDFAST", "REMOVED", id},
			{"HOLDFAST", "IS-REMOVED", id}}
		for _, command := range words {
			for name, err := range map[string]error{
				"NOPROOF":           w.says(0, nil, node, command...),
				"another group-key": w.says(0, other, node, command...),
				"can't speak for":   w.says(0, w.keys, membership.Peer{Kind: membership.Node, Name: "n9"}, command...),
			} {
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%v: %v, want %q", command, err, name)
				}
			}
		}
		time.Sleep(2 * time.Second)
		if now := w.agreed(); now.Epoch != g.Epoch || w.left(0) {
			t.Errorf("epoch %d became %d, the sentinel has left: %v", g.Epoch, now.Epoch, w.left(0))
		}
		if err := w.says(0, nil, node, "HOLDFAST", "STATUS"); err != nil {
			t.Errorf("an operator asks for the status: %v", err)
		}
		if err := w.says(0, nil, node, "HOLDFAST", "FAILOVER", testGroup); err != nil {
			t.Errorf("an operator asks for a handover: %v", err)
		}
	})
}

// TestStrangerAtTheRaftPort: nobody but a sentinel with the key is heard there, whatever term it names, also a node of
// the group is not.
func TestStrangerAtTheRaftPort(t *testing.T) {
	inCluster(t, 3, func(w *testCluster) {
		w.trio()
		other, err := membership.Derive(membership.NewKey())
		if err != nil {
			t.Fatal(err)
		}
		issue := func(g *membership.Group, kind string) *membership.Member {
			m, err := g.Member(membership.Peer{Kind: kind, Name: w.sentinels[1].ID()})
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		speak := func(member *membership.Member, term uint64) error {
			host := w.net.Host("10.0.9.8")
			l, err := host.Listen("10.0.9.8:0")
			if err != nil {
				t.Fatal(err)
			}
			trans := raft.NewNetworkTransport(newStreamLayer(l, host, member,
				&identity{id: w.sentinels[1].ID(), level: cluster.LevelNow}, l.Addr().String(),
				func(string, error) {}), 1, time.Second, io.Discard)
			defer trans.Close()
			me := trans.EncodePeer("stranger", trans.LocalAddr())
			var r raft.AppendEntriesResponse
			return trans.AppendEntries(raft.ServerID(w.sentinels[0].ID()),
				raftAddress(w.sentinels[0].ID(), w.sentinels[0].raftAddr), &raft.AppendEntriesRequest{
					RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("stranger"),
						Addr: me},
					Term: term,
				}, &r)
		}
		term := w.sentinels[0].quorum.term()
		for name, member := range map[string]*membership.Member{
			"without a key": nil, "with another key": issue(other, membership.Sentinel),
			"a node": issue(w.keys, membership.Node),
		} {
			if err := speak(member, term+1000); err == nil {
				t.Errorf("%s: it was answered", name)
			}
		}
		if now := w.sentinels[0].quorum.term(); now != term {
			t.Errorf("the term %d became %d", term, now)
		}
		if err := speak(issue(w.keys, membership.Sentinel), term); err != nil {
			t.Errorf("a sentinel of the group is not answered: %v", err)
		}
	})
}

// TestRemovalIsNotBelieved: a sentinel that is told that it was removed asks the others, whoever tells it; also where
// nobody proves anything.
func TestRemovalIsNotBelieved(t *testing.T) {
	for _, key := range []string{testKey, ""} {
		inClusterOf(t, 3, key, func(w *testCluster) {
			w.trio()
			liar := membership.Peer{Kind: membership.Sentinel, Name: w.sentinels[1].ID()}
			for i, s := range w.sentinels {
				if err := w.says(i, w.keys, liar, "HOLDFAST", "REMOVED", s.ID()); err == nil ||
					!strings.Contains(err.Error(), "do not say") {
					t.Errorf("a sentinel that is told that it was removed answers %v", err)
				}
			}
			time.Sleep(time.Second)
			for i := range w.sentinels {
				if w.left(i) {
					t.Errorf("sentinel %d has left", i)
				}
			}
		})
	}
}

// TestJunkGroups: heartbeats of nodes that don't exist begin no group, and leave room for one that does.
func TestJunkGroups(t *testing.T) {
	inClusterOf(t, 3, "", func(w *testCluster) {
		w.trio()
		junk := func(i int) string {
			return beat(t, cluster.Heartbeat{Group: fmt.Sprintf("junk%d", i),
				Member: cluster.Member{Name: "x", Incarnation: "y", Addr: "1.2.3.4:5"}, Seq: 1})
		}
		client, err := w.dialAs(context.Background(), w.net.Host("10.0.9.8"), membership.Peer{}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(context.Background(), "HOLDFAST", "HEARTBEAT", junk(0)); err != nil {
			t.Error(err)
		}
		if _, err := client.Do(context.Background(), "HOLDFAST", "HEARTBEAT", junk(1)); err == nil ||
			!strings.Contains(err.Error(), "speaks for x of group 'junk0' only") {
			t.Errorf("a connection that speaks for two groups: %v", err)
		}
		_ = client.Close()
		for i := range 2 * maxGroups {
			_ = w.says(i%3, nil, membership.Peer{}, "HOLDFAST", "HEARTBEAT", junk(i)) // the last are too many
		}
		w.startNodeOf("real", "r1", "10.2.0.1", 0, 0)
		w.until("a new group begins", 10*time.Second, func() bool {
			return len(w.sentinels[0].agreed().Groups["real"].Chain) == 1
		})
		if got := w.sentinels[0].status().Groups; len(got) != 2 {
			t.Errorf("%d groups were begun", len(got))
		}
	})
}

// TestKeyNeeded: a sentinel that other machines can reach has a key, or was told to go on without.
func TestKeyNeeded(t *testing.T) {
	for _, c := range []struct {
		bind, announce, key, pass string
		insecure, fails           bool
	}{
		{bind: "", announce: "127.0.0.1", fails: true},
		{bind: "0.0.0.0", announce: "127.0.0.1", fails: true},
		{bind: "127.0.0.1", announce: "10.0.0.1", fails: true},
		{bind: "localhost", announce: "sentinel.example", fails: true},
		{bind: "127.0.0.1", announce: "127.0.0.1"},
		{bind: "::1", announce: "::1"},
		{bind: "", announce: "127.0.0.1", key: testKey},
		{bind: "", announce: "10.0.0.1", pass: "the sentinels' own"},
		{bind: "", announce: "10.0.0.1", insecure: true},
	} {
		cfg := Default()
		cfg.Storage, cfg.Logger = NewMemoryStorage(), slog.New(slog.DiscardHandler)
		cfg.Bind, cfg.AnnounceIP, cfg.GroupKey, cfg.RequirePass, cfg.Insecure = c.bind, c.announce, c.key, c.pass,
			c.insecure
		if err := cfg.Validate(); (err != nil) != c.fails || err != nil &&
			!strings.Contains(err.Error(), "holdfast group-key") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestInsecureWarning: a sentinel that goes on without a key says so at its start and every hour.
func TestInsecureWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		ctx, cancel := context.WithCancel(context.Background())
		s := &Sentinel{log: slog.New(slog.NewTextHandler(&said, nil)), ctx: ctx}
		s.done.Go(s.warnLoop)
		time.Sleep(2*time.Hour + time.Minute)
		cancel()
		s.done.Wait()
		if got := strings.Count(said.String(), "insecure-group"); got != 3 {
			t.Errorf("warned %d times in two hours", got)
		}
	})
}
