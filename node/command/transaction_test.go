package command

import (
	"strconv"
	"strings"
	"testing"
)

func TestTransaction(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{`exec`, `-ERR EXEC without MULTI`},
		{`discard`, `-ERR DISCARD without MULTI`},
		{`multi`, `+OK`},
		{`multi`, `-ERR MULTI calls can not be nested`},
		{`watch k`, `-ERR WATCH inside MULTI is not allowed`},
		{`set k 1`, `+QUEUED`},
		{`incr k`, `+QUEUED`},
		{`set k x ex 0`, `+QUEUED`},
		{`get k`, `+QUEUED`},
		{`exec`, `[+OK :2 -ERR invalid expire time in 'set' command "2"]`},
		{`multi`, `+OK`},
		{`set k 3`, `+QUEUED`},
		{`discard`, `+OK`},
		{`get k`, `"2"`},
		{`multi`, `+OK`},
		{`nonsense`, "-ERR unknown command 'nonsense', with args beginning with: "},
		{`set k 3`, `+QUEUED`},
		{`exec`, `-EXECABORT Transaction discarded because of previous errors.`},
		{`get k`, `"2"`},
		{`multi`, `+OK`},
		{`select 3`, `+QUEUED`},
		{`set k 5`, `+QUEUED`},
		{`exec`, `[+OK +OK]`},
		{`get k`, `"5"`},
		{`select 0`, `+OK`},
		{`multi`, `+OK`},
		{`exec`, `[]`},
	})
}

func TestTransactionEffects(t *testing.T) {
	e := newTestEnv(t)
	for _, command := range []string{`multi`, `incr a`, `get a`, `select 2`, `setex b 1 v`, `exec`} {
		e.do(words(t, command)...)
	}
	want := "SELECT 0\nMULTI\nincr a\nSELECT 2\nSET b v PXAT 1700000001000\nEXEC"
	if got := e.effects(); got != want {
		t.Errorf("effects\n%s\nwant\n%s", got, want)
	}
}

func TestQueueCopies(t *testing.T) {
	e := newTestEnv(t)
	e.do("multi")
	args := byteArgs([]string{"set", "key", "value"})
	e.c.Now = e.now
	e.Execute(e.c, args)
	e.c.S.W.Buf = nil
	for _, a := range args {
		copy(a, "#####") // the read buffer is used again
	}
	e.run([]step{{`exec`, `[+OK]`}, {`get key`, `"value"`}})
}

// The store tells of a flush with no key, which is not the empty one.
func TestWatchEmptyKey(t *testing.T) {
	e := newTestEnv(t)
	e.do("set", "k", "v")
	e.do("watch", "")
	e.doAs(e.client(), "flushall")
	e.run([]step{{`multi`, `+OK`}, {`exec`, `[]`}})
	e.do("watch", "")
	e.doAs(e.client(), "set", "", "v")
	e.run([]step{{`multi`, `+OK`}, {`exec`, `nil`}})
}

// Each case watches k, has another client do something, and says whether EXEC fails.
func TestWatch(t *testing.T) {
	for _, tc := range []struct {
		before, during string
		fails          bool
	}{
		{``, ``, false},
		{``, `set k v`, true},
		{``, `set other v`, false},
		{`set k v`, `del k`, true},
		{`set k v`, `get k`, false},
		{`set k v`, `expire k 100`, true},
		{`set k v`, `setrange k 0 x`, true},
		{`set k v`, `append k x`, true},
		{`set k v`, `rename k l`, true},
		{`set k v`, `flushdb`, true},
		{`set k v`, `flushall`, true},
		{``, `flushall`, false},
		{`set k v`, `swapdb 0 1`, true},
		{`set k v`, `swapdb 0 0`, false},
		{``, `swapdb 0 1`, false},
		{`set k v`, `swapdb 2 3`, false},
		{`set k v`, `persist k`, false},
	} {
		e := newTestEnv(t)
		other := e.client()
		if tc.before != "" {
			e.do(words(t, tc.before)...)
		}
		e.do("watch", "k", "k")
		e.do("multi")
		e.do("set", "done", "1")
		if tc.during != "" {
			e.doAs(other, words(t, tc.during)...)
		}
		want := "[+OK]"
		if tc.fails {
			want = "nil"
		}
		if got := e.do("exec"); got != want {
			t.Errorf("%s, watch, %s: EXEC %s, want %s", tc.before, tc.during, got, want)
		}
		if len(e.watchers) != 0 || e.c.S.DirtyCAS || e.c.S.Tx != nil {
			t.Errorf("%s, watch, %s: something is left behind", tc.before, tc.during)
		}
	}
}

