package command

import (
	"bytes"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/resp"
)

// liveRedis is a connection to a real server on which commands are sent one by one.
type liveRedis struct {
	t     *testing.T
	conn  net.Conn
	multi bool
}

// do sends a command, and takes whatever comes up to the answer to another one behind it, that excepted.
func (l *liveRedis) do(args ...string) string {
	l.t.Helper()
	if len(args) > 0 {
		switch strings.ToLower(args[0]) {
		case "multi":
			l.multi = true
		case "exec", "discard", "reset":
			l.multi = false
		}
	}
	end, mark := l.mark()
	return l.until(end, args, mark)
}

// mark is a harmless command with its answer; inside a transaction one that is not queued.
func (l *liveRedis) mark() (answer string, command []string) {
	if l.multi {
		return "-ERR WATCH inside MULTI is not allowed\r\n", []string{"watch", "mark"}
	}
	return "$4\r\nmark\r\n", []string{"ping", "mark"}
}

// until sends commands, and takes what comes with a text, that excepted.
func (l *liveRedis) until(end string, commands ...[]string) string {
	l.t.Helper()
	var wire []byte
	for _, args := range commands {
		if len(args) > 0 {
			wire = resp.AppendCommandStrings(wire, args...)
		}
	}
	if err := l.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.conn.Write(wire); err != nil {
		l.t.Fatal(err)
	}
	var got []byte
	for !bytes.Contains(got, []byte(end)) {
		var chunk [4096]byte
		n, err := l.conn.Read(chunk[:])
		if err != nil {
			l.t.Fatalf("%q: %v after %q", commands, err, got)
		}
		got = append(got, chunk[:n]...)
	}
	return strings.Replace(string(got), end, "", 1)
}

// trackings are scripts of two clients, in RESP3: lines of a client's number and its command. Every byte that either
// gets must agree.
var trackings = []string{
	`1 client tracking on|1 get a|2 set a 1|2 set a 2|1|1 get a|1 set a 3|2 mset a 4 b 5|1|1 mget a b c|2 del a b c|1`,
	`1 client tracking on noloop|1 get a|1 set a 1|1 get a|2 incr a|1|1 get a|1 multi|1 set a 2|1 get a|1 exec|` +
		`2 set a 5|1`,
	`1 client tracking on optin|1 get a|2 set a 1|1|1 client caching yes|1 get a|2 set a 2|1|1 get a|2 set a 3|1|` +
		`1 client caching yes|1 multi|1 get a|1 get b|1 exec|2 mset a 1 b 2|1`,
	`1 client tracking on optout|1 get a|2 set a 1|1|1 client caching no|1 get a|2 set a 2|1|1 get a|2 set a 3|1`,
	`1 client tracking on bcast|2 set a 1|1|2 mset c 1 b 2 a 3|1|1 set x 1|1|2 multi|2 set q 1|2 del q|2 set p 1|` +
		`2 exec|1`,
	`1 client tracking on bcast prefix a: prefix b:|2 mset a:1 1 b:1 1 c:1 1|1|1 set a:2 x|1|` +
		`1 client tracking on bcast prefix c:|2 set c:1 2|1|1 client tracking off|2 set a:1 5|1`,
	`1 client tracking on bcast noloop|1 set a 1|1|2 set a 2|1|1 mset a 1 b 2|2 set b 3|1|1`,
	`1 client tracking on|1 get a|2 flushdb|1|1 get a|1 flushall|1 get a|1 multi|1 flushdb|1 set a 1|1 exec|1`,
	`1 client tracking on|1 get a|1 client tracking off|2 set a 1|1|1 client tracking on|1 get a|1 reset|2 set a 2|1`,
	`1 client tracking on|1 set a 1 px 100000|1 get a|1 getex a|1 strlen a|2 rename a b|2 rename nope b|1|` +
		`1 exists b|2 copy b c|2 append b x|1|1 type b|2 expire b 100|1|1 ttl b|2 persist b|1`,
	`1 client tracking on|1 lrange l 0 -1|2 rpush l a b|1|1 llen l|2 lpop l|1|1 smembers s|2 sadd s a|2 sadd s a|1|` +
		`1 scard s|2 sadd s a|2 srem s b|2 srem s a|1|1 hgetall h|2 hset h f 1|1|1 zscore z m|2 zadd z 1 m|1|` +
		`1 zcard z|2 zadd z 1 m|1`,
	`1 client tracking on|2 client tracking on|1 get a|2 get a|1 set a 1|2|1 get a|2 get a|2 set a 2|1|2 multi|` +
		`2 get a|2 set a 3|2 get a|2 exec|2`,
	`1 client tracking on|1 select 3|1 get a|2 set a 1|1|1 select 0|1 dbsize|1 keys *|1 scan 0|1 randomkey|2 set a 2|1`,
}

