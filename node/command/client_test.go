package command

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/node/member"
	"holdfast/resp"
	"holdfast/server/session"
)

// Replies of AUTH and HELLO, as Redis words them.
const (
	errWrongPass  = resp.Error("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPassword = resp.Error("ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?")
	errHelloNoAuth = resp.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
		"HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version " +
		"at the same time")
)

func TestConnectionCommands(t *testing.T) {
	e, _ := newPlacedEnv(t)
	e.run([]step{
		{"ping", "+PONG"}, {"ping hi", `"hi"`}, {"ping a b", "-ERR wrong number of arguments for 'ping' command"},
		{"echo x", `"x"`},
		{"auth secret", "-" + string(errNoPassword)}, {"auth default anything", "+OK"},
		{"auth bob x", "-" + string(errWrongPass)},
		{"auth a b c", "-ERR syntax error"},
		{"hello 4", "-NOPROTO unsupported protocol version"},
		{"hello x", "-ERR Protocol version is not an integer or out of range"},
		{"hello 3 nonsense", "-ERR Syntax error in HELLO option 'nonsense'"},
		{`hello 3 setname "a b"`, "-ERR Client names cannot contain spaces, newlines or special characters."},
		{"hello 3 setname me",
			`{"server" "redis" "version" "7.0.15" "proto" :3 "id" :1 "mode" "standalone" "role" "master" "modules" ` +
				`[]}`},
		{"client getname", `"me"`}, {"client id", ":1"}, {"select 3", "+OK"}, {"multi", "+OK"},
		{"reset", "+RESET"}, {"client getname", "nil"}, {"exec", "-ERR EXEC without MULTI"},
		{"quit", "+OK"},
	})
	if s := e.c.S; s.W.Proto != 2 || s.DB != 0 {
		t.Errorf("after RESET: protocol %d, db %d", s.W.Proto, s.DB)
	}
	if closing, _ := e.c.S.Closing(); !closing {
		t.Error("QUIT does not close")
	}
}

func TestPassword(t *testing.T) {
	e, _ := newPlacedEnv(t)
	if err := e.Config.Set("requirepass", []string{"secret"}); err != nil {
		t.Fatal(err)
	}
	e.run([]step{
		{"ping", "-NOAUTH Authentication required."}, {"hello", "-" + string(errHelloNoAuth)},
		{"hello 3 auth default wrong", "-" + string(errWrongPass)}, {"auth wrong", "-" + string(errWrongPass)},
		{"auth secret", "+OK"}, {"ping", "+PONG"}, {"reset", "+RESET"}, {"ping", "-NOAUTH Authentication required."},
		{"auth default secret", "+OK"}, {"ping", "+PONG"},
		{"acl list",
			`["user default on #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b ~* &* +@all"]`},
	})
}

func TestPubSub(t *testing.T) {
	e, n := newPlacedEnv(t)
	other := e.client()
	e.run([]step{
		{"subscribe a b a", `["subscribe" "a" :1] ["subscribe" "b" :2] ["subscribe" "a" :2]`},
		{"psubscribe n*", `["psubscribe" "n*" :3]`}, {"ssubscribe s", `["ssubscribe" "s" :1]`},
		{"ping", `["pong" ""]`}, {"ping x", `["pong" "x"]`},
		{"get k", "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are " +
			"allowed in this context"},
	})
	if got := e.doAs(other, "publish", "news", "hi"); got != ":1" {
		t.Errorf("publish: %s", got)
	}
	if got := e.TakePushed(); len(got) != 1 || got[0] != e.c.S {
		t.Errorf("to be woken: %v", got)
	}
	if got := renderAll(t, e.c.S.W.Buf); got != `["pmessage" "n*" "news" "hi"]` {
		t.Errorf("message: %s", got)
	}
	e.c.S.W.Buf = nil
	for command, want := range map[string]string{
		"pubsub channels": `["a" "b"]`, "pubsub channels a*": `["a"]`, "pubsub numsub a c": `["a" :1 "c" :0]`,
		"pubsub numpat":        ":1",
		"pubsub shardchannels": `["s"]`, "pubsub shardnumsub s": `["s" :1]`,
		"pubsub channels a b": "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.",
		"spublish s x":        ":1", "spublish a x": ":0",
	} {
		if got := e.doAs(other, strings.Fields(command)...); got != want {
			t.Errorf("%s\n got %s\nwant %s", command, got, want)
		}
	}
	if got := renderAll(t, e.c.S.W.Buf); got != `["smessage" "s" "x"]` {
		t.Errorf("shard message: %s", got)
	}
	e.c.S.W.Buf = nil
	if got := e.effects(); !strings.HasPrefix(got, "SELECT 0\nMULTI\npublish news hi\nspublish ") {
		t.Errorf("effects: %s", got)
	}
	e.run([]step{
		{"unsubscribe", `["unsubscribe" "a" :2] ["unsubscribe" "b" :1]`}, {"unsubscribe", `["unsubscribe" nil :1]`},
		{"punsubscribe n* x", `["punsubscribe" "n*" :0] ["punsubscribe" "x" :0]`},
		{"sunsubscribe", `["sunsubscribe" "s" :0]`},
		{"get k", "nil"}, {"subscribe a", `["subscribe" "a" :1]`}, {"reset", "+RESET"}, {"ping", "+PONG"},
	})

	n.info.Master = false
	e.doAs(other, "publish", "a", "x")
	if got := e.effects(); got != "" {
		t.Errorf("a replica's PUBLISH went into the log: %s", got)
	}
	e.doAs(other, "subscribe", "a")
	e.apply("publish", "a", "x")
	if got := renderAll(t, other.S.W.Buf); got != `["message" "a" "x"]` {
		t.Errorf("message from the log: %s", got)
	}
}

