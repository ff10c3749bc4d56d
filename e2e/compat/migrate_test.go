package compat

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestMigrate moves keys of all types between the two servers, from Redis to Holdfast and back, and compares what
// MIGRATE answers.
func TestMigrate(t *testing.T) {
	redis, holdfast := newMover(t, startRedis(t)), newMover(t, startHoldfast(t))
	for _, way := range []struct{ from, to *mover }{{holdfast, redis}, {redis, holdfast}} {
		t.Run(way.from.name+" to "+way.to.name, func(t *testing.T) { testMove(t, way.from, way.to) })
	}
	t.Run("errors", func(t *testing.T) {
		third := newMover(t, startRedis(t))
		ours, theirs := errorsOf(holdfast, third), errorsOf(redis, third)
		for i := range ours {
			if ours[i] != theirs[i] {
				t.Errorf("ours %s\nredis's %s", ours[i], theirs[i])
			}
		}
	})
}

// mover is a server with a connection to it.
type mover struct {
	t          *testing.T
	name, port string
	conn       *conn
}

func newMover(t *testing.T, addr string) *mover {
	t.Helper()
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	m := &mover{t: t, conn: c, port: port, name: "redis"}
	if strings.Contains(m.do("INFO", "server"), "holdfast_version") {
		m.name = "holdfast"
	}
	return m
}

func (m *mover) do(args ...string) string {
	m.t.Helper()
	r, err := m.conn.do(args...)
	if err != nil {
		m.t.Fatalf("%s: %q: %v", m.name, args, err)
	}
	return string(r.raw)
}

// fill makes keys of all types and encodings, and answers their names.
func (m *mover) fill() (keys []string) {
	m.do("FLUSHALL")
	for _, n := range []int{1, 20, 1000} {
		for i := range n {
			for _, args := range [][]string{
				{"APPEND", "string:", fmt.Sprint(i, " ")}, {"SET", "number:", fmt.Sprint(n)},
				{"RPUSH", "list:", fmt.Sprint("element ", i), "7"},
				{"SADD", "integers:", fmt.Sprint(i * i)}, {"SADD", "set:", fmt.Sprint("member\r\n\x00", i)},
				{"HSET", "hash:", fmt.Sprint("f", i), fmt.Sprint(i)},
				{"ZADD", "zset:", fmt.Sprint(float64(i) / 7), fmt.Sprint("m", i)},
			} {
				args[1] += fmt.Sprint(n)
				if m.do(args...); i == 0 {
					keys = append(keys, args[1])
				}
			}
		}
	}
	m.do("SET", "large", strings.Repeat("0123456789abcdef", 1<<17))
	keys = append(keys, "large")
	for i, key := range keys {
		if i%2 == 0 {
			m.do("PEXPIREAT", key, fmt.Sprint(4_000_000_000_000+i))
		}
	}
	return keys
}

// contents are the digests of keys, and their times of expiry to the second.
func (m *mover) contents(keys []string) string {
	text := m.do(append([]string{"DEBUG", "DIGEST-VALUE"}, keys...)...)
	for _, key := range keys {
		text += m.do("EXPIRETIME", key)
	}
	return text
}

func testMove(t *testing.T, from, to *mover) {
	from.t, to.t = t, t
	keys := from.fill()
	to.do("FLUSHALL")
	want := from.contents(keys)
	head := []string{"MIGRATE", "127.0.0.1", to.port}
	expect := func(got, want string) {
		t.Helper()
		if got != want {
			t.Fatalf("%.300q, want %.300q", got, want)
		}
	}
	expect(from.do(append(append(head, "", "0", "5000", "COPY", "KEYS", "nope"), keys...)...), "+OK\r\n")
	expect(from.contents(keys), want)
	expect(settled(to.contents(keys), want), want)
	expect(from.do(append(head, keys[0], "0", "5000")...),
		"-ERR Target instance replied with error: BUSYKEY Target key name already exists.\r\n")
	expect(from.contents(keys), want)
	expect(from.do(append(head, keys[0], "0", "5000", "REPLACE")...), "+OK\r\n")
	expect(from.do("EXISTS", keys[0]), ":0\r\n")
	expect(from.do(append(append(head, "", "0", "5000", "replace", "keys"), keys...)...), "+OK\r\n")
	expect(from.do("DBSIZE"), ":0\r\n")
	expect(settled(to.contents(keys), want), want)
	expect(from.do(append(head, keys[0], "0", "5000")...), "+NOKEY\r\n")
}

// settled lets times of expiry differ by the second that relative times may cost.
func settled(got, want string) string {
	g, w := strings.Split(got, "\r\n"), strings.Split(want, "\r\n")
	for i := range min(len(g), len(w)) {
		var a, b int64
		if _, err := fmt.Sscanf(g[i]+" "+w[i], ":%d :%d", &a, &b); err == nil && a-b >= -1 && a-b <= 1 {
			g[i] = w[i]
		}
	}
	return strings.Join(g, "\r\n")
}

// errorsOf are the answers of a server that moves keys to another one which doesn't take them. What the target says of
// AUTH and SELECT is left out: Redis restores the keys regardless.
func errorsOf(from, to *mover) (list []string) {
	from.do("FLUSHALL")
	to.do("FLUSHALL")
	from.do("MSET", "a", "1", "b", "2", "c", "3")
	to.do("SET", "b", "there")
	for _, words := range []string{
		"127.0.0.1 PORT a 0 1000 AUTH x AUTH2 y z KEYS", "no.such.host.invalid PORT a 0 1000", " PORT a 0 1000",
		"127.0.0.1 1 a 0 1000", "127.0.0.1 nope a 0 1000", "127.0.0.1 99999 a 0 1000",
		"127.0.0.1 PORT  0 1000 KEYS a b c", "127.0.0.1 PORT  0 1000 KEYS a b c",
		"127.0.0.1 PORT  0 1000 COPY REPLACE KEYS b b", "127.0.0.1 PORT  0 -1 REPLACE KEYS b b",
	} {
		args := append([]string{"MIGRATE"}, strings.Split(strings.ReplaceAll(words, "PORT", to.port), " ")...)
		list = append(list, words+": "+fmt.Sprintf("%q", from.do(args...)+from.do("MGET", "a", "b", "c")+
			to.do("MGET", "a", "b", "c")))
	}
	return list
}
