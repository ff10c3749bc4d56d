package compat

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// edgeValues are the arguments that every command below meets in place of %.
var edgeValues = []string{
	"", "0", "-1", "-0", "1", " 1", "1 ", "01", "+1", "0x10", "1.5", "1e3", "1e308", "1e400", "-1e400", "nan", "inf",
	"-inf", "+inf", "abc", "\x00", "\xff\xfe",
	"2147483647", "2147483648", "-2147483649", "4294967295", "4294967296", "536870911", "536870912", "9223372036854775",
	"9223372036854775807", "9223372036854775808",
	"-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616",
}

// edgeCommands is what Redis answers before it does anything expensive, whatever stands for %.
var edgeCommands = []string{
	"incrby i %", "decrby i %", "incrbyfloat i %", "hincrby h f %", "hincrbyfloat h f %", "zincrby z % a", "zadd z % e",
	"zadd z incr % a", "zadd z gt % a",
	"incrby n %", "incr i", "incrbyfloat n %", "hincrby h n %", "hincrbyfloat h n %",
	"getrange s % -1", "getrange s 0 %", "getrange s % %", "substr s % 2", "lrange l % -1", "lrange l 0 %",
	"lindex l %", "ltrim l % -1", "lset l % x",
	"lrem l % a", "lpos l a rank %", "lpos l a count %", "lpos l a maxlen %", "lpop l %", "rpop none %", "spop none %",
	"linsert l before % x",
	"bitcount s % -1", "bitcount s 0 % bit", "bitpos s 1 % -1", "bitpos s % 0 -1 bit", "getbit s %", "setbit b 7 %",
	"bitfield b get u8 %", "bitfield b incrby i8 0 %",
	"bitfield b set i64 0 %", "bitfield b get u% 0", "bitfield_ro b get i% #1",
	"zrange z % -1", "zrange z 0 %", "zrange z % + bylex", "zrange z % 5 byscore", "zrangebyscore z % +inf",
	"zrangebyscore z (% 5", "zrangebyscore z 0 5 limit % 1", "zrangebyscore z 0 5 limit 0 %",
	"zcount z % %", "zlexcount z [% +", "zrangebylex z - (%", "zremrangebyrank none % %", "zpopmin none %",
	"zrevrange z 0 % withscores", "zrangestore d z % -1",
	"zunionstore d % z", "zunion % z", "zinter % z z", "zdiff % z", "zintercard % z", "zintercard 1 z limit %",
	"sintercard % t", "sintercard 1 t limit %", "zunionstore d 1 z weights %",
	"zmpop % z min", "zmpop 1 none min count %", "lmpop % l left", "lmpop 1 none left count %",
	"bzmpop 0.01 % none min", "blmpop 0.01 % none left", "blpop none1 %s",
	"expire s %", "pexpire none %", "expireat none %", "pexpireat none %", "set x v ex %", "set x v px %",
	"set x v exat %", "set x v pxat %", "setex x % v", "psetex x % v",
	"getex none ex %", "getex none pxat %", "expire none % nx", "restore r % x", "restore r 0 x idletime %",
	"restore r 0 x freq %",
	"scan %", "sscan t %", "hscan h %", "zscan z %", "scan 0 count %", "sscan t 0 count %", "scan 0 type %",
	"hscan h 0 match %",
	"sort l limit % 1 alpha", "sort l limit 0 % alpha", "sort l by % alpha", "sort l get % alpha",
	"sort_ro l limit % % alpha", "lcs s s minmatchlen %", "lcs s s idx minmatchlen %",
	"hrandfield none %", "srandmember none %", "zrandmember none %", "copy s d db %", "select %", "move s %",
	"swapdb % 0", "wait 0 %", "object encoding %", "object freq %", "memory usage %",
	"memory usage s samples %", "debug object %", "debug listpack %", "debug quicklist-packed-threshold %",
	"debug stringmatch-len 5 %", "debug htstats %x", "debug set-active-expire %x", "debug change-repl-id %x",
	"debug jmap %", "debug %x",
	"client kill id %", "client no-evict %", "client unblock %", "client pause %x", "client list id %", "slowlog get %",
	"latency reset %", "config get %", "command info %", "hello %",
	"get %", "set % %", "append % x", "del %", "rename % s2", "lpush % x", "sadd % x", "hset % % %", "zadd % 1 %",
	"type %", "dump %x", "keys %x", "exists % %", "lmove % % left right", "smove % t x", "publish % %",
	"spublish % %",
	"watch %", "unwatch", "touch %", "unlink %", "getdel %", "getset % x", "setnx % x", "msetnx % x", "setrange e % ''",
	"strlen %",
}