// TestImportSource: what expired at the source later than here is still there for those who pass its commands on.
func TestImportSource(t *testing.T) {
	e, _ := newPlacedEnv(t)
	source, other := e.client(), e.client()
	at := strconv.FormatInt(e.now+100, 10)
	past := strconv.FormatInt(e.now-100, 10)
	e.doAs(source, "client", "import-source", "on")
	if !e.ActiveExpireOff() {
		t.Error("keys are swept while data is imported")
	}
	for _, k := range []string{"counter", "read", "written"} {
		e.doAs(source, "set", k, "41", "pxat", at)
	}
	e.doAs(source, "hset", "hash", "f", "1", "g", "2")
	e.doAs(source, "hpexpireat", "hash", at, "fields", "1", "f")
	e.now += 1000
	e.effects()
	for _, step := range []struct {
		c    *Context
		line string
		want string
	}{
		{other, "get read", "nil"}, {source, "get read", `"41"`},
		{other, "incr written", ":1"},
		{source, "incr counter", ":42"}, {source, "hincrby hash f 1", ":2"},
		{source, "set late v pxat " + past, "+OK"}, {source, "persist late", ":1"}, {source, "persist counter", ":1"},
		{other, "get counter", `"42"`}, {other, "get late", `"v"`},
		{source, "reset", "+RESET"}, {source, "get read", "nil"}, {source, "hget hash f", "nil"},
	} {
		if got := e.doAs(step.c, strings.Fields(step.line)...); got != step.want {
			t.Errorf("%s: %s instead of %s", step.line, got, step.want)
		}
	}
	e.doAs(other, "client", "import-source", "on")
	e.Forget(other.S)
	if e.ActiveExpireOff() {
		t.Error("keys are not swept though nobody imports any more")
	}
}

func TestClientListAndKill(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.info.Replicas = []member.ReplicaState{{Addr: "10.0.0.2", Port: 6379, State: "online"}}
	other, third := e.client(), e.client()
	other.S.Addr = "127.0.0.1:2000"
	e.run([]step{
		{"client setname me", "+OK"}, {"client setinfo lib-name py", "+OK"}, {"client setinfo LIB-VER 1.2", "+OK"},
		{"client setinfo nope x", "-ERR Unrecognized option 'nope'"},
		{`client setinfo LIB-NAME "a b"`, "-ERR LIB-NAME cannot contain spaces, newlines or special characters."},
		{"client no-evict on", "+OK"}, {"client no-touch maybe", "-ERR syntax error"},
	})
	want := "id=1 addr=127.0.0.1:1000 laddr=127.0.0.1:6379 fd=-1 name=me age=0 idle=0 flags=e db=0 sub=0 " +
		"psub=0 " +
		"ssub=0 multi=-1 "
	line := e.do("client", "info")
	if !strings.Contains(line, want) ||
		!strings.HasSuffix(line, ` events=r cmd=client|info user=default redir=-1 resp=2 capa= watch=0 `+
			`lib-name=py lib-ver=1.2 `+
			`tot-net-in=0 `+
			`tot-net-out=0 tot-cmds=7\n"`) {
		t.Errorf("client info: %s", line)
	}
	if got := e.do("client", "list"); strings.Count(got, `\n`) != 4 || !strings.Contains(got, "flags=S") {
		t.Errorf("client list: %s", got)
	}
	if got := e.do("client", "list", "id", "2", "77"); strings.Count(got, `\n`) != 1 ||
		!strings.Contains(got, "id=2 ") {
		t.Errorf("client list id: %s", got)
	}
	e.doAs(third, "subscribe", "x")
	if got := e.do("client", "list", "type", "pubsub"); strings.Count(got, `\n`) != 1 ||
		!strings.Contains(got, "flags=P db=0 sub=1") {
		t.Errorf("client list type: %s", got)
	}
	e.run([]step{
		{"client list type nope", "-ERR Unknown client type 'nope'"}, {"client list id x", "-ERR Invalid client ID"},
		{"client list x", "-ERR syntax error"},
		{"client kill 1.2.3.4:5", "-ERR No such client"},
		{"client kill id 0", "-ERR client-id should be greater than 0"},
		{"client kill user bob", "-ERR No such user 'bob'"}, {"client kill id 2 skipme", "-ERR syntax error"},
		{"client kill id 1", ":0"},
		{"client kill 127.0.0.1:2000", "+OK"}, {"client kill id 2", ":0"}, {"client kill type pubsub", ":1"},
		{"client kill id 1 skipme no", ":1"},
	})
	for i, c := range []*Context{e.c, other, third} {
		if closing, _ := c.S.Closing(); !closing {
			t.Errorf("client %d lives", i+1)
		}
	}
}

