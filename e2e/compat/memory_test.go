package compat

import (
	"slices"
	"strings"
	"testing"
)

// TestOutOfMemory compares what every command on keys answers while memory is short and nothing can be evicted: alone,
// queued, and in a transaction that was queued before.
func TestOutOfMemory(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	run := func(client int, args ...string) {
		t.Helper()
		if err := p.step(op{client: client, args: args}); err != nil {
			t.Error(err)
		}
	}
	commands := keyCommands(t, p)
	run(1, "SET", "k", "v")
	for _, c := range commands {
		run(1, "CONFIG", "SET", "maxmemory", "0")
		run(0, "MULTI")
		run(0, c...)
		run(1, "CONFIG", "SET", "maxmemory", "1")
		run(0, "EXEC")
		run(0, c...)
		run(0, "MULTI")
		run(0, c...)
		run(0, "EXEC")
	}
	for _, name := range []string{"MULTI", "WATCH k", "DISCARD", "RESET", "PING", "INFO nothing", "PUBLISH c m",
		"SUBSCRIBE c"} {
		run(0, "MULTI")
		run(0, strings.Fields(name)...)
		run(0, "RESET")
	}
}

// keyCommands is every command on keys that both servers have, with as many arguments as it needs.
func keyCommands(t *testing.T, p *pair) (commands [][]string) {
	t.Helper()
	list, err := p.conns[1][0].do("COMMAND", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sortedTexts(list.elems) {
		info, err := p.conns[0][0].do("COMMAND", "INFO", name)
		if err != nil {
			t.Fatal(err)
		}
		if len(info.elems) != 1 || len(info.elems[0].elems) < 3 || slices.Contains(newer, name) {
			continue
		}
		row := info.elems[0].elems
		flags := sortedTexts(row[2].elems)
		if !slices.Contains(flags, "write") && !slices.Contains(flags, "readonly") {
			continue
		}
		args := []string{name}
		for range wordCount(row[1].text) - 1 {
			args = append(args, "k")
		}
		commands = append(commands, args)
	}
	if len(commands) < 50 {
		t.Fatalf("only %d commands to compare", len(commands))
	}
	return commands
}

// wordCount is how many words a command of that arity has at least.
func wordCount(arity string) (n int) {
	for _, c := range strings.TrimPrefix(arity, "-") {
		n = n*10 + int(c-'0')
	}
	return n
}