var edgeData = []string{
	"flushall", "set s hello", "set i 9223372036854775806", "set n 5", "set b abc",
	"hset h f 9223372036854775806 n 5 x 1.5", "rpush l a b c a b c", "sadd t a b 1 2", "zadd z 1 a 2 b 3 c 0 e",
}

// TestEdges has every number, time, cursor, index and name be one at the edge.
func TestEdges(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	for _, command := range edgeCommands {
		for _, line := range edgeData {
			p.agree(t, strings.Fields(line))
		}
		p.agree(t, []string{"config", "resetstat"})
		for _, edge := range edgeValues {
			words := strings.Fields(command)
			for i, w := range words {
				words[i] = strings.ReplaceAll(strings.ReplaceAll(w, "''", ""), "%", edge)
			}
			p.agree(t, words)
			if words[0] == "select" || words[0] == "hello" || words[0] == "watch" {
				p.agree(t, []string{"reset"})
			}
		}
		if err := p.digests(); err != nil {
			t.Errorf("after %s: %v", command, err)
		}
	}
	p.alive(t)
}

// agree has both servers answer a command.
func (p *pair) agree(t *testing.T, args []string) {
	t.Helper()
	a, b, err := p.both(0, args)
	if err != nil {
		t.Fatalf("%s: %v", op{args: args}, err)
	}
	equal := same(args, a, b)
	switch name := commandName(args); {
	case cursorAt(name) > 0, name == "memory", name == "slowlog": // what they say is each server's own
		equal = a.kind == b.kind && (a.kind != '-' || equal)
	}
	if !equal {
		t.Errorf("%v", &difference{op{args: args}, a, b})
	}
}

// alive asks both servers, on new connections, whether they are still there.
func (p *pair) alive(t *testing.T) {
	t.Helper()
	for i, addr := range p.addr {
		if !answers(addr) {
			t.Fatalf("%s is gone", [...]string{"redis", "holdfast"}[i])
		}
	}
}

// TestPastTheLongestString goes past 512 MB with offsets alone.
func TestPastTheLongestString(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"set s x", "setrange s 536870912 x", "setrange s 536870911 xy", "setrange s 9223372036854775807 x",
		"setrange s -1 x", "setrange none 536870912 x", "exists none",
		"setbit s 4294967296 1", "setbit s 4294967295 2", "setbit none 18446744073709551615 1", "getbit s 4294967295",
		"getbit s 4294967296",
		"bitfield s set u8 4294967289 1", "bitfield s set u8 4294967295 1", "bitfield s set u8 #536870912 1",
		"bitfield s get u8 4294967288", "bitfield s get i64 #67108864",
		"bitfield s incrby u1 4294967296 1", "exists none", "strlen s",
		"setrange s 536870911 y", "strlen s", "append s z", "append s zz", "strlen s", "getrange s -2 -1",
		"bitcount s -1 -1", "bitpos s 1 536870900", "bitpos s 0 -1 -1 bit", "getbit s 4294967295",
		"incrbyfloat s 1", "lcs s s", "set t x", "bitop not d s", "strlen d", "setrange d 536870912 x", "del d s",
	} {
		p.agree(t, strings.Fields(line))
	}
	p.alive(t)
}

