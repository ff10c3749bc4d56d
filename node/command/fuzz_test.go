package command

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast/node/member"
	"holdfast/node/persist"
	"holdfast/resp"
)

// fuzzNode agrees to everything and does nothing.
type fuzzNode struct{ *placeNode }

func (n fuzzNode) Rewrite(bool, bool) (bool, error)                { return false, nil }
func (n fuzzNode) ReloadLog(func() func(), func(error)) error      { return nil }
func (n fuzzNode) Reload(persist.ReloadOptions) error              { return nil }
func (n fuzzNode) ChangeReplicationID() error                      { return nil }
func (n fuzzNode) KillReplicas(func(member.ReplicaState) bool) int { return 0 }
func (n fuzzNode) MasterAddr() (string, int)                       { return "", 0 }
func (n fuzzNode) Pause(time.Time, bool)                           {} // else nothing would run any more

// fuzzValues are arguments that have been trouble somewhere: for numbers, times, ranges, patterns and names.
var fuzzValues = []string{
	"", "a", "b", "c", "0", "1", "-1", "2", "3", "10", "100", "-100", "127", "128", "255", "65536", "2147483647",
	"-2147483649", "4294967295", "4294967296",
	"9223372036854775807", "-9223372036854775808", "-9223372036854775807", "9223372036854775808",
	"18446744073709551615", "18446744073709551616",
	"1.5", "-0", "0.0", "1e308", "1e400", "-1e400", "nan", "inf", "-inf", "+inf", "0x10", " 1", "1 ", "3.0e-324", "(1",
	"[a", "(c", "-", "+", "(inf", "(nan", "#", "#1",
	"*", "?", "[", "[^", "[a-", "\\", "a*b", "*->a", "k*", "h*->f", "\xff\xfe", "\x00", "\r\n", strings.Repeat("x", 70),
	strings.Repeat("y", 300),
	"i64", "u63", "i1", "u64", "1099511627776", "5000000000", "9223372036854775", "-9223372036854775",
	"9223370336854775807", "f", "listpack", "$-1\r\n",
}

var fuzzKeys = []string{"k1", "k2", "k3", "s", "l", "h", "z", "i", "", "\x00\xff"}

// fuzzSource makes commands of bytes.
type fuzzSource struct {
	data []byte
	rows []*Command
}

func (f *fuzzSource) next() int {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return int(b)
}

// allRows are a table's commands, and their subcommands in place of those that have some.
func allRows(t *resp.Table[*Context]) (list []*Command) {
	for _, c := range t.Commands() {
		if len(c.Sub) == 0 {
			list = append(list, c)
		}
		for i := range c.Sub {
			list = append(list, &c.Sub[i])
		}
	}
	return list
}

// command follows the syntax of some row, mostly.
func (f *fuzzSource) command() []string {
	row := f.rows[(f.next()<<8|f.next())%len(f.rows)]
	args := strings.Split(row.FullName(), "|")
	for _, word := range strings.FieldsFunc(row.Syntax,
		func(r rune) bool { return strings.ContainsRune(" []<>|.()", r) }) {
		for how := f.next(); ; how = f.next() {
			if how >= 40 {
				args = append(args, f.word(word, how))
			}
			if how < 230 { // else once more
				break
			}
		}
	}
	return args
}

func (f *fuzzSource) word(word string, how int) string {
	switch {
	case how < 50:
		n := min(f.next(), len(f.data))
		raw := f.data[:n]
		f.data = f.data[n:]
		return string(raw)
	case how < 60:
		return fuzzKeys[f.next()%len(fuzzKeys)]
	case how < 80:
		return fuzzValues[f.next()%len(fuzzValues)]
	case strings.ToUpper(word) == word:
		return word
	case word == "key" || word == "source" || word == "destination" || word == "newkey":
		return fuzzKeys[f.next()%len(fuzzKeys)]
	case word == "numkeys":
		return "1"
	}
	return fuzzValues[f.next()%len(fuzzValues)]
}

// tooLong names what is meant to take as long as it is told to, and what has the runtime collect its garbage.
func tooLong(args []string) bool {
	switch line := strings.ToLower(strings.Join(args, " ")); {
	case strings.HasPrefix(line, "debug sleep"), strings.HasPrefix(line, "debug populate"), line == "memory purge":
		return true
	}
	return false
}

// FuzzCommands runs whole commands: whatever they say, they are answered, and the store stays sound.
func FuzzCommands(f *testing.F) {
	f.Add([]byte("any bytes will do, each of them chooses something"))
	f.Add([]byte("\x00\x10aaaa\x01\x11bbbb\x00\x20cccccccccccc\x00\x30dddddddd"))
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		long := make([]byte, 2000)
		for i := range long {
			long[i] = byte(rng.Uint32())
		}
		f.Add(long)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4000 {
			return
		}
		e, n := newPlacedEnv(t)
		e.Env.Replication, e.Env.Persist = fuzzNode{n}, fuzzNode{n}
		e.Host = host{e.Env.Replication, e.Env}
		e.run([]step{
			{"config set proto-max-bulk-len 1mb set-max-intset-entries 4 zset-max-listpack-entries 4 " +
				"hash-max-listpack-entries 4 list-max-listpack-size 3", "+OK"},
			{"set s value", "+OK"}, {"set i 7", "+OK"}, {"rpush l a b 3 4 5", ":5"},
			{"hset h f 1 g 2 a 3 b 4 c 5", ":5"}, {"zadd z 1 a 2 b 3 c 4 d 5 f", ":5"}, {"sadd k1 1 2 3", ":3"},
			{"sadd k2 a b c 1", ":4"},
		})
		src := &fuzzSource{data: data, rows: allRows(e.table)}
		c := e.client()
		for len(src.data) > 0 {
			args := src.command()
			if tooLong(args) {
				continue
			}
			e.runFuzzed(c, args)
			if closing, _ := c.S.Closing(); closing || c.S.Blocked() != nil || c.S.Aborted() || c.S.Hijacked() != nil ||
				c.S.Monitor {
				e.Forget(c.S)
				e.Clients.Remove(c.S)
				c = e.client()
			}
		}
	})
}

// runFuzzed runs a command and what comes of it. A wait of another client may end by itself meanwhile.
func (e *testEnv) runFuzzed(c *Context, args []string) {
	e.Engine.Lock()
	defer e.Engine.Unlock()
	c.Now = e.now
	e.now += 7
	e.Execute(c, byteArgs(args))
	renderAll(e.t, c.S.W.Tail(0)) // a long reply is in pieces
	for e.Ready() {
		e.ServeNext(e.now)
	}
	e.Effects.Flush(func([]byte) {})
	if err := e.Store.Check(); err != nil {
		e.t.Fatalf("%q: %v", args, err)
	}
	c.S.W.Truncate(0)
}
