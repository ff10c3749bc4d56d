package migrate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"holdfast/node/rdb"
	"holdfast/resp"
)

// fake answers OK to everything but what says "refuse", and keeps what it was sent.
type fake struct {
	got  []string
	done chan struct{}
}

func (f *fake) serve(conn net.Conn) {
	defer close(f.done)
	var p resp.Parser
	for {
		n, err := conn.Read(p.Space(1 << 10))
		p.Fill(n)
		for {
			args, e := p.Next()
			if e != nil || args == nil {
				break
			}
			line := ""
			for _, a := range args {
				line += " " + string(a)
			}
			f.got = append(f.got, line[1:])
			reply := "+OK\r\n"
			if strings.Contains(line, "refuse") {
				reply = "-OOM no memory\r\n"
			}
			if _, e := conn.Write([]byte(reply)); e != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func newFake(t *testing.T, only int) (*fake, *Import) {
	t.Helper()
	ours, theirs := net.Pipe()
	f := &fake{done: make(chan struct{})}
	go f.serve(theirs)
	p := new(Progress)
	to, err := NewTarget(context.Background(), resp.NewClient(ours), p)
	if err != nil {
		t.Fatal(err)
	}
	return f, &Import{To: to, Only: only, Progress: p}
}

func TestCommandsOfAStream(t *testing.T) {
	stream := []string{"select 0", "set a 1", "ping", "select 3", "set b 2", "multi", "incr b", "select 0", "incr a", "exec", "flushdb", "flushall"}
	tests := []struct {
		only int
		want []string
	}{
		{AllDatabases, []string{"set a 1", "SELECT 3", "set b 2", "multi", "incr b", "SELECT 0", "incr a", "exec", "flushdb", "flushall"}},
		{0, []string{"set a 1", "multi", "incr a", "exec", "flushdb", "FLUSHDB"}},
		{3, []string{"SELECT 3", "set b 2", "multi", "incr b", "exec", "FLUSHDB"}},
	}
	for _, test := range tests {
		f, im := newFake(t, test.only)
		for _, line := range stream {
			if err := im.command(args(line)); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
		if err := errors.Join(im.To.flush(), im.To.Close()); err != nil {
			t.Fatal(err)
		}
		<-f.done
		if !slices.Equal(f.got[1:], test.want) {
			t.Errorf("database %d: %q instead of %q", test.only, f.got[1:], test.want)
		}
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
		_, im := newFake(t, 0)
		if err := im.command(args(line)); err == nil {
			t.Errorf("%s was passed on", line)
		}
		if err := im.To.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestErrorsNameWhatWasRefused(t *testing.T) {
	f, im := newFake(t, AllDatabases)
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
