package migrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/node/rdb"
	"holdfast/resp"
)

// fake is a server with 16 databases that answers OK to everything but what refuse has an answer to, and keeps what it
// was sent and what it has executed, with the database.
type fake struct {
	refuse func(line string) string // an error reply, or "close"

	got      []string
	executed []string
	db       int
	queue    []string // of a transaction
	multi    bool
	bad      bool // a command of it was refused
	done     chan struct{}
}

func (f *fake) serve(conn net.Conn) {
	defer close(f.done)
	defer conn.Close()
	var p resp.Parser
	for {
		n, err := conn.Read(p.Space(1 << 10))
		p.Fill(n)
		for {
			args, e := p.Next()
			if e != nil || args == nil {
				break
			}
			line := string(bytes.Join(args, []byte(" ")))
			f.got = append(f.got, line)
			reply := f.answer(line)
			if reply == "close" {
				return
			}
			if _, e := conn.Write([]byte(reply + "\r\n")); e != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (f *fake) answer(line string) string {
	if r := f.refuse(line); r != "" {
		f.bad = f.multi
		return r
	}
	switch {
	case line == "MULTI":
		f.multi, f.bad, f.queue = true, false, nil
		return "+OK"
	case line == "EXEC" && !f.multi:
		return "-ERR EXEC without MULTI"
	case line == "EXEC" && f.bad:
		f.multi = false
		return "-EXECABORT Transaction discarded because of previous errors."
	case line == "EXEC":
		f.multi = false
		reply := fmt.Sprintf("*%d", len(f.queue))
		for _, l := range f.queue {
			reply += "\r\n" + f.execute(l)
		}
		return reply
	case f.multi:
		f.queue = append(f.queue, line)
		return "+QUEUED"
	}
	return f.execute(line)
}

func (f *fake) execute(line string) string {
	if db, ok := strings.CutPrefix(line, "SELECT "); ok {
		n, _ := strconv.Atoi(db)
		if n >= 16 {
			return "-ERR DB index is out of range"
		}
		f.db = n
		return "+OK"
	}
	if strings.Contains(line, "fails") {
		return "-WRONGTYPE Operation against a key holding the wrong kind of value"
	}
	f.executed = append(f.executed, fmt.Sprint(f.db, " ", line))
	return "+OK"
}

func newFake(t *testing.T, only int, refuse func(string) string) (*fake, *Import) {
	t.Helper()
	ours, theirs := net.Pipe()
	f := &fake{done: make(chan struct{}), refuse: func(string) string { return "" }}
	go f.serve(theirs)
	p := new(Progress)
	to, err := NewTarget(context.Background(), resp.NewClient(ours), p)
	if err != nil {
		t.Fatal(err)
	}
	if to.databases != 16 {
		t.Errorf("the target has %d databases", to.databases)
	}
	f.got, f.executed = nil, nil
	if refuse != nil {
		f.refuse = refuse
	}
	return f, &Import{To: to, Only: only, Progress: p}
}

func TestCommandsOfAStream(t *testing.T) {
	stream := []string{"select 0", "set a 1", "ping", "select 3", "set b 2", "multi", "incr b", "select 0", "incr a",
		"exec", "flushdb", "flushall"}
	tests := []struct {
		only int
		want []string
	}{
		{AllDatabases, []string{"MULTI", "set a 1", "SELECT 3", "set b 2", "incr b", "SELECT 0", "incr a", "flushdb",
			"flushall", "EXEC"}},
		{0, []string{"MULTI", "set a 1", "incr a", "flushdb", "FLUSHDB", "EXEC"}},
		{3, []string{"SELECT 3", "MULTI", "set b 2", "incr b", "FLUSHDB", "EXEC"}},
	}
	for _, test := range tests {
		f, im := newFake(t, test.only, nil)
		for _, line := range stream {
			if err := im.command(args(line)); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		if err := errors.Join(im.To.settle(), im.To.Close()); err != nil {
			t.Fatal(err)
		}
		<-f.done
		if !slices.Equal(f.got, test.want) {
			t.Errorf("database %d: %q instead of %q", test.only, f.got, test.want)
		}
	}
}

// TestNothingFollowsARefusal: of what rests on a command that the target refuses, for whatever reason, nothing is
// executed.
func TestNothingFollowsARefusal(t *testing.T) {
	is := func(prefix, reply string) func(string) string {
		return func(line string) string {
			if strings.HasPrefix(line, prefix) {
				return reply
			}
			return ""
		}
	}
	const before = "set before 1|"
	for _, test := range []struct {
		stream string
		refuse func(string) string
		want   []string // that the target may have executed
		err    string
	}{
		{before + "select 20|set k 20|flushdb|select 0|set after 1", nil, nil,
			"the target has no database 20, only 16"},
		{before + "multi|set in 1|select 20|set in 20|exec|set after 1", nil, nil,
			"the target has no database 20, only 16"},
		{before + "swapdb 0 20|flushdb", nil, nil, "no database 20"},
		{before + "SWAPDB 16 1|flushdb", nil, nil, "no database 16"},
		{before + "move before 31|flushdb", nil, nil, "no database 31"},
		{before + "copy before k replace DB 16|del before", nil, nil, "no database 16"},
		{"select 2|set k 2|set l 2", is("SELECT", "-NOPERM this user has no permissions to run the 'select' command"),
			nil, "NOPERM"},
		{before + "select 2|set k 2|set l 2", is("SELECT", "-BUSY Redis is busy"), nil, "BUSY"},
		{before + "set k 2", is("MULTI", "-NOPERM this user has no permissions to run the 'multi' command"), nil,
			"NOPERM"},
		{before + "set k refuse|rename k l|del before", is("set k refuse", "-OOM command not allowed when used "+
			"memory > 'maxmemory'."), nil, "set \"k\" in database 0: OOM"},
		{before + "multi|set k refuse|set l 1|exec|del before",
			is("set k refuse", "-READONLY You can't write against a read only replica."), nil, "READONLY"},
		{before + "set k 1|set l 1", is("set", "-NOAUTH Authentication required."), nil, "NOAUTH"},
		{before + "set k 1|set l 1", is("EXEC", "-NOREPLICAS Not enough good replicas to write."), nil, "NOREPLICAS"},
		{before + "set k 1|set l 1", is("set k", "close"), nil, "no answer to set \"k\" in database 0"},
		{before + "incr fails|set l 1", nil, []string{"0 set before 1", "0 set l 1"},
			"incr \"fails\" in database 0: WRONGTYPE"},
	} {
		f, im := newFake(t, AllDatabases, test.refuse)
		var err error
		for _, line := range strings.Split(test.stream, "|") {
			if err = im.command(args(line)); err != nil {
				break
			}
		}
		if err == nil {
			err = im.To.settle()
		}
		_ = im.To.Close()
		<-f.done
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: the error is %v, want %s", test.stream, err, test.err)
		}
		if !slices.Equal(f.executed, test.want) {
			t.Errorf("%s: executed %q, want %q", test.stream, f.executed, test.want)
		}
	}
}

// TestKeysOfARefusedDatabase: keys of a snapshot are not put into the database that was selected before.
func TestKeysOfARefusedDatabase(t *testing.T) {
	for _, refuse := range []func(string) string{nil, func(line string) string {
		if line == "SELECT 3" {
			return "-NOPERM this user has no permissions to run the 'select' command"
		}
		return ""
	}} {
		f, im := newFake(t, AllDatabases, refuse)
		var err error
		for _, db := range []int{0, 0, 3, 3, 20, 20} {
			e := rdb.NewEntry([]byte("key"), fmt.Append(nil, db))
			if e.DB = db; err == nil {
				err = im.To.restore(e, true)
			}
		}
		if err == nil {
			t.Error("no error")
		}
		_ = im.To.Close()
		<-f.done
		var dbs string
		for _, line := range f.executed {
			dbs += line[:1]
		}
		if want := map[bool]string{true: "0033", false: "00"}[refuse == nil]; dbs != want && dbs != "00" {
			t.Errorf("executed in the databases %s: %q", dbs, f.executed)
		}
	}
}

// TestLongTransactionsStayWhole: what is sent is cut into transactions, but never within one of the source's.
func TestLongTransactionsStayWhole(t *testing.T) {
	f, im := newFake(t, AllDatabases, nil)
	for i := range 2 * transactionCommands {
		if err := im.command(args(fmt.Sprint("set before ", i))); err != nil {
			t.Fatal(err)
		}
	}
	lines := []string{"multi"}
	for i := range 3 * transactionCommands {
		lines = append(lines, fmt.Sprint("set k ", i))
	}
	for _, line := range append(lines, "exec", "set after 1") {
		if err := im.command(args(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(im.To.settle(), im.To.Close()); err != nil {
		t.Fatal(err)
	}
	<-f.done
	var long []int
	n := 0
	for _, line := range f.got {
		switch line {
		case "MULTI":
			n = 0
		case "EXEC":
			long = append(long, n)
		default:
			n++
		}
	}
	if want := []int{transactionCommands, transactionCommands, 3*transactionCommands + 1}; !slices.Equal(long, want) {
		t.Errorf("transactions of %d commands, want %d", long, want)
	}
}

func args(line string) (all [][]byte) {
	for _, w := range strings.Fields(line) {
		all = append(all, []byte(w))
	}
	return all
}

func TestMovingBetweenDatabasesEndsAnImportOfOne(t *testing.T) {
	for _, line := range []string{"SWAPDB 0 1", "MOVE key 1", "COPY a b DB 1", "select x"} {
		_, im := newFake(t, 0, nil)
		if err := im.command(args(line)); err == nil {
			t.Errorf("%s was passed on", line)
		}
		if err := im.To.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErrorsNameWhatWasRefused(t *testing.T) {
	f, im := newFake(t, AllDatabases, func(line string) string {
		if strings.Contains(line, "refuse") {
			return "-OOM no memory"
		}
		return ""
	})
	for i := range 10 * batchCommands {
		e := rdb.NewEntry(fmt.Append(nil, "key:", i), []byte("value"))
		if i == 5000 {
			e.DB, e.Key = 2, []byte("refuse me\xff")
		}
		if err := im.To.restore(e, false); err != nil {
			break
		}
	}
	err := im.To.flush()
	want := `the target refuses the key "refuse me\xff" of database 2: OOM no memory`
	if err == nil || err.Error() != want {
		t.Errorf("the error is %v instead of %s", err, want)
	}
	if err := im.To.Close(); err != nil {
		t.Fatal(err)
	}
	<-f.done
	if n := len(f.got); n > (batchesAhead+3)*batchCommands {
		t.Errorf("%d commands were sent though one had failed", n)
	}
}
