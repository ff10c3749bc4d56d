package command

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/server/session"
)

// placeNode is a Node with a place in a chain, which remembers what it was asked to do.
type placeNode struct {
	*fakeNode
	info    member.ReplicationInfo
	persist persist.Info
	acks    int
	refuse  error
	asked   string
}

func (n *placeNode) State() member.ReplicationInfo { return n.info }
func (n *placeNode) Info() persist.Info            { return n.persist }
func (n *placeNode) ReplicaAcks(int64) int         { return n.acks }
func (n *placeNode) Pause(until time.Time, writesOnly bool) {
	n.paused, n.writesOnly = until, writesOnly
}

func (n *placeNode) ask(what string) error {
	n.asked = what
	return n.refuse
}

func (n *placeNode) MayBeTold() error { return n.refuse }

func (n *placeNode) ReplicaOf(host string, port int) error {
	return n.ask(host + " " + itoa(int64(port)))
}
func (n *placeNode) AcceptReplica(_ *session.Session, chain []byte) error {
	return n.ask(string(chain))
}
func (n *placeNode) MustSave(_, nosave bool) bool { return !nosave }
func (n *placeNode) SaveOrWait() (bool, error)    { return false, n.ask("save") }

func (n *placeNode) Save() error                             { return n.ask("save") }
func (n *placeNode) BackgroundSave(bool, bool) (bool, error) { return false, n.ask("bgsave") }

func (n *placeNode) ServeReplica(_ *session.Session, id string, offset int64) error {
	return n.ask("psync " + id + " " + itoa(offset))
}

// TestFailedSaveStopsWrites: what changes the data is refused, and PING, so that health checks notice.
func TestFailedSaveStopsWrites(t *testing.T) {
	e, n := newPlacedEnv(t)
	e.run([]step{{"set a 1", "+OK"}})
	n.saveFailed = true
	e.run([]step{{"set a 2", "-" + ErrSaveFailed.Error()}, {"ping", "-" + ErrSaveFailed.Error()}, {"get a", `"1"`},
		{"multi", "+OK"}, {"set a 3", "-" + ErrSaveFailed.Error()}, {"discard", "+OK"}})
	n.info.Master = false
	e.run([]step{{"ping", "+PONG"}})
}

func (n *placeNode) MasterAddr() (string, int) { return n.info.MasterHost, n.info.MasterPort }

func (n *placeNode) KillReplicas(which func(member.ReplicaState) bool) (killed int) {
	for _, r := range n.info.Replicas {
		if which(r) {
			killed++
		}
	}
	return killed
}

func newPlacedEnv(t testing.TB) (*testEnv, *placeNode) {
	t.Helper()
	e := newTestEnv(t)
	n := &placeNode{fakeNode: e.node,
		info: member.ReplicationInfo{Master: true, ID: strings.Repeat("b", 40), Offset2: -1}}
	n.master = func() bool { return n.info.Master }
	n.persist.LastStatusOK = true
	e.Env.Replication, e.Env.Persist, e.Host = n, n, host{n, e.Env}
	return e, n
}