// TestClientFilters: options of Valkey 9.0, and of Redis 7.4 for MAXAGE; its texts are those of 7.4 (ERR maxage …).
func TestClientFilters(t *testing.T) {
	e, n := newPlacedEnv(t)
	n.info.Replicas = []member.ReplicaState{{Addr: "10.0.0.2", Port: 6379, State: "online", Lag: 3}}
	clients := []*Context{e.client(), e.client(), e.client()} // ids 2 to 4
	for i, c := range clients {
		c.S.Addr, c.S.LibName, c.S.Name = fmt.Sprintf("10.0.1.%d:2000", i), "py", fmt.Sprintf("c%d", i)
		c.S.Created = c.S.Created.Add(-time.Duration(i) * time.Minute)
		c.S.LastActive = c.S.LastActive.Add(-time.Duration(i) * time.Minute)
		c.S.DB, c.S.LibVer = i, "1."+strconv.Itoa(i)
	}
	e.run([]step{{"client setname me", "+OK"}, {"client capa nonsense", "+OK"}, {"client no-evict on", "+OK"}})
	e.doAs(clients[0], "client", "capa", "REDIRECT", "other")
	ids := func(list string) string {
		var found []string
		for _, m := range regexp.MustCompile(`(?:"|\\n)id=(\d+) `).FindAllStringSubmatch(list, -1) {
			found = append(found, m[1])
		}
		return strings.Join(found, " ")
	}
	for _, c := range []struct{ filter, want string }{
		{"", "1 2 3 4 0"}, {"id 3 1 3", "3 1 3"}, {"id 3 2 type normal", "2 3"}, {"not-id 1 3", "2 4 0"},
		{"type replica", "0"}, {"not-type replica", "1 2 3 4"}, {"addr 10.0.0.2:6379", "0"}, {"ip 10.0.1.1", "3"},
		{"not-ip 10.0.1.1", "1 2 4 0"}, {"lib-name py", "2 3 4"}, {"not-lib-name py", "1 0"}, {"lib-ver 1.2", "4"},
		{"name c0", "2"}, {"not-name c0 not-id 1 4", "3 0"}, {"maxage 60", "3 4"}, {"maxage 120", "4"},
		{"idle 61", "4"},
		{"not-idle 61", "1 2 3 0"}, {"db 2", "4"}, {"not-db 0", "3 4"}, {"skipme yes", "2 3 4 0"}, {"flags e", "1"},
		{"not-flags N", "1 0"}, {"flags S", "0"}, {"capa r", "2"}, {"not-capa r", "1 3 4 0"},
		{"user default", "1 2 3 4 0"},
		{"laddr 127.0.0.1:6379 db 1", "3"}, {"NOT-LADDR 127.0.0.1:6379", "0"}, {"id 2 id 3", "3"},
	} {
		if got := ids(e.do(strings.Fields("client list " + c.filter)...)); got != c.want {
			t.Errorf("%s: %s instead of %s", c.filter, got, c.want)
		}
	}
	e.run([]step{
		{"client list id", "-ERR syntax error"}, {"client list id 0", `""`},
		{"client list id 1 name", "-ERR syntax error"}, {"client list id 1 x", "-ERR Invalid client ID"},
		{"client list maxage x", "-ERR maxage is not an integer or out of range"},
		{"client list maxage 0", "-ERR maxage should be greater than 0"},
		{"client list idle 0", "-ERR idle should be greater than 0"},
		{"client list flags ?", "-ERR Unknown flags found in the provided filter: ?"},
		{"client list capa x", "-ERR Unknown capa found in the provided filter: x"},
		{"client list db x", "-ERR db is not an integer or out of range"},
		{"client list not-skipme yes", "-ERR syntax error"}, {"client list not-nonsense x", "-ERR syntax error"},
		{"client kill id 1 x", "-ERR syntax error"}, {"client kill id x", "-ERR client-id should be greater than 0"},
		{"client kill not-user bob", "-ERR No such user 'bob'"},
		{"client kill id 1 2 db 0", ":1"}, {"client kill maxage 120", ":1"},
		{"client kill addr 10.0.0.2:6379 type replica", ":1"}, {"client kill 10.0.0.2:6379", "+OK"},
		{"client kill type replica not-ip 10.0.0.2", ":0"}, {"client kill not-id 1", ":1"},
	})
}

