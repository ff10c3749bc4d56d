package command

import (
	"errors"
	"testing"

	"holdfast/resp"
)

// TestLevel: a command of a later feature level runs only where the group is of it, and what it writes is noted before
// it is written.
func TestLevel(t *testing.T) {
	e := newTestEnv(t)
	later := []Command{
		{Name: "later", Arity: 2, Level: 3, Flags: resp.Write | resp.Fast, Group: "string", Since: "1.0.0",
			Summary: "-", Syntax: "key",
			Run: func(c *Context, args [][]byte, w *resp.Writer) error { c.Dirty++; w.OK(); return nil }},
		{Name: "readlater", Arity: 1, Level: 3, Flags: resp.ReadOnly, Group: "string", Since: "1.0.0", Summary: "-",
			Run: func(_ *Context, _ [][]byte, w *resp.Writer) error { w.OK(); return nil }},
	}
	e.table = resp.NewTable(Rows(), later)
	level, noted, failing := 2, []int{}, errors.New("disk full")
	e.level = func() int { return level }
	e.need = func(l int) error { noted = append(noted, l); return failing }
	expect := func(want string, args ...string) {
		t.Helper()
		if got := e.do(args...); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
	const tooNew = "' needs feature level 3, and this group is of level 2: holdfast status says who holds it back"
	expect("-ERR 'later"+tooNew, "LATER", "k")
	expect("-ERR 'readlater"+tooNew, "READLATER")
	expect("+OK", "MULTI")
	expect("-ERR 'later"+tooNew, "LATER", "k")
	expect("-EXECABORT Transaction discarded because of previous errors.", "EXEC")
	level = 3
	expect("+OK", "READLATER")
	expect("+OK", "MULTI")
	expect("+QUEUED", "LATER", "k")
	level = 2
	if got := e.do("EXEC"); got == "*1 +OK" || len(noted) > 0 {
		t.Errorf("a transaction ran what the group does not understand any more: %s, %v", got, noted)
	}
	e.do("DISCARD")
	level = 3
	expect("-ERR it can't be noted that the data need a newer version: disk full", "LATER", "k")
	if got := e.effects(); got != "" {
		t.Errorf("written all the same: %q", got)
	}
	failing = nil
	expect("+OK", "LATER", "k")
	if got := e.effects(); got != "SELECT 0\nLATER k" {
		t.Errorf("effects %q", got)
	}
	expect("+OK", "LATER", "k")
	if len(noted) != 2 {
		t.Errorf("noted %v", noted)
	}

	replica := newTestEnv(t)
	replica.table = e.table
	told := 0
	replica.need = func(l int) error { told = l; return nil }
	if replica.apply("LATER", "k"); told != 3 {
		t.Errorf("a replica noted %d", told)
	}
}