func TestTrackingAsRedis(t *testing.T) {
	dial := startRedis(t)
	for _, script := range trackings {
		e, _ := newPlacedEnv(t)
		var theirs [2]liveRedis
		var ours [2]*Context
		var want, got [2]string
		for i := range 2 {
			theirs[i], ours[i] = liveRedis{t: t, conn: dial()}, e.client()
			theirs[i].do("hello", "3")
			e.doAs(ours[i], "hello", "3")
		}
		theirs[0].do("flushall")
		for line := range strings.SplitSeq(script, "|") {
			args := words(t, line)
			i := int(args[0][0] - '1')
			want[i] += theirs[i].do(args[1:]...)
			end, mark := theirs[i].mark()
			for _, args := range [][]string{args[1:], mark} {
				if len(args) > 0 {
					ours[i].Now = e.now
					e.Admit(ours[i])
					e.Execute(ours[i], byteArgs(args))
				}
			}
			e.Broadcast()
			got[i] += strings.Replace(string(ours[i].S.W.Buf), end, "", 1)
			ours[i].S.W.Buf = nil
			if got[i] != want[i] {
				t.Errorf("%s\nat %s\n    ours %q\n redis's %q", script, line, got[i], want[i])
				break
			}
		}
	}
}

var monitorPrefix = regexp.MustCompile(`(?m)^\+\d+\.\d{6} \[(\d+) [^\]]+\]`)

func TestMonitorAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	watching, acting := &liveRedis{t: t, conn: dial()}, &liveRedis{t: t, conn: dial()}
	m := e.client()
	watching.until("+OK\r\n", []string{"monitor"})
	e.doAs(m, "monitor")
	for command := range strings.SplitSeq(
		`set k "v\x00\n\"\xff\\"|get nope nope|nope|config get hz|client id|client list|multi|set a 1|incr a|exec|`+
			`multi|nope|exec|multi|get a|discard|exec|select 2|SET B 1|`+
			`auth x|auth x y|auth x y z|hello 3 auth a b setname c|hello 2 setname "a b"|subscribe a|unsubscribe a|`+
			`info nope|command count|object help|debug sleep 0|slowlog len|latency latest|watch a|unwatch|`+
			`acl whoami|`+
			`lpush l a|blpop l 0|blpop l 0.01|client no-evict on|shutdown x|dbsize|ping a b|reset`, "|") {
		args := words(t, command)
		acting.do(args...)
		e.do(args...)
		e.c.S.Unpark()
	}
	lines := func(text string) []string {
		text = monitorPrefix.ReplaceAllString(text, "[$1]")
		return slices.DeleteFunc(strings.Split(text, "\r\n"),
			func(l string) bool { return l == "" || strings.HasSuffix(l, `"mark"`) || strings.Contains(l, `"echo"`) })
	}
	acting.do("echo", "end")
	want, got := lines(watching.until("\"echo\" \"end\"\r\n")), lines(string(m.S.W.Buf))
	if !slices.Equal(got, want) {
		t.Errorf("shown\n%s\nRedis shows\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSlowLogAsRedis(t *testing.T) {
	dial := startRedis(t)
	e, _ := newPlacedEnv(t)
	redis := &liveRedis{t: t, conn: dial()}
	var many []string
	for i := range 40 {
		many = append(many, strconv.Itoa(i))
	}
	long := strings.Repeat("x", 200)
	script := [][]string{
		{"config", "set", "slowlog-log-slower-than", "0"}, {"slowlog", "reset"}, {"set", "k", long},
		append([]string{"mget"}, many...), append([]string{"mget"}, many[:31]...),
		append([]string{"mget"}, many[:32]...), {"set", "k", long[:128]}, {"multi"}, {"set", "k", "1"}, {"incr", "k"},
		{"exec"}, {"get"}, {"nope"}, {"auth", "x"}, {"auth", "a", "x"},
		{"config", "set", "masterauth", "x", "hz", "10", "requirepass", ""}, {"CONFIG", "SET", "MASTERUSER", "x"},
		{"hello", "2", "auth", "a", "b"}, {"rpush", "l", "a"},
		{"blpop", "l", "1"}, {"spop", "s"}, {"getset", "k", "2"}, {"incrbyfloat", "k", "1.5"}, {"slowlog", "len"},
		{"client", "setname", "me"}, {"ping"},
	}
	for _, args := range script {
		redis.do(args...)
		e.do(args...)
	}
	entries := func(wire io.Reader) (list []string) {
		v, err := resp.NewReader(wire).ReadValue()
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range v.Elems {
			if text := render(entry.Elems[3]); !strings.HasSuffix(text, ` "mark"]`) {
				list = append(list, text+" of "+render(entry.Elems[5]))
			}
		}
		return list
	}
	if _, err := redis.conn.Write(resp.AppendCommandStrings(nil, "slowlog", "get", "-1")); err != nil {
		t.Fatal(err)
	}
	if want, got := entries(redis.conn), entries(strings.NewReader(e.wire("slowlog", "get", "-1"))); !slices.Equal(got,
		want) {
		t.Errorf("kept\n%s\nRedis keeps\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
