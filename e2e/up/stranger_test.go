package up

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/raft"

	"holdfast/cluster"
	"holdfast/membership"
	"holdfast/replication"
	"holdfast/sentinel"
)

// status is what a sentinel says of everything.
func (m *member) status() (s sentinel.Status) {
	m.t.Helper()
	if err := json.Unmarshal([]byte(fmt.Sprint(m.do("HOLDFAST", "STATUS"))), &s); err != nil {
		m.t.Fatal(err)
	}
	return s
}

// log is what a member has written so far.
func (m *member) log() string {
	text, _ := os.ReadFile(filepath.Join(m.Dir, "log"))
	return string(text)
}

// strangersGossip joins the gossip as a sentinel would, with a key or without, and reports whether anybody let it in.
func strangersGossip(t *testing.T, key []byte, at, seed string) bool {
	t.Helper()
	c := memberlist.DefaultLocalConfig()
	c.Name, c.BindAddr, c.BindPort, c.SecretKey = "sentinel/"+strings.Repeat("9", 40), "127.0.0.1", 0, key
	c.Delegate = meta(fmt.Sprintf(`{"k":"sentinel","n":"%s","a":"%s","r":"%s","i":"9"}`, strings.Repeat("9", 40), at,
		at))
	c.LogOutput, c.Logger = nil, log.New(io.Discard, "", 0)
	m, err := memberlist.Create(c)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Shutdown()
	if _, err := m.Join([]string{seed}); err != nil {
		return false
	}
	time.Sleep(time.Second)
	return len(m.Members()) > 1
}

type meta string

func (m meta) NodeMeta(int) []byte           { return []byte(m) }
func (meta) NotifyMsg([]byte)                {}
func (meta) GetBroadcasts(int, int) [][]byte { return nil }
func (meta) LocalState(bool) []byte          { return nil }
func (meta) MergeRemoteState([]byte, bool)   {}

// strangersRaft sends a heartbeat of a leader that never was.
func strangersRaft(t *testing.T, to, id string, term uint64) error {
	t.Helper()
	trans, err := raft.NewTCPTransport("127.0.0.1:0", nil, 1, 2*time.Second, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer trans.Close()
	me := trans.EncodePeer("stranger", trans.LocalAddr())
	var r raft.AppendEntriesResponse
	return trans.AppendEntries(raft.ServerID(id), raft.ServerAddress(to), &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: 3, ID: []byte("stranger"), Addr: me}, Term: term}, &r)
}