func TestReplicationCommands(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.info.Offset = 14
	n.info.Replicas = []member.ReplicaState{
		{Addr: "10.0.0.2", Port: 6379, State: "online", Offset: 7, Lag: 1},
		{Addr: "10.0.0.3", Port: 6380, State: "send_bulk"},
	}
	e.run([]step{
		{"role", `["master" :14 [["10.0.0.2" "6379" "7"]]]`},
		{"wait 0 0", ":0"},
		{"wait a 0", "-ERR value is not an integer or out of range"},
		{"wait 1 a", "-ERR timeout is not an integer or out of range"},
		{"wait 1 -1", "-ERR timeout is negative"},
		{"replicaof 10.0.0.9 70000", "-ERR Invalid master port"},
		{"replicaof 10.0.0.9 6379", "+OK"},
		{"failover abort", "-ERR No failover in progress."},
		{"replconf listening-port 6390 ip-address 10.1.1.1 capa eof capa psync2 rdb-only 1", "+OK"},
		{"replconf ack 12", ""},
		{"replconf getack *", ""},
		{"replconf nonsense x", "-ERR Unrecognized REPLCONF option: nonsense"},
		{"replconf capa", "-ERR syntax error"},
		{`replconf holdfast {"epoch":3}`, "+OK"},
	})
	r := e.c.S.Replica
	if r.ListeningPort != 6390 || r.IP != "10.1.1.1" || !r.EOF || !r.PSync2 || !r.RDBOnly ||
		string(r.Chain) != `{"epoch":3}` {
		t.Errorf("replica info: %+v", r)
	}
	e.run([]step{{"psync ? -1", ""}})
	if n.asked != "psync ? -1" {
		t.Errorf("asked: %s", n.asked)
	}
	e.run([]step{{"sync", ""}, {"psync x y", "-ERR value is not an integer or out of range"}})
	if n.asked != "psync  -1" {
		t.Errorf("asked: %s", n.asked)
	}

	n.refuse = errors.New("the sentinels decide")
	e.run([]step{
		{"replicaof no one", "-ERR the sentinels decide"},
		{`replconf holdfast {}`, "-ERR the sentinels decide"},
	})
	n.refuse = nil
	n.info = member.ReplicationInfo{MasterHost: "10.0.0.1", MasterPort: 6379, LinkState: "connected", Offset: 21,
		Group: "g"}
	e.run([]step{
		{"role", `["slave" "10.0.0.1" :6379 "connected" :21]`},
		{"replicaof 10.0.0.1 6379", "+OK Already connected to specified master"},
		{"wait 0 0", "-" + string(errWaitOnReplica)},
		{"failover", "-ERR the sentinels hand over: send them SENTINEL FAILOVER g"},
	})
	n.info.LinkState = "connect"
	e.run([]step{{"role", `["slave" "10.0.0.1" :6379 "connect" :-1]`}})
}

func TestWaitParksAndUnblocks(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.acks = 1
	e.run([]step{{"wait 1 100", ":1"}, {"multi", "+OK"}, {"wait 2 100", "+QUEUED"}, {"exec", "[:1]"},
		{"wait 2 100", ""}})
	if b := e.c.S.Blocked(); b == nil || b.Timer == nil {
		t.Fatalf("blocked %v", b)
	}
	other := e.client()
	if got := e.doAs(other, "client", "unblock", "1", "error"); got != ":1" {
		t.Errorf("unblock: %s", got)
	}
	if got := renderAll(t, e.c.S.W.Buf); got != "-UNBLOCKED client unblocked via CLIENT UNBLOCK" ||
		e.c.S.Blocked() != nil {
		t.Errorf("unblocked client got %s", got)
	}
	if got := e.TakePushed(); len(got) != 1 || got[0] != e.c.S {
		t.Errorf("to be woken: %v", got)
	}
	if got := e.doAs(other, "client", "unblock", "1"); got != ":0" {
		t.Errorf("nothing to unblock: %s", got)
	}
}

func TestShutdownAndSave(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.persist.LastSave = time.Unix(1234, 0)
	e.run([]step{
		{"lastsave", ":1234"}, {"save", "+OK"}, {"bgsave schedule", "+Background saving started"},
		{"bgsave now", "-ERR syntax error"},
		{"shutdown abort", "-ERR No shutdown in progress."}, {"shutdown save nosave", "-ERR syntax error"},
		{"shutdown abort now", "-ERR syntax error"}, {"shutdown soon", "-ERR syntax error"},
		{"shutdown nosave", ""},
	})
	select {
	case <-e.Exit():
	default:
		t.Error("nobody is asked to end the process")
	}
	if closing, _ := e.c.S.Closing(); n.asked != "bgsave" || !closing {
		t.Errorf("asked %q, closing %v", n.asked, closing)
	}
	refused := e.client()
	n.refuse = errors.New("no space left")
	if got := e.doAs(refused, "shutdown"); got != "-ERR Errors trying to SHUTDOWN. Check logs." {
		t.Errorf("refused shutdown: %s", got)
	}
}

