package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"holdfast/node/engine"
)

// TestLargeEffects: large words reach the log whole and in their places, and are not copied on their way there.
func TestLargeEffects(t *testing.T) {
	large, larger := strings.Repeat("x", engine.LargeEffect), strings.Repeat("y", 3*engine.LargeEffect)
	for _, c := range []struct {
		commands, effects [][]string
	}{
		{[][]string{{"set", "k", large}}, [][]string{{"SELECT", "0"}, {"set", "k", large}}},
		{[][]string{{"mset", "a", large, "b", "small", "c", larger}},
			[][]string{{"SELECT", "0"}, {"mset", "a", large, "b", "small", "c", larger}}},
		{
			[][]string{{"multi"}, {"set", "a", large}, {"set", "b", "small"}, {"append", "a", larger}, {"exec"}},
			[][]string{{"SELECT", "0"}, {"MULTI"}, {"set", "a", large}, {"set", "b", "small"}, {"append", "a", larger},
				{"EXEC"}},
		},
		{
			[][]string{{"select", "2"}, {"multi"}, {"set", "a", large}, {"select", "3"}, {"rpush", "l", larger, "end"},
				{"exec"}},
			[][]string{{"SELECT", "2"}, {"MULTI"}, {"set", "a", large}, {"SELECT", "3"}, {"rpush", "l", larger, "end"},
				{"EXEC"}},
		},
	} {
		e := newTestEnv(t)
		for _, command := range c.commands {
			e.do(command...)
		}
		if copied := e.Effects.Copied(); copied >= engine.LargeEffect {
			t.Errorf("%.60q: %d bytes were copied", c.commands, copied)
		}
		if got := e.effectList(); !slices.EqualFunc(got, c.effects, slices.Equal) {
			t.Errorf("%.60q: effects %s", c.commands, outlined(got))
		}
		e.do("set", "k", "v")
		if got := e.effectList(); len(got) != 1 && len(got) != 2 {
			t.Errorf("%.60q: afterwards effects %s", c.commands, outlined(got))
		}
	}
}

func outlined(commands [][]string) string {
	var b strings.Builder
	for _, words := range commands {
		for _, w := range words {
			fmt.Fprintf(&b, "%.10s(%d) ", w, len(w))
		}
		b.WriteString("; ")
	}
	return b.String()
}
