package compat

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may think about a command of a million arguments.
const patience = 2 * time.Minute

// manyForm is a command with a head, n times what each says (with the number in place of %d), and a tail. %n is n, and
// %l is n-1.
type manyForm struct{ head, each, tail string }

// manyForms begin with empty servers each. Sets that are named many times are small, as Redis goes through all of them.
var manyForms = map[string][]manyForm{
	"strings": {
		{"mset", "k%d v%d", ""}, {"msetnx", "k%d v%d", ""}, {"mget", "k%d", ""}, {"exists", "k%d", ""},
		{"touch", "k%d", ""},
		{"debug digest-value", "k%d", ""}, {"bitop or d", "k%d", ""}, {"bitop and d", "none%d", "k1"},
		{"bitop xor d", "k1", ""}, {"del", "k%d", ""}, {"unlink", "k%d", "d"},
		{"msetnx", "k%d v%d", ""}, {"unlink", "k%d", ""}, {"mset", "same v%d", ""}, {"exists", "same", ""},
		{"mget", "same", ""}, {"del", "same", ""},
		{"bitfield b", "set u8 %d 1", ""}, {"bitfield b", "get u8 %d", ""}, {"bitfield_ro b", "get i5 #%d", ""},
		{"bitfield b", "overflow sat", "incrby u8 0 300"},
	},
	"lists": {
		{"rpush l", "%d", ""}, {"lpush l2", "x%d", ""}, {"rpushx l", "y%d", ""}, {"lpushx l2", "abcdefgh", ""},
		{"rpushx none", "%d", ""}, {"lpop l %n", "", ""}, {"rpop l2 %l", "", ""},
		{"lmpop 1 l right count %n", "", ""}, {"rpush k%l a b c d e f", "", ""}, {"blpop", "k%d", "0"},
		{"brpop", "k%d", "0"}, {"lmpop %n", "k%d", "left"}, {"blmpop 0 %n", "k%d", "right"},
		{"sort k%l alpha", "get #", ""}, {"sort k%l by nosort", "get w*", ""}, {"sort_ro k%l", "get h*->f", ""},
	},
	"sorts": { // weights of a kind that no two elements share, as Redis has such in any order
		{"rpush n", "%d -%d.25 %d%d 1%de3", ""}, {"sort n", "", ""}, {"sort n desc", "", ""}, {"sort n alpha", "", ""},
		{"sort n alpha desc limit 100 50", "", ""}, {"sort n limit 1000 10", "", ""},
		{"sort n desc store d", "", ""}, {"rpush w", "a:%d aaaaaaaaaaaaaaaaaaaaaaaa:%d %d: a", ""},
		{"sort w alpha", "", ""}, {"sort w alpha desc", "", ""}, {"sort w", "", ""},
		{"sort w alpha store d2", "", ""},
		{"sadd s", "%d", ""}, {"sort s desc", "", ""}, {"sort s alpha", "", ""}, {"zadd z", "1 %d", ""},
		{"sort z", "", ""}, {"mset", "weight:%d -%d0", ""}, {"sort s by weight:*", "", ""},
		{"sort s by weight:* get weight:* get # alpha", "", ""},
		{"sort z by weight:* desc limit 10 100 get weight:*", "", ""}, {"sort s by weight:* store d3", "", ""},
	},
	"sets": {
		{"sadd s", "m%d", ""}, {"smismember s", "m%d", ""}, {"sadd t 1 2 3 4 5 6 7 8 9", "", ""},
		{"sadd u 1 20 a", "", ""}, {"sinter", "t", ""}, {"sinter", "t", "u"}, {"sintercard %n", "t", ""},
		{"sunion", "t", ""}, {"sunion", "none%d", "t"}, {"sdiff t", "none%d", "u"}, {"sdiff", "t", ""},
		{"sinterstore d", "t", ""}, {"sunionstore d", "none%d", "s"}, {"sdiffstore d s", "u", ""},
		{"srandmember s -%n", "", ""}, {"srandmember s %l", "", ""}, {"srem s", "m%d", "x"}, {"sadd i", "%d", ""},
		{"smismember i", "%d", ""}, {"srem i", "%d", ""}, {"spop d %n", "", ""},
	},
	"sorted sets": {
		{"zadd z", "%d m%d", ""}, {"zadd z gt ch", "1 m%d", ""}, {"zmscore z", "m%d", ""},
		{"zadd t 1 a 2 b 3 c", "", ""}, {"zunionstore d %n", "none%d", ""}, {"zunionstore d %n", "t", ""},
		{"zunion %n", "t", "aggregate max withscores"}, {"zunion %n z", "none%d", ""}, {"zinter %n", "t", "withscores"},
		{"zinterstore d %n", "t", ""}, {"zintercard %n", "t", ""}, {"zdiff %n", "t", ""},
		{"zdiffstore d %n", "none%d", ""}, {"zdiff %n t", "none%d", ""}, {"zunionstore d 1 t", "weights 1", ""},
		{"zunionstore d 1 t", "aggregate min", ""},
		{"zrandmember z -%n", "", ""}, {"zadd k%l 1 a 2 b 3 c 4 d 5 e", "", ""}, {"bzpopmin", "k%d", "0"},
		{"bzpopmax", "k%d", "0"}, {"zmpop %n", "k%d", "min"}, {"bzmpop 0 %n", "k%d", "max"},
		{"zpopmin z 1000", "", ""}, {"zrem z", "m%d", "x"},
	},
	"places and HyperLogLogs": {
		{"geoadd g", "10.%d 20.%d m%d", ""},
		{"geoadd g xx ch", "10.5 20.5 m%d", ""},
		{"geopos g", "m%d", ""}, {"geohash g", "m%d", "none"}, {"geoadd g nx", "1 2 x", "1 2 y"},
		{"geosearch g fromlonlat 10 20 byradius 500 km", "asc", "count 100"},
		{"georadius g 10 20 500 km", "withdist", "count 100 desc"},
		{"geosearchstore d g fromlonlat 10 20 bybox 500 500 km", "desc", "count 1000"},
		{"pfadd h", "%d", ""}, {"pfadd h", "%d", "x"}, {"pfadd i", "%d", ""}, {"pfcount", "h", ""},
		{"pfcount", "h i none", ""}, {"pfmerge j", "h", "i"}, {"get j", "", ""},
		{"pfmerge i", "none", ""}, {"get i", "", ""},
	},
	"hashes": {
		{"hset h", "f%d v%d", ""}, {"hmset h", "f%d w%d", ""}, {"hmget h", "f%d", ""}, {"hrandfield h -%n", "", ""},
		{"hset g", "f v%d", ""}, {"hdel h", "f%d", "x"},
	},
	"others": {
		{"set a b", "nx%d", ""}, {"set a b", "keepttl", ""}, {"getex a", "persist", ""}, {"ping", "x%d", ""},
		{"select", "1", ""}, {"expire a 100", "nx", ""}, {"copy a b", "replace", ""},
		{"command info", "x%d", ""}, {"command getkeys mset", "k%d v", ""}, {"command getkeys del", "k%d", ""},
		{"command list", "filterby module x", ""},
		{"config get", "x%d", ""}, {"config get", "maxmemory", ""}, {"config set", "maxmemory-samples 5", ""},
		{"pubsub numsub", "c%d", ""}, {"pubsub shardnumsub", "c%d", ""},
		{"scan 0", "count 10", ""}, {"scan 0", "match a", ""}, {"zadd z", "nx", "1 a"},
		{"zrange z 0 1", "withscores", ""}, {"zrange z 0 1", "limit 0 1", ""}, {"rpush l b a", "", ""},
		{"sort l", "alpha", ""}, {"sort l alpha", "limit 0 1", ""}, {"sort l alpha", "by nosort", ""},
		{"lpos l a", "rank 1", ""}, {"lcs a a", "idx", ""}, {"restore r 0 x", "replace", ""},
		{"hello 9", "setname x", ""}, {"client list id", "1000000", ""}, {"client kill", "id 1000000", ""},
		{"latency reset", "x%d", ""}, {"memory usage none", "samples 1", ""},
		{"x", "%d", ""}, {"multi", "", ""}, {"mset", "k%d v", ""}, {"exec", "", ""},
	},
}

