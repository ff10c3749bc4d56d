package command

import (
	"strconv"
	"strings"
	"testing"

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
	want := "id=1 addr=127.0.0.1:1000 laddr=127.0.0.1:6379 fd=-1 name=me age=0 idle=0 flags=e db=0 sub=0 psub=0 " +
		"ssub=0 multi=-1 "
	line := e.do("client", "info")
	if !strings.Contains(line, want) ||
		!strings.HasSuffix(line, ` events=r cmd=client|info user=default redir=-1 resp=2 lib-name=py lib-ver=1.2\n"`) {
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
