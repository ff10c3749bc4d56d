package command

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/node/engine"
	"holdfast/resp"
)

// A pipeline that was admitted once answers, and does, what its commands do that are looked at one by one, whatever
// stands between them: most of these lines are about what decides over the commands on the data.
func TestAdmittedPipeline(t *testing.T) {
	lines := []string{
		`set a 1`, `get a`, `incr n`, `lpush l x`, `lrange l 0 -1`, `sadd a x`, `hset h f v`, `hgetall h`, `dbsize`,
		`get`, `nonsense`,
		`set a 1`, `get a`, `incr n`, `del a n`, `set e 1 px 1`, `get e`, `object encoding a`, `randomkey`,
		`multi`, `exec`, `exec`, `discard`, `watch a`, `select 1`, `select 0`, `ping`, `reset`, `hello 3`, `hello 2`,
		`auth secret`, `auth wrong`,
		`client reply off`, `client reply on`, `client reply skip`, `subscribe c`, `unsubscribe c`,
		`client no-touch on`, `client no-touch off`,
		`client tracking on`, `client tracking off`, `client caching yes`, `client setname x`,
		`config set requirepass secret`, `config set requirepass ""`, `config set min-replicas-to-write 1`,
		`config set min-replicas-to-write 0`,
		`config set maxmemory 1`, `config set maxmemory 1gb`, `config set maxmemory 0`,
		`config set maxmemory-clients 1mb`, `config set maxmemory-clients 0`,
		`config set slowlog-log-slower-than 0`, `config set slowlog-log-slower-than -1`,
		`config set maxmemory-policy allkeys-lfu`,
		`config set maxmemory-policy noeviction`, `slowlog len`, `slowlog reset`, `info commandstats`, `monitor`,
		`node pause`, `node pause-writes`, `node unpause`, `node replica`, `node stale`, `node master`, `node loading`,
		`node loaded`,
		`node save-failed`, `node saved`, `node gated`, `node free`,
	}
	for seed := range uint64(400) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var script []string
		for range 40 {
			script = append(script, lines[rng.IntN(len(lines))])
		}
		want := pipelined(t, script, func(e *testEnv) { e.c.admission = admission{} })
		got := pipelined(t, script, func(*testEnv) {})
		if got != want {
			a, b := strings.SplitAfter(got, "\n"), strings.SplitAfter(want, "\n")
			i := 0
			for i < min(len(a), len(b)) && a[i] == b[i] {
				i++
			}
			t.Fatalf("seed %d: after\n%sas a pipeline\n%sone by one\n%s", seed, strings.Join(a[:i], ""),
				strings.Join(a[i:], ""), strings.Join(b[i:], ""))
		}
	}
}

// pipelined runs commands as one pipeline and tells what came of each; before is called before each. A command "node"
// changes the node's state as a command would.
func pipelined(t *testing.T, script []string, before func(e *testEnv)) string {
	e := newTestEnv(t)
	e.do("config", "set", "slowlog-log-slower-than", "-1") // how long a command takes is chance
	e.Engine.Tick = e.clock()
	e.changed(0, "a")
	e.changed(1, "a")
	e.changed(0, "h")
	e.Effects.Reselect()
	e.c.Now = e.now
	e.c.Begin()
	e.Admit(e.c)
	var told strings.Builder
	for _, line := range script {
		args := words(t, line)
		if args[0] == "node" {
			e.node.change(e, args[1])
			e.Engine.NoteRole()
			e.Admit(e.c)
			continue
		}
		if closing, _ := e.c.S.Closing(); closing || e.c.S.Blocked() != nil {
			break
		}
		before(e)
		outcome := e.Execute(e.c, byteArgs(args))
		told.WriteString(line + " → ")
		told.WriteString(timesOut.ReplaceAllString(string(e.c.S.W.Buf), ""))
		e.c.S.W.Buf = e.c.S.W.Buf[:0]
		told.WriteString(strings.ReplaceAll(e.effects(), "\n", ", "))
		told.WriteString(strings.Join([]string{"", itoa(int64(outcome)), itoa(e.c.Gate()), itoa(int64(e.c.DB.Index())),
			itoa(e.Stats.Commands), itoa(int64(len(e.slow.entries))), itoa(int64(e.Tracking.Keys()))}, " | "))
		told.WriteString("\n")
	}
	return told.String()
}