// watchForms make Redis go through all keys that are watched for each.
var watchForms = []manyForm{{"watch", "k%d", ""}, {"mset", "k%d v", ""}, {"watch", "k%d", ""}, {"unwatch", "", ""},
	{"watch", "k%d", ""}, {"multi", "", ""}, {"exec", "", ""}}

// mostWatched is how often forms are said that take Redis a time with the square of that.
const mostWatched = 5000

// manyArguments is how many times.
func manyArguments() int {
	if os.Getenv("COMPAT_HUGE") != "" {
		return 1_000_000
	}
	return 20_000
}

func (f manyForm) args(n int) []string {
	args := strings.Fields(strings.NewReplacer("%n", strconv.Itoa(n), "%l", strconv.Itoa(n-1)).Replace(f.head))
	each := strings.Fields(f.each)
	for i := 0; i < n && len(each) > 0; i++ {
		number := strconv.Itoa(i)
		for _, word := range each {
			args = append(args, strings.ReplaceAll(word, "%d", number))
		}
	}
	return append(args, strings.Fields(f.tail)...)
}

// slowly has a server answer a command for which it may take its time, and says how long that was.
func (c *conn) slowly(args []string) (r reply, took time.Duration, err error) {
	started := time.Now()
	if err := c.send(args); err != nil {
		return r, 0, err
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return r, 0, err
	}
	r, err = c.receive()
	return r, time.Since(started), err
}

