package compat

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	defaultRounds = 10
	roundLength   = 2000 // commands
)

// TestRandomCommands is the comparison that the package is for.
func TestRandomCommands(t *testing.T) {
	p := newPair(t)
	first := knob(t, "COMPAT_SEED", rand.Uint64N(1<<32))
	rounds := knob(t, "COMPAT_ROUNDS", defaultRounds)
	t.Logf("COMPAT_SEED=%d COMPAT_ROUNDS=%d", first, rounds)
	for seed := first; seed < first+rounds; seed++ {
		ops := generate(seed, roundLength)
		done, err := p.run(ops)
		if err != nil {
			t.Fatalf("seed %d, operation %d of %d: %s", seed, done, len(ops), explain(p, ops[:done], err))
		}
	}
}

func knob(t *testing.T, name string, def uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return def
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// explain shows a difference, and the shortest list of operations that was found to end in one.
func explain(p *pair, ops []op, err error) string {
	var d *difference
	if !errors.As(err, &d) {
		return err.Error()
	}
	text := err.Error()
	if !p.differ(ops) {
		return text + "\n(not seen again when the same operations were repeated)"
	}
	ops = shrink(ops, p.differ, time.Now().Add(shrinkBudget))
	text += "\nshrunk to:"
	for _, o := range ops {
		text += "\n  " + o.String()
	}
	if _, err := p.run(ops); err != nil {
		text += "\nwhich ends in:\n" + err.Error()
	}
	return text
}

// newer commands take arguments that Redis 7.0 doesn't know.
var newer = []string{"zrank", "zrevrank"}

// TestCommandInfo compares what the two say about every command that Holdfast has and Redis knows.
func TestCommandInfo(t *testing.T) {
	p := newPair(t)
	if err := p.reset(); err != nil {
		t.Fatal(err)
	}
	list, err := p.conns[1][0].do("COMMAND", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, name := range sortedTexts(list.elems) {
		if slices.Contains(newer, name) {
			continue
		}
		for client := range clients {
			a, b, err := p.both(client, []string{"COMMAND", "INFO", name})
			if err != nil {
				t.Fatal(err)
			}
			if len(a.elems) == 1 && len(a.elems[0].elems) == 0 {
				continue // Holdfast's own
			}
			compared++
			commonSubcommands(a, b)
			if x, y := flatten(a), flatten(b); x != y {
				t.Errorf("COMMAND INFO %s\n  redis    %s\n  holdfast %s", name, x, y)
				break
			}
		}
	}
	if compared == 0 {
		t.Error("no command was compared")
	}
}

// commonSubcommands leaves only subcommands that both have, in the order of their names: Redis keeps them in a hash
// table, whose order changes from start to start.
func commonSubcommands(a, b reply) {
	x, y := subcommands(a), subcommands(b)
	if x == nil || y == nil {
		return
	}
	inX, inY := names(*x), names(*y)
	for list, other := range map[*[]reply]map[string]bool{x: inY, y: inX} {
		*list = slices.DeleteFunc(*list, func(r reply) bool { return !other[nameOf(r)] })
		slices.SortFunc(*list, func(a, b reply) int { return strings.Compare(nameOf(a), nameOf(b)) })
	}
}

// subcommands is the last element of a command's description.
func subcommands(r reply) *[]reply {
	if len(r.elems) != 1 || len(r.elems[0].elems) == 0 {
		return nil
	}
	command := r.elems[0].elems
	return &command[len(command)-1].elems
}

func nameOf(r reply) string {
	if len(r.elems) == 0 {
		return ""
	}
	return r.elems[0].text
}

func names(list []reply) map[string]bool {
	m := map[string]bool{}
	for _, r := range list {
		m[nameOf(r)] = true
	}
	return m
}

// flatten writes a reply with its types, from its elements.
func flatten(r reply) string {
	if len(r.elems) == 0 {
		return string(r.kind) + r.text
	}
	text := string(r.kind) + "["
	for _, e := range r.elems {
		text += " " + flatten(e)
	}
	return text + " ]"
}