// timesOut is what differs from run to run in lines of MONITOR and in INFO, whose length does too.
var timesOut = regexp.MustCompile(`[0-9]{10}\.[0-9]{6}|[$=][0-9]{2,}\r\n|usec=[0-9]+,usec_per_call=[0-9.]+,`)

// change does to the node what a command may do.
func (n *fakeNode) change(e *testEnv, how string) {
	switch how {
	case "pause", "pause-writes":
		n.paused, n.writesOnly = time.UnixMilli(e.now).Add(time.Hour), how == "pause-writes"
	case "unpause":
		n.paused = time.Time{}
	case "replica", "master":
		n.replica, n.stale = how == "replica", false
	case "stale":
		n.stale = true
	case "loading", "loaded":
		n.loading = how == "loading"
	case "save-failed", "saved":
		n.saveFailed = how == "save-failed"
	case "gated", "free":
		n.gated = how == "gated"
	default:
		panic(how)
	}
}

// TestAdmissionPolicy: what holds which commands back, and what it lets through.
func TestAdmissionPolicy(t *testing.T) {
	e := newTestEnv(t)
	samples := strings.Fields("get set incr publish ping auth hello quit reset multi exec discard watch subscribe " +
		"unsubscribe wait info replconf psync shutdown debug")
	for _, c := range []struct {
		while  condition
		passes string // all others are refused
		err    string
	}{
		{0, strings.Join(samples, " "), ""},
		{debugOff, "all but debug", errNoDebug.Error()},
		{unauthenticated, "auth hello quit reset", string(ErrNoAuth)},
		{inMulti, "all but psync shutdown", string(ErrNoMulti)},
		{redirected, "all but set incr", ""},
		{redirectedReads, "all but get", ""},
		{memoryShort, "all but set incr", string(ErrOOM)},
		{memoryShortInMulti, "quit reset exec discard", string(ErrOOM)},
		{sentAway, "all but set incr", errSentAway.Error()},
		{sentAwayUnsure, "publish auth hello quit reset multi exec discard watch subscribe unsubscribe info replconf " +
			"shutdown debug", errSentAway.Error()},
		{replicaReadOnly, "all but set incr", string(ErrReadOnly)},
		{stale, "publish auth hello quit reset multi exec discard watch subscribe unsubscribe info replconf shutdown " +
			"debug", string(ErrMasterDown)},
		{unconfirmed,
			"publish auth hello quit reset multi exec discard watch subscribe unsubscribe info replconf psync " +
				"shutdown debug", engine.ErrUnconfirmed.Error()},
		{fewReplicas, "all but set incr", string(ErrNoReplicas)},
		{saveFailed, "all but set incr ping", string(ErrSaveFailed)},
		{writeFailed, "all but set incr ping", ""},
		{subscribed, "ping quit reset subscribe unsubscribe", ""},
		{loading, "publish auth hello quit reset multi exec discard watch subscribe unsubscribe info replconf " +
			"shutdown " +
			"debug", string(resp.ErrLoading)},
		{monitoring, "all but get set incr publish", "ERR Replica can't interact with the keyspace"},
		{pausedWrites, "all but set incr publish", engine.ErrPaused.Error()},
		{pausedAll, "replconf psync shutdown", engine.ErrPaused.Error()},
		{draining, "ping auth replconf psync shutdown", engine.ErrPaused.Error()},
		{stale | loading,
			"publish auth hello quit reset multi exec discard watch subscribe unsubscribe info replconf " +
				"shutdown debug", string(ErrMasterDown)}, // the first rule decides
	} {
		but, except := strings.CutPrefix(c.passes, "all but ")
		for _, name := range samples {
			r := decide(e.table.Find([][]byte{[]byte(name)}).Flags, c.while)
			passes := slices.Contains(strings.Fields(but), name) != except
			if (r == nil) != passes {
				t.Errorf("while %b, %s: %+v", c.while, name, r)
			}
			if r != nil && r.err != nil && r.err.Error() != c.err {
				t.Errorf("while %b, %s is answered %q, want %q", c.while, name, r.err, c.err)
			}
		}
	}
}