// TestClientRedirection: who has said CLIENT CAPA redirect is sent to the master by a replica that knows where it is,
// and reads from a replica after READONLY (Valkey 8.0).
func TestClientRedirection(t *testing.T) {
	e, n := newPlacedEnv(t)
	other := e.client()
	e.run([]step{
		// as an open server answers what clients ask of a managed one
		{"client MAINT_NOTIFICATIONS on moving-endpoint-type none",
			"-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."},
		{"readonly", "-" + string(errNoCluster)}, {"client capa redirect", "+OK"}, {"readonly", "+OK"},
		{"readwrite", "+OK"}, {"set k v", "+OK"}})
	n.info.Master, n.info.MasterHost, n.info.MasterPort = false, "10.0.0.9", 7000
	e.Engine.NoteRole()
	const to = "-REDIRECT 10.0.0.9:7000"
	e.run([]step{
		{"set k w", to}, {"get k", to}, {"eval 'return 1' 0", to}, {"eval_ro 'return 1' 0", to}, {"ping", "+PONG"},
		{"publish a b", ":0"}, {"multi", "+OK"}, {"get k", to},
		{"exec", "-EXECABORT Transaction discarded because of previous errors."},
		{"readonly", "+OK"}, {"get k", `"v"`}, {"set k w", to}, {"readwrite", "+OK"}, {"get k", to},
	})
	for _, s := range []step{{"get k", `"v"`}, {"set k w", "-" + string(ErrReadOnly)}} {
		if got := e.doAs(other, strings.Fields(s.command)...); got != s.want {
			t.Errorf("%s of a client that is not redirected: %s", s.command, got)
		}
	}
	n.info.MasterHost = ""
	e.run([]step{{"get k", `"v"`}, {"set k w", "-" + string(ErrReadOnly)}, {"reset", "+RESET"},
		{"readonly", "-" + string(errNoCluster)}})
}

func TestClientReplyAndPause(t *testing.T) {
	e, n := newPlacedEnv(t)
	e.run([]step{
		{"client reply off", ""}, {"ping", ""}, {"nonsense", ""}, {"client reply on", "+OK"},
		{"client reply skip", ""}, {"ping", ""}, {"ping", "+PONG"}, {"client reply x", "-ERR syntax error"},
		{"client pause x", "-ERR timeout is not an integer or out of range"},
		{"client pause -1", "-ERR timeout is negative"},
		{"client pause 9223372036854775807", "+OK"},
		{"client pause 100 x", "-ERR CLIENT PAUSE mode must be WRITE or ALL"}, {"client pause 0", "+OK"},
		{"client pause 100 write", "+OK"}, {"get k", "nil"}, {"set k v", "deferred"}, {"publish a b", "deferred"},
		{"script load x", "deferred"}, {"script flush", "deferred"},
		{"client unpause", "+OK"},
		{"set k v", "+OK"},
	})
	if !n.paused.IsZero() {
		t.Error("still paused")
	}
	e.run([]step{
		{"client tracking off", "+OK"}, {"client tracking off bcast prefix a", "+OK"},
		{"client tracking maybe", "-ERR syntax error"},
		{"client getredir", ":-1"}, {"client trackinginfo", `["flags" ["off"] "redirect" :-1 "prefixes" []]`},
	})
	if e.c.S.Reply != session.ReplyOn {
		t.Error("reply mode")
	}
}