func TestInfo(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.info.Group, n.info.Epoch, n.info.Chain, n.info.Lease, n.info.Commit = "mymaster", 7, 1, true, 99
	n.info.Replicas = []member.ReplicaState{{Addr: "10.0.0.2", Port: 6379, State: "online", Offset: 7, Lag: 1}}
	e.run([]step{{"set k v ex 100", "+OK"}, {"get", "-ERR wrong number of arguments for 'get' command"},
		{"get k", `"v"`}})
	text := func(sections ...string) string {
		e.c.Now = e.now
		return e.c.Info(byteArgs(sections)...)
	}
	for section, want := range map[string][]string{
		"replication": {"role:master", "connected_slaves:1", "slave0:ip=10.0.0.2,port=6379,state=online,offset=7,lag=1",
			"holdfast_group:mymaster",
			"holdfast_epoch:7", "holdfast_chain_position:1", "holdfast_lease:1", "holdfast_commit_offset:99"},
		"keyspace":     {"db0:keys=1,expires=1,avg_ttl=100000\r\n"},
		"errorstats":   {"errorstat_ERR:count=1"},
		"COMMANDSTATS": {"cmdstat_get:calls=1,"},
		"latencystats": {"latency_percentiles_usec_get:p50="},
		"server":       {"redis_version:7.0.15", "holdfast_version:test"},
	} {
		got := text(section)
		for _, line := range want {
			if !strings.Contains(got, "\r\n"+line) {
				t.Errorf("INFO %s lacks %s:\n%s", section, line, got)
			}
		}
		if strings.Count(got, "# ") != 1 {
			t.Errorf("INFO %s has other sections", section)
		}
	}
	if got := text("keyspace", "cpu"); !strings.HasPrefix(got, "# CPU\r\n") ||
		!strings.Contains(got, "\r\n\r\n# Keyspace\r\n") {
		t.Errorf("two sections: %q", got)
	}
	if got := text("nosuch"); got != "" {
		t.Errorf("unknown section: %q", got)
	}
	if got := text("nosuch", "default"); got == "" || strings.Contains(got, "# Commandstats") {
		t.Errorf("default: %q", got)
	}
	e.run([]step{{"config resetstat", "+OK"}})
	if e.Stats.ErrorReplies != 0 || len(e.Stats.PerCommand) != 1 {
		t.Errorf("after RESETSTAT: %+v", e.Stats)
	}
	if got := humanBytes(1 << 40); got != "1.00T" || humanBytes(1023) != "1023B" || humanBytes(1536) != "1.50K" {
		t.Errorf("human bytes: %s", got)
	}
}

func TestDebugIsGuarded(t *testing.T) {
	e, _ := newPlacedEnv(t)
	e.run([]step{{"debug sleep 0", "-" + string(errNoDebug)}})
	if err := e.Config.Set("enable-debug-command", []string{"local"}); err != nil {
		t.Fatal(err)
	}
	e.run([]step{
		{"debug sleep 0", "+OK"}, {"debug set-active-expire 0", "+OK"}, {"debug error OOPS", "-OOPS"},
		{"debug populate 3", "+OK"}, {"get key:2", `"value:2"`},
		{"debug nonsense", "-ERR unknown subcommand or wrong number of arguments for 'nonsense'. Try DEBUG HELP."},
	})
	if !e.ActiveExpireOff() || e.effects() != "" {
		t.Error("effects of DEBUG")
	}
	const inScript, refused = `eval "return redis.pcall('debug',%s).err or 'fine'" 0`,
		`"ERR This Redis command is not allowed from script"`
	protocol, other := fmt.Sprintf(inScript, "'protocol','map'"), fmt.Sprintf(inScript, "'populate','1'")
	e.run([]step{
		{protocol, refused}, {"debug set-disable-deny-scripts 1", "+OK"}, {protocol, `"fine"`}, {other, refused},
		{"debug set-disable-deny-scripts 0", "+OK"}, {protocol, refused},
	})
	e.c.S.Addr = "10.0.0.1:99"
	e.run([]step{{"debug sleep 0", "-" + string(errNoDebug)}})
}

func TestHistogram(t *testing.T) {
	var h Histogram
	for i := 1; i <= 1000; i++ {
		h.Observe(time.Duration(i) * time.Microsecond)
	}
	for _, p := range []float64{1, 50, 99, 99.9, 100} {
		want, got := time.Duration(p*10)*time.Microsecond, h.Percentile(p)
		if got < want || got > want+want/subs {
			t.Errorf("p%v = %v", p, got)
		}
	}
	for _, d := range []time.Duration{-1, 0, 1, 15, 16, 1 << 62} {
		h.Observe(d)
		if i := bucketOf(uint64(max(d, 0))); bucketEnd(i) < uint64(max(d, 0)) || i > 0 &&
			bucketEnd(i-1) >= uint64(max(d, 0)) {
			t.Errorf("%d lies outside of its bucket", d)
		}
	}
}