// TestStrangerWithEveryPassword: who knows all passwords, but not the group-key, gets nowhere at any port of any
// member, is told no secret, and whoever has another key, or none, finds out why it is not let in.
func TestStrangerWithEveryPassword(t *testing.T) {
	s := secrets{groupKey: membership.NewKey(), password: "the-clients-own", sentinelsPassword: "the-sentinels-own"}
	sentinels, nodes := startMembersWith(t, time.Second, s)
	order := chain(t, nodes...)
	var before sentinel.Status
	waitFor(t, "the first sentinel to know of the chain", func() bool { // another may have led to it
		before = sentinels[0].status()
		return before.InTouch && len(before.Groups) == 1 && len(before.Groups[0].Chain) == len(order)
	})
	head := before.Groups[0].Chain[0]

	// Whoever is told of by the stranger is dialed by nobody.
	trap, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer trap.Close()
	told := make(chan string, 100)
	go func() {
		for {
			c, err := trap.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			n, _ := c.Read(buf)
			told <- string(buf[:n])
			_ = c.Close()
		}
	}()
	for _, key := range [][]byte{nil, []byte(strings.Repeat("k", 32))} {
		if strangersGossip(t, key, trap.Addr().String(), fmt.Sprintf("127.0.0.1:%d", sentinels[0].Port+2000)) {
			t.Error("the gossip lets a stranger in")
		}
	}
	for _, m := range sentinels {
		id := ""
		for _, o := range before.Sentinels {
			if o.Addr == m.addr {
				id = o.ID
			}
		}
		if err := strangersRaft(t, fmt.Sprintf("127.0.0.1:%d", m.Port+1000), id, before.Term+1000); err == nil {
			t.Errorf("%s: the Raft port answers a stranger", m.addr)
		}
		beat, _ := json.Marshal(cluster.Heartbeat{Group: "mymaster",
			Member: cluster.Member{Name: head.Name, Incarnation: strings.Repeat("f", 40), Addr: trap.Addr().String()},
			Seq:    1})
		for _, words := range [][]any{{"HEARTBEAT", string(beat)}, {"REPORT", "{}"}, {"BOOTSTRAP", id},
			{"FORWARD", "SENTINEL", "FAILOVER", "mymaster"}, {"REMOVED", id}, {"IS-REMOVED", id}} {
			if err := m.c.Do(t.Context(), append([]any{"HOLDFAST"}, words...)...).Err(); err == nil ||
				!strings.HasPrefix(err.Error(), "NOPROOF ") {
				t.Errorf("%s answers %v to a stranger: %v", m.addr, words[0], err)
			}
		}
	}
	for i, m := range order {
		from := before.Groups[0].Chain[min(i+1, len(order)-1)]
		hello, _ := json.Marshal(replication.Hello{Group: "mymaster", Epoch: before.Groups[0].Epoch,
			Member: cluster.Member{Name: from.Name, Incarnation: from.Incarnation, Addr: from.Addr},
			To: cluster.Member{Name: before.Groups[0].Chain[i].Name,
				Incarnation: before.Groups[0].Chain[i].Incarnation}})
		for _, word := range []string{"confirm", "holdfast"} { // a hello that is refused ends the connection
			if err := m.c.Do(t.Context(), "REPLCONF", word, string(hello)).Err(); err == nil ||
				!strings.HasPrefix(err.Error(), "NOPROOF ") {
				t.Errorf("%s: REPLCONF %s of a stranger: %v", m.addr, word, err)
			}
		}
	}
	// Members that can't prove it: with another key, and with none but all passwords.
	for name, env := range map[string][]string{
		"another key": {"HOLDFAST_GROUP_KEY=" + membership.NewKey()},
		"no key":      {"HOLDFAST_REQUIREPASS=" + s.password},
		"a password":  {"HOLDFAST_SENTINEL_AUTH_PASS=" + s.sentinelsPassword},
	} {
		port := freePorts(t, 1, 10000)
		odd := newMember(t, "node", port, sentinels[0].Gossip(), "")
		odd.Env = env
		odd.start()
		waitFor(t, "a node with "+name+" to say why it is not let in",
			func() bool { return strings.Contains(odd.log(), "group-key") })
		odd.Kill()
	}
	after := sentinels[0].status()
	if after.Term != before.Term || after.Groups[0].Epoch != before.Groups[0].Epoch || len(after.Sentinels) != 3 ||
		len(after.Groups) != 1 || len(after.Groups[0].Others) != 0 {
		t.Errorf("the stranger has changed something: %+v, before %+v", after, before)
	}
	select {
	case text := <-told:
		t.Errorf("the stranger was told %q", text)
	default:
	}
	if err := order[0].c.Set(t.Context(), "a", "1", 0).Err(); err != nil {
		t.Error(err)
	}
	if v, err := order[2].c.Get(t.Context(), "a").Result(); v != "1" || err != nil {
		t.Errorf("the tail has %q, %v", v, err)
	}
	// The secrets are in no log and in no process's arguments, and are shown to an administrator on this machine.
	for _, m := range slices.Concat(sentinels, nodes) {
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", m.Pid()))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{s.groupKey, s.password, s.sentinelsPassword} {
			if strings.Contains(m.log(), secret) || strings.Contains(string(args), secret) {
				t.Errorf("%s tells %q in its log or its arguments", m.addr, secret)
			}
		}
	}
	if got := nodes[0].c.ConfigGet(t.Context(), "group-key").Val()["group-key"]; got != s.groupKey {
		t.Errorf("an administrator on this machine is shown %q", got)
	}
}