// TestLargeElements has elements of 100 MB (1 MB without COMPAT_HUGE) in each type.
func TestLargeElements(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	size := 1 << 20
	if os.Getenv("COMPAT_HUGE") != "" {
		size = 100 << 20
	}
	x := strings.Repeat("\xffx", size/2)
	for _, args := range [][]string{
		{"rpush", "l", "a", x, "b"}, {"lpos", "l", x}, {"linsert", "l", "after", x, "c"}, {"lrem", "l", "0", x},
		{"llen", "l"}, {"lset", "l", "0", x}, {"lindex", "l", "0"}, {"object", "encoding", "l"},
		{"hset", "h", "f", x, x, "v"}, {"hget", "h", x}, {"hstrlen", "h", "f"}, {"hincrby", "h", "f", "1"},
		{"object", "encoding", "h"},
		{"sadd", "s", "a", x}, {"sismember", "s", x}, {"smove", "s", "s2", x}, {"object", "encoding", "s2"},
		{"zadd", "z", "1", x, "2", "a"}, {"zscore", "z", x}, {"zrank", "z", x}, {"zlexcount", "z", "[" + x, "+"},
		{"object", "encoding", "z"},
		{"set", x, x}, {"strlen", x}, {"incr", x}, {"rename", x, x + "y"}, {"exists", x + "y"}, {"debug", "digest"},
		{"copy", "z", "z2"}, {"lmove", "l", "l3", "left", "right"}, {"spop", "s2"},
		{"del", "l", "l3", "h", "s", "s2", "z", "z2", x + "y"},
	} {
		a, b, err := p.both(0, args)
		if err != nil {
			t.Fatalf("%.40q: %v", args, err)
		}
		if !same(args, a, b) {
			t.Errorf("%.40q: redis %.100q, holdfast %.100q", args, a.raw, b.raw)
		}
	}
	if err := p.digests(); err != nil {
		t.Error(err)
	}
	p.alive(t)
}

// TestDamagedPayloads restores what DUMP gave with a bit turned or its end missing, and a checksum that is right. What
// Redis refuses after a full check is refused, unless it is of a newer type; what both take means the same. Redis takes
// more: it reads on in the checksum, and does not look at what compressed bytes leave over.
func TestDamagedPayloads(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	p.agree(t, strings.Fields("config set sanitize-dump-payload yes"))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, line := range []string{"set k 12345", "set k " + strings.Repeat("ab", 50), "rpush k a b 3 400 70000",
		"sadd k 1 2 300", "sadd k a b c", "hset k f v g 2", "zadd k 1 a 2.5 b"} {
		p.agree(t, []string{"del", "k"})
		p.agree(t, strings.Fields(line))
		dump, err := p.conns[0][0].do("dump", "k")
		if err != nil {
			t.Fatal(err)
		}
		if dump.kind != '$' || len(dump.text) < 12 {
			t.Fatalf("%s: dumped as %q", line, dump.raw)
		}
		whole := dump.text[:len(dump.text)-8]
		for range 400 {
			b := []byte(whole)
			if rng.IntN(8) == 0 {
				cut := 1 + rng.IntN(len(b)-3)
				b = append(b[:cut], b[len(b)-2:]...)
			}
			for range 1 + rng.IntN(2) {
				b[rng.IntN(len(b)-2)] ^= 1 << rng.IntN(8)
			}
			args := []string{"restore", "k", "0", string(binary.LittleEndian.AppendUint64(b, checksum(b))), "replace"}
			p.agreeOnDamage(t, args)
		}
		args := []string{"restore", "k", "0", dump.text[:len(dump.text)-1], "replace"}
		p.agreeOnDamage(t, args)
	}
	p.alive(t)
}

