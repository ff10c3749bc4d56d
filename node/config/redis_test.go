package config

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/servers"
)

// realRedis is a redis-server 7.0 with its stock settings, the judge of ours.
type realRedis struct {
	conn net.Conn
	r    *bufio.Reader
}

func startRedis(t *testing.T, file ...string) *realRedis {
	t.Helper()
	args := file
	if len(file) == 0 {
		args = []string{"--save", ""}
	}
	conn, err := net.Dial("tcp", servers.Start(t, servers.Tool(t, "redis-server"), "", args...).Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &realRedis{conn, bufio.NewReader(conn)}
}

// do returns the elements of an array, or the one reply.
func (s *realRedis) do(t *testing.T, args ...string) []string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := io.WriteString(s.conn, b.String()); err != nil {
		t.Fatal(err)
	}
	line := s.line(t)
	if line[0] != '*' {
		return []string{line}
	}
	n, _ := strconv.Atoi(line[1:])
	out := make([]string, n)
	for i := range out {
		size, _ := strconv.Atoi(s.line(t)[1:])
		p := make([]byte, size+2)
		if _, err := io.ReadFull(s.r, p); err != nil {
			t.Fatal(err)
		}
		out[i] = string(p[:size])
	}
	return out
}

func (s *realRedis) line(t *testing.T) string {
	t.Helper()
	line, err := s.r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

func ownName(name string) bool {
	d, _ := Lookup(name)
	return d.Is(Own) || strings.HasPrefix(name, "announce-")
}

func TestDefaultsEqualRedis(t *testing.T) {
	s := startRedis(t)
	reply := s.do(t, "CONFIG", "GET", "*")
	theirs := make(map[string]string)
	for i := 0; i < len(reply); i += 2 {
		theirs[reply[i]] = reply[i+1]
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// What the command line above, or the directory, makes different.
	theirs["port"], theirs["save"], theirs["dir"] = "6379", "3600 1 300 100 60 10000", here
	c := Default()
	for _, p := range c.Get("*") {
		if ownName(p[0]) {
			continue
		}
		want, ok := theirs[p[0]]
		if !ok {
			t.Errorf("Redis has no %s", p[0])
		} else if p[1] != want {
			t.Errorf("%s is %q, Redis has %q", p[0], p[1], want)
		}
		delete(theirs, p[0])
	}
	for name, v := range theirs {
		t.Errorf("%s (%q) is missing", name, v)
	}
	for _, d := range Directives() {
		if d.Is(Hidden) {
			if got := s.do(t, "CONFIG", "GET", d.Name); len(got) != 2 || got[1] != c.Text(d.Name) {
				t.Errorf("hidden %s is %q, Redis has %q", d.Name, c.Text(d.Name), got)
			}
		}
	}
}

// pair is a real server and ours, which get the same changes.
type pair struct {
	redis *realRedis
	ours  *Config
}

func startPair(t *testing.T) pair {
	t.Helper()
	p := pair{startRedis(t), Default()}
	if err := p.ours.Set("save", []string{""}); err != nil {
		t.Fatal(err)
	}
	return p
}

// set changes both, and compares the replies and the values afterwards.
func (p pair) set(t *testing.T, args ...string) {
	t.Helper()
	theirs := p.redis.do(t, append([]string{"CONFIG", "SET"}, args...)...)[0]
	var pairs [][2]string
	for i := 0; i < len(args); i += 2 {
		pairs = append(pairs, [2]string{args[i], args[i+1]})
	}
	ours := "+OK"
	if err := p.ours.SetRuntime(pairs, Caller{Local: true}); err != nil {
		ours = "-ERR " + err.Error()
	}
	if ours != theirs {
		t.Errorf("CONFIG SET %q\n ours:  %s\n Redis: %s", args, ours, theirs)
	}
	for _, changed := range pairs {
		if name := strings.ToLower(changed[0]); name == "port" || name == "dir" {
			continue // given on the command line above
		}
		got := p.redis.do(t, "CONFIG", "GET", changed[0])
		ours := p.ours.Get(changed[0])
		if len(got) != 2*len(ours) || len(ours) == 1 && (got[0] != ours[0][0] || got[1] != ours[0][1]) {
			t.Errorf("after CONFIG SET %q: ours %q, Redis %q", args, ours, got)
		}
	}
}

// hasEffects are directives that act on more than the settings when they are
// changed, so that a running server must not get just any value.
var hasEffects = []string{"bind", "port", "tls-port", "dir", "requirepass", "maxclients", "activedefrag",
	"watchdog-period",
	"bind-source-addr", "maxmemory", "maxmemory-clients", "appendonly", "oom-score-adj", "oom-score-adj-values",
	"replicaof", "slaveof",
	"rdb-key-save-delay", "key-load-delay", "latency-tracking-info-percentiles", "timeout", "client-query-buffer-limit",
	"proto-max-bulk-len",
	"client-output-buffer-limit", "repl-backlog-size"}

// tries are texts of all kinds: each directive accepts some of them.
var tries = []string{"", "yes", "NO", "maybe", "0", "1", "7", "-1", "-3", "007", "+5", " 5", "5 ", "100", "101", "511",
	"777", "888", "1mb", "2Gb", "3k", "4x", "50%", "101%",
	"-5%", "%", "2147483647", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
	"18446744073709551616",
	"9223372036854775807gb", "always", "everysec", "swapdb", "relative", "save now", "now save", "save nosave",
	"default force", "save  now", "allkeys-lru",
	"a/b", "a\\b", "under_score", "{title} x", "{nope}", "{title", "{{", "KEA", "Kg$lshzxetdnm", "q", "60 1000", "60",
	"60 -1", "0 1", "60 1  5", "60 1 ", "1e3", "debug"}

func TestSetEqualsRedis(t *testing.T) {
	p := startPair(t)
	for _, n := range spelled {
		if slices.Contains(hasEffects, n.text) || ownName(n.text) || strings.HasPrefix(n.text, "tls-") {
			continue
		}
		for _, text := range tries {
			p.set(t, n.text, text)
		}
	}
}

func TestSetSpecialsEqualsRedis(t *testing.T) {
	p := startPair(t)
	for _, text := range []string{"", "normal 0 0", "slave 1mb 2mb 60", "REPLICA 5gb 0 1", "nobody 1 2 3",
		"normal 0 0 0 pubsub 1 2 -3", "normal x 0 0", "normal 1 1 1x", "master 0 0 0", "pubsub 1 2 4294967297"} {
		p.set(t, "client-output-buffer-limit", text)
	}
	p.set(t, "client-output-buffer-limit", "normal 0 0 0")
	for _, text := range []string{"", "50", "99.9 100", "101", "-1", "x", "0.00000012", "12.3456789", "50  60", "1e1",
		"0x10"} {
		p.set(t, "latency-tracking-info-percentiles", text)
	}
	for _, text := range []string{"1gb", "100mb", "x", "-1", "10%"} {
		p.set(t, "maxmemory", text)
	}
	for _, text := range []string{"5%", "100%", "101%", "50mb", "x%", "-5", "0"} {
		p.set(t, "maxmemory-clients", text)
	}
	for _, text := range []string{"1048575", "1mb", "512mb", "x"} {
		p.set(t, "proto-max-bulk-len", text)
		p.set(t, "client-query-buffer-limit", text)
		p.set(t, "repl-backlog-size", text)
	}
	p.set(t, "oom-score-adj-values", "1 2 3")
	p.set(t, "oom-score-adj-values", "1 2")
	p.set(t, "oom-score-adj-values", "1 2 3000")
	p.set(t, "oom-score-adj-values", "1 2 x")
	p.set(t, "dir", "/")
	p.set(t, "PORT", "70000")
	p.set(t, "maxclients", "0")
	p.set(t, "replicaof", "a 1")
	p.set(t, "nosuch", "1")
	p.set(t, "hz", "50", "nosuch", "1")
	p.set(t, "databases", "3", "nosuch", "1")
	p.set(t, "nosuch", "1", "databases", "3")
	p.set(t, "hz", "50", "HZ", "60")
	p.set(t, "hz", "50", "timeout", "x")
	p.set(t, "slave-priority", "5", "replica-priority", "6")
	p.set(t, "repl-timeout", "5", "Maxmemory-Policy", "allkeys-xyz", "hz", "10")
}

func TestGetEqualsRedis(t *testing.T) {
	s := startRedis(t)
	c := Default()
	for _, patterns := range [][]string{{"hz"}, {"HZ"}, {"hz", "HZ", "hz"}, {"*max-lis*"}, {"MAXM*"}, {"watchdog*"},
		{"watchdog-period"}, {"nosuch"}, {"re[pq]l-t?meout"}, {"repl-t*", "repl-timeout", "*timeout"}} {
		got := s.do(t, append([]string{"CONFIG", "GET"}, patterns...)...)
		var theirs, ours []string
		for i := 0; i < len(got); i += 2 {
			theirs = append(theirs, got[i]+"="+got[i+1])
		}
		for _, p := range c.Get(patterns...) {
			ours = append(ours, p[0]+"="+p[1])
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		if !slices.Equal(ours, theirs) {
			t.Errorf("CONFIG GET %q\n ours:  %q\n Redis: %q", patterns, ours, theirs)
		}
	}
}

// TestFileEqualsRedis gives a file to both, then what Rewrite makes of it.
func TestFileEqualsRedis(t *testing.T) {
	const file = `
# comment
SAVE 900 1
save "300 10 60 5"
masterauth "q\"\x41 \t' #"
masteruser 'it\'s'
client-output-buffer-limit replica 1gb 512mb 30
client-output-buffer-limit pubsub 1k 0 0 normal 5 5 5
slave-priority 7
min-slaves-max-lag 3
hz 100000
maxmemory 2gb
maxmemory-clients 5%
notify-keyspace-events KEg$x
oom-score-adj relative
shutdown-on-sigterm "now save"
latency-tracking-info-percentiles 1 99.95
list-max-ziplist-entries 7
unixsocketperm 700
bind 127.0.0.1
bind -::1 127.0.0.1
`
	ours := parse(t, file, Files{})
	compare := func(text string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "redis.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := startRedis(t, path)
		for _, p := range ours.Get("*") {
			if ownName(p[0]) || p[0] == "port" || p[0] == "dir" {
				continue
			}
			if got := s.do(t, "CONFIG", "GET", p[0]); len(got) != 2 || got[1] != p[1] {
				t.Errorf("%s is %q, Redis has %q", p[0], p[1], got)
			}
		}
	}
	compare(file)
	for name, args := range map[string][]string{
		"save": {"1", "2", "3", "4", "5", "6"}, "masteruser": {"\x01 \\ \"\xff"}, "notify-keyspace-events": {""},
		"oom-score-adj":              {"absolute"},
		"client-output-buffer-limit": {"normal", "7mb", "3", "4"}, "maxmemory": {"0"},
		"shutdown-on-sigint": {"save", "force"}, "logfile": {""},
		"latency-tracking-info-percentiles": {""}, "maxmemory-clients": {"1mb"}, "timeout": {"5"},
		"proc-title-template": {"{title} x"},
	} {
		if err := ours.Set(name, args); err != nil {
			t.Fatal(err)
		}
	}
	compare(string(ours.Rewrite([]byte(file))))
}

// TestNotifyFlagsEqualRedis sets pairs and triples of event classes in both orders, and most of them at once.
func TestNotifyFlagsEqualRedis(t *testing.T) {
	p := startPair(t)
	const letters = "KEg$lshzxetdnmA?"
	for i := range letters {
		for j := range letters {
			p.set(t, "notify-keyspace-events", letters[i:i+1]+letters[j:j+1])
			for k := range letters {
				p.set(t, "notify-keyspace-events", letters[i:i+1]+letters[j:j+1]+letters[k:k+1])
			}
		}
		p.set(t, "notify-keyspace-events", letters[:i])
		p.set(t, "notify-keyspace-events", letters[i:len(letters)-1])
	}
}
