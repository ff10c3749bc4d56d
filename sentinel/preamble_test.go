package sentinel

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/cluster"
)

func somebody(id, installation string) *identity {
	i := &identity{id: id}
	if installation != "" {
		i.firm.Store(&installation)
	}
	return i
}

// TestPreamble: a connection for Raft is one only if who accepts is who was meant, and of the same installation; both
// sides hear why not.
func TestPreamble(t *testing.T) {
	for _, c := range []struct {
		what           string
		dials, accepts *identity
		means          string
		refusal        string
		foreign        bool
	}{
		{"the one meant", somebody("a", "x"), somebody("b", "x"), "b", "", false},
		{"a new one", somebody("a", "x"), somebody("b", ""), "b", "", false},
		{"two new ones", somebody("a", ""), somebody("b", ""), "b", "", false},
		{"a successor of another id", somebody("a", "x"), somebody("c", ""), "b",
			"sentinel b is not here any more, this is sentinel c", false},
		{"another installation", somebody("a", "x"), somebody("b", "y"), "b", "of installation x, this is y", true},
		{"another installation and id", somebody("a", "x"), somebody("c", "y"), "b", "of installation x, this is y",
			true},
	} {
		near, far := net.Pipe()
		var told error
		accepted := &welcoming{Conn: far, check: c.accepts.check, refused: func(g greeting, why error) { told = why }}
		got := make(chan string, 1)
		go func() {
			text, err := io.ReadAll(accepted)
			if err != nil && c.refusal == "" {
				t.Errorf("%s: reading: %v", c.what, err)
			}
			got <- string(text)
		}()
		err := c.dials.introduce(near, c.means, time.Second)
		if err == nil {
			if _, err := near.Write([]byte("what follows")); err != nil {
				t.Error(err)
			}
		}
		_ = near.Close()
		text := <-got
		if c.refusal == "" {
			if err != nil || text != "what follows" || told != nil {
				t.Errorf("%s: %v, %q, %v", c.what, err, text, told)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.refusal) || told == nil ||
			!strings.Contains(told.Error(), c.refusal) || text != "" {
			t.Errorf("%s: dialing %v, accepting %v, read %q", c.what, err, told, text)
		}
		foreign := func(err error) bool { return errors.As(err, new(*cluster.ForeignError)) }
		if foreign(err) != c.foreign || foreign(told) != c.foreign {
			t.Errorf("%s: foreign to who dials %v, to who accepts %v", c.what, foreign(err), foreign(told))
		}
	}
}

// TestPreambleLevels: once the sentinels are of a feature level, one of an earlier version is not one of them,
// whichever side dials.
func TestPreambleLevels(t *testing.T) {
	of := func(id string, understands, agreed cluster.Level) *identity {
		i := somebody(id, "x")
		i.level = understands
		i.agreed.Store(int64(agreed))
		return i
	}
	for _, c := range []struct {
		what           string
		dials, accepts *identity
		refused        string // who is; empty: nobody
	}{
		{"both alike", of("a", 2, 2), of("b", 2, 2), ""},
		{"nothing later is in use", of("a", 2, 1), of("b", 0, 0), ""},
		{"one that knows of no levels yet", of("a", 0, 0), of("b", 2, 1), ""},
		{"it has not heard of the level yet", of("a", 3, 1), of("b", 3, 3), ""},
		{"an old one dials", of("a", 1, 1), of("b", 2, 2), "this sentinel"},
		{"an old one is dialed", of("a", 2, 2), of("b", 0, 0), "sentinel b"},
		{"an older one dials", of("a", 2, 2), of("b", 3, 3), "this sentinel"},
	} {
		near, far := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, &welcoming{Conn: far, level: c.accepts.level, check: c.accepts.check,
				refused: func(greeting, error) {}})
		}()
		err := c.dials.introduce(near, c.accepts.id, time.Second)
		if c.refused == "" && err != nil || c.refused != "" &&
			(err == nil || !strings.Contains(err.Error(), c.refused+" understands feature level")) {
			t.Errorf("%s: %v", c.what, err)
		}
		_ = near.Close()
	}
}

// TestPreambleGarbage: whoever sends something else than a greeting gets no further, and makes nobody hold much for it.
func TestPreambleGarbage(t *testing.T) {
	for _, text := range []string{"\xff\xff", "\x00\x02{}trailing", "\x00\x03{x}",
		"\x04\x01" + strings.Repeat(" ", 1025)} {
		near, far := net.Pipe()
		accepted := &welcoming{Conn: far, check: somebody("b", "x").check, refused: func(greeting, error) {}}
		go func() {
			_, _ = near.Write([]byte(text)) // it may be cut off
			_, _ = io.Copy(io.Discard, near)
		}()
		if n, err := accepted.Read(make([]byte, 16)); err == nil || n > 0 {
			t.Errorf("%q: %d bytes, %v", text, n, err)
		}
		_ = near.Close()
	}
}

// TestAddressBook: Raft is told where a sentinel is by its id; an address without one leads nowhere.
func TestAddressBook(t *testing.T) {
	b := &addressBook{self: "a", addr: "1.1.1.1:1"}
	if got, err := b.ServerAddr("a"); err != nil || got != "a@1.1.1.1:1" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := b.ServerAddr("b"); err == nil {
		t.Error("who is unknown has an address")
	}
	there := true
	b.use(func(id string) (string, bool) { return "2.2.2.2:2", id == "b" && there }, nil)
	got, err := b.ServerAddr("b")
	if id, addr := splitRaftAddress(got); err != nil || id != "b" || addr != "2.2.2.2:2" {
		t.Errorf("%s, %v", got, err)
	}
	there = false
	if again, err := b.ServerAddr("b"); err != nil || again != got {
		t.Errorf("where it was last: %s, %v", again, err)
	}
	if id, addr := splitRaftAddress("2.2.2.2:2"); id != "" || addr != "2.2.2.2:2" {
		t.Errorf("%s at %s", id, addr)
	}
}