// agreeOnDamage has both servers refuse a payload, or hold the same after it.
func (p *pair) agreeOnDamage(t *testing.T, args []string) {
	t.Helper()
	var a, b reply
	for i, r := range []*reply{&a, &b} {
		var err error
		if *r, err = p.conns[i][0].do(args...); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
	}
	const newest = 18 // the last of Redis 7.0's types
	if a.kind == '-' && b.kind != '-' && args[3][0] <= newest {
		t.Errorf("%q: redis %q, holdfast %q", args, a.raw, b.raw)
	}
	if a.kind != b.kind {
		for _, c := range []*conn{p.conns[0][0], p.conns[1][0]} {
			if _, err := c.do("del", "k"); err != nil {
				t.Fatal(err)
			}
		}
	} else if err := p.digests(); err != nil {
		t.Errorf("%q: %v", args, err)
	}
}

// checksum is the CRC-64 that ends a payload.
func checksum(b []byte) uint64 {
	var crc uint64
	for _, c := range b {
		crc ^= uint64(c)
		for range 8 {
			crc = crc>>1 ^ 0x95ac9329ac4bc9b5&-(crc&1)
		}
	}
	return crc
}

// TestBrokenWire sends what is no command: the answer, and whether the connection ends, are Redis's.
func TestBrokenWire(t *testing.T) {
	p := newPair(t)
	for _, wire := range []string{
		"*1\r\n$536870913\r\n", "*1\r\n$536870912x\r\n", "*1\r\n$-1\r\n", "*1\r\n$-9223372036854775808\r\n",
		"*1\r\n$9223372036854775808\r\n", "*1\r\n$\r\n", "*1\r\n$ 1\r\n",
		"*1\r\n$01\r\nx\r\n", "*1\r\n+4\r\nPING\r\n", "*1\r\n:1\r\n", "*-1\r\nPING\r\n",
		"*-9223372036854775808\r\nPING\r\n", "*-9223372036854775809\r\n", "*0\r\nPING\r\n", "*2147483648\r\n",
		"*9223372036854775807\r\n", "*9223372036854775808\r\n", "*18446744073709551617\r\n", "*x\r\n", "*\r\n",
		"* 1\r\n", "*+1\r\n", "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n", "*1\r\n$0\r\n\r\n",
		"\r\n\r\nPING\r\n", "PING \"\\x\"\r\n", "PING \"a\r\n", "PING 'a'b\r\n", "\xff\xfe\r\n", "$4\r\nPING\r\n",
		"PING\n", strings.Repeat("x", 70_000), "*" + strings.Repeat("1", 70_000),
		"*1\r\n$" + strings.Repeat("1", 70_000), "*3\r\n$3\r\nSET\r\n$1\r\n\xff\r\n$0\r\n\r\n",
		"*1\r\n$4\r\n\x00\x01\x02\x03\r\n",
		"POST / HTTP/1.1\r\nPING\r\n", "GET / HTTP/1.1\r\nHost: x\r\nPING\r\n", "PING\r\npost /\r\nPING\r\n",
		"*2\r\n$5\r\nhost:\r\n$1\r\nx\r\nPING\r\n", "*1\r\n$6\r\nPOST\x00x\r\nPING\r\n",
		"MULTI\r\nHOST: x\r\nEXEC\r\n", "SUBSCRIBE c\r\nPOST /\r\n", "CLIENT REPLY OFF\r\nPOST /\r\n",
		"host:x\r\nPING\r\n", "POST \"\r\n",
	} {
		var got [2][]byte
		// A machine that pauses between two commands lets the reply to the first one leave, which else is dropped.
		for tries := 0; tries == 0 || tries < 3 && !bytes.Equal(got[0], got[1]); tries++ {
			for i, addr := range p.addr {
				got[i] = converse(t, addr, wire)
			}
		}
		if !bytes.Equal(got[0], got[1]) {
			t.Errorf("%.60q: redis %q, holdfast %q", wire, got[0], got[1])
		}
	}
	p.alive(t)
}

// converse sends bytes on a connection of their own, and answers all that comes back within a moment, or until the
// connection ends.
func converse(t *testing.T, addr, wire string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, wire); err != nil {
		t.Logf("%.40q: %v", wire, err) // it may have been hung up on
	}
	got, err := io.ReadAll(c)
	if err == nil {
		got = append(got, "(end)"...)
	}
	return got
}