// TestManyArguments has every command that takes any number of arguments take a million: 20,000 without COMPAT_HUGE.
func TestManyArguments(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	n := manyArguments()
	for _, form := range watchForms {
		p.agreeOnMany(t, form, mostWatched)
	}
	for name, forms := range manyForms {
		t.Run(name, func(t *testing.T) {
			if err := p.reset(); err != nil {
				t.Fatal(err)
			}
			for _, form := range forms {
				p.agreeOnMany(t, form, n)
			}
			p.agreeOnMany(t, manyForm{head: "debug digest"}, n)
		})
	}
	p.alive(t)
}

func (p *pair) agreeOnMany(t *testing.T, form manyForm, n int) {
	t.Helper()
	args := form.args(n)
	var replies [2]reply
	var took [2]time.Duration
	for i, server := range p.conns {
		var err error
		if replies[i], took[i], err = server[0].slowly(args); err != nil {
			t.Fatalf("%s with %d arguments, from %s: %v", form, len(args), [...]string{"redis", "holdfast"}[i], err)
		}
	}
	t.Logf("%v: redis %v, holdfast %v", form, took[0].Round(time.Millisecond), took[1].Round(time.Millisecond))
	if a, b := replies[0], replies[1]; !same(args[:min(2, len(args))], a, b) {
		t.Errorf("%v with %d arguments: redis %.200q, holdfast %.200q", form, len(args), a.raw, b.raw)
	}
}

// TestManyFields is TestManyArguments for the commands of fields that expire, which are younger than the Redis beside
// us.
func TestManyFields(t *testing.T) {
	c, err := dial(startHoldfast(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	n := manyArguments()
	for _, form := range []manyForm{
		{"hsetex h ex 1000 fields %n", "f%d v", ""}, {"hexpire h 1000 fields %n", "f%d", ""},
		{"hpexpire h 1000000 gt fields %n", "f%d", ""}, {"httl h fields %n", "f%d", ""},
		{"hpexpiretime h fields %n", "f%d", ""}, {"hgetex h px 1000000 fields %n", "f%d", ""},
		{"hpersist h fields %n", "f%d", ""}, {"hexpire h 1000 fields %n", "f1", ""},
		{"hgetdel h fields %n", "f%d", ""}, {"exists", "h", ""},
	} {
		r, took, err := c.slowly(form.args(n))
		if err != nil {
			t.Fatalf("%v: %v", form, err)
		}
		t.Logf("%v: %v", form, took.Round(time.Millisecond))
		if want := map[string]string{"hsetex": ":1", "exists": ":0"}[strings.Fields(form.head)[0]]; want != "" &&
			string(r.raw) != want+"\r\n" || want == "" && len(r.elems) != n {
			t.Errorf("%v: %.200q", form, r.raw)
		}
	}
}

// TestManyChannels subscribes to a million channels and patterns with one command, and leaves them.
func TestManyChannels(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	n := manyArguments()
	few := min(n, mostWatched) // of patterns: Redis goes through all for each
	for _, form := range []manyForm{
		{"subscribe", "c%d", ""}, {"psubscribe", "p%d*", ""}, {"unsubscribe", "c%d", ""}, {"punsubscribe", "p%d*", ""},
		{"ssubscribe", "s%d", ""}, {"sunsubscribe", "s%d", ""}, {"subscribe", "c", ""},
	} {
		n := n
		if strings.HasPrefix(form.head, "p") {
			n = few
		}
		args := form.args(n)
		var last [2]reply
		for i, server := range p.conns {
			started := time.Now()
			r, _, err := server[0].slowly(args)
			for k := range n - 1 {
				if err != nil {
					t.Fatalf("%v, from %s, message %d: %v", form, p.addr[i], k, err)
				}
				r, err = server[0].receive()
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%v: %s took %v", form, p.addr[i], time.Since(started).Round(time.Millisecond))
			last[i] = r
		}
		if string(last[0].raw) != string(last[1].raw) {
			t.Errorf("%v ends with: redis %q, holdfast %q", form, last[0].raw, last[1].raw)
		}
	}
	p.alive(t)
}