func TestWatchExpiry(t *testing.T) {
	e := newTestEnv(t)
	e.do("set", "k", "v", "px", "10")
	e.do("watch", "k")
	e.now += 11
	e.run([]step{{`multi`, `+OK`}, {`dbsize`, `+QUEUED`}, {`exec`, `nil`}})

	// A key that had expired when it was watched may be deleted.
	e.do("watch", "k")
	e.doAs(e.client(), "get", "k")
	e.run([]step{{`dbsize`, `:0`}, {`multi`, `+OK`}, {`dbsize`, `+QUEUED`}, {`exec`, `[:0]`}})

	e.do("set", "k", "v", "px", "10")
	e.now += 11
	e.do("watch", "k")
	e.doAs(e.client(), "flushall")
	e.run([]step{{`multi`, `+OK`}, {`dbsize`, `+QUEUED`}, {`exec`, `[:0]`}})

	e.do("watch", "k")
	e.doAs(e.client(), "set", "k", "v")
	e.run([]step{{`unwatch`, `+OK`}, {`multi`, `+OK`}, {`dbsize`, `+QUEUED`}, {`exec`, `[:1]`}})

	// An expired key comes from the other database: nothing that a client could see has changed.
	e.do("flushall")
	e.do("select", "1")
	e.do("set", "k", "v", "px", "10")
	e.do("select", "0")
	e.now += 11
	e.do("watch", "k")
	e.doAs(e.client(), "swapdb", "0", "1")
	e.run([]step{{`multi`, `+OK`}, {`dbsize`, `+QUEUED`}, {`exec`, `[:1]`}})
}

// Fields of a watched hash that expire are a change; that those go which had expired before is none.
func TestWatchFieldExpiry(t *testing.T) {
	for _, many := range []bool{false, true} { // in both encodings
		for _, tc := range []struct {
			name   string
			before string // of WATCH, with the time passing by 11 ms behind it
			during string // by somebody else, after as many
			fails  bool
		}{
			{"a field expires", "", "", true},
			{"it is read meanwhile", "", "hget h f", true},
			{"it is swept meanwhile", "", "sweep", true},
			{"it stays", "hpersist h fields 1 f", "hget h f", false},
			{"it had expired", "wait", "", false},
			{"it had expired, and is deleted now", "wait", "hget h f", false},
			{"it had expired, and is swept now", "wait", "sweep", false},
			{"it had expired, and is changed now", "wait", "hset h f 1", true},
			{"one had expired, another does now", "hpexpire h 15 fields 1 g|wait", "", true},
			{"one had expired, another does now and is swept", "hpexpire h 15 fields 1 g|wait", "sweep", true},
			{"one had expired, another will", "hpexpire h 1000 fields 1 g|wait", "hget h f", false},
		} {
			e := newTestEnv(t)
			e.do("hset", "h", "f", "1", "g", "2", "stays", "3")
			if many {
				for i := range 600 {
					e.do("hset", "h", strconv.Itoa(i), "x")
				}
			}
			e.do("hpexpire", "h", "10", "fields", "1", "f")
			for command := range strings.SplitSeq(tc.before, "|") {
				switch command {
				case "":
				case "wait":
					e.now += 11
				default:
					e.do(words(t, command)...)
				}
			}
			e.run([]step{{`watch h`, `+OK`}})
			e.now += 11
			switch tc.during {
			case "":
			case "sweep":
				e.ExpireSweep(0, e.now, 100)
			default:
				e.doAs(e.client(), words(t, tc.during)...)
			}
			want := "[:4]"
			if tc.fails {
				want = "nil"
			}
			e.run([]step{{`multi`, `+OK`}, {`hincrby h stays 1`, `+QUEUED`}})
			if got := e.do("exec"); got != want {
				t.Errorf("%s (many fields: %v): EXEC %s, want %s", tc.name, many, got, want)
			}
		}
	}
}
