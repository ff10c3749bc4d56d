package resp

import (
	"fmt"
	"strings"
	"testing"
)

// TestShortNamesFindWhatTheMapFinds compares the two ways to a command, with names that fall together when a bit is
// set.
func TestShortNamesFindWhatTheMapFinds(t *testing.T) {
	run := func(struct{}, [][]byte, *Writer) error { return nil }
	names := []string{"a", "ab", "abb", "abc", "abcd", "abcde", "abcdbcde", "abcdefgh", "abcdefghi", "get", "set",
		"x_y", "x1", "sort-ro"}
	rows := make([]Command[struct{}], 0, len(names)+300)
	for i := range 300 {
		names = append(names, strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%05d", i)))
	}
	for _, name := range names {
		rows = append(rows, Command[struct{}]{Name: name, Arity: -1, Group: "string", Run: run})
	}
	table := NewTable(rows)
	for _, name := range names {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if c, err := table.Lookup([][]byte{[]byte(spelling)}); err != nil || c.Name != name {
				t.Errorf("%q is not found: %v", spelling, err)
			}
		}
		for i := range len(name) {
			for _, bit := range []byte{0x20, 0x40, 0x80} {
				other := []byte(name)
				other[i] ^= bit
				c, _ := table.Lookup([][]byte{other})
				if known := table.byName[strings.ToLower(string(other))]; c != known {
					t.Errorf("%q finds %v", other, c)
				}
			}
		}
	}
}

func TestPlacesAreDense(t *testing.T) {
	run := func(struct{}, [][]byte, *Writer) error { return nil }
	row := func(name string, sub ...Command[struct{}]) Command[struct{}] {
		return Command[struct{}]{Name: name, Arity: -1, Group: "server", Run: run, Sub: sub}
	}
	table := NewTable([]Command[struct{}]{row("a"), row("b", row("c"), row("d")), row("e")})
	var places []int
	for _, c := range table.Commands() {
		places = append(places, c.Place())
		for i := range c.Sub {
			places = append(places, c.Sub[i].Place())
		}
	}
	for want, got := range places {
		if got != want {
			t.Fatalf("places are %v", places)
		}
	}
	if len(places) != table.Len() {
		t.Fatalf("%d places, %d commands", len(places), table.Len())
	}
	if c, err := table.Lookup([][]byte{[]byte("b"), []byte("d")}); err != nil || c.Place() != 3 {
		t.Fatalf("b|d is found at another place: %v", err)
	}
}
