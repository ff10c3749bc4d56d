package command

import "testing"

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
