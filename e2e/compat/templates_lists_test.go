package compat

import (
	"fmt"
	"strings"
)

// listTemplates work on the keys list0 to list3, and on long0, which grows past what one listpack holds.
var listTemplates = []template{
	{14, func(g *generator) []string {
		return cmd(g.pick([]string{"lpush", "rpush", "rpush", "lpushx", "rpushx"}), g.listKey(), g.elements())
	}},
	{2, func(g *generator) []string { return cmd("rpush", "long0", g.manyElements()) }},
	{8, func(g *generator) []string {
		return cmd(g.pick([]string{"lpop", "rpop"}), g.listKey(),
			g.maybe(g.pick([]string{"0", "1", "2", "3", "100", "-1", "x", "", "9223372036854775807"})))
	}},
	{4, func(g *generator) []string { return cmd("llen", g.listKey()) }},
	{6, func(g *generator) []string { return cmd("lindex", g.listKey(), g.place()) }},
	{6, func(g *generator) []string { return cmd("lset", g.listKey(), g.place(), g.element()) }},
	{10, func(g *generator) []string { return cmd("lrange", g.listKey(), g.place(), g.place()) }},
	{3, func(g *generator) []string { return cmd("lrange", g.listKey(), "0", "-1") }},
	{6, func(g *generator) []string {
		return cmd("linsert", g.listKey(), g.pick([]string{"BEFORE", "after", "x"}), g.element(), g.element())
	}},
	{5, func(g *generator) []string {
		return cmd("lrem", g.listKey(),
			g.pick([]string{"0", "1", "-1", "2", "-2", "x", "-9223372036854775808", "9223372036854775807"}),
			g.element())
	}},
	{3, func(g *generator) []string { return cmd("ltrim", g.listKey(), g.place(), g.place()) }},
	{8, func(g *generator) []string {
		return cmd("lpos", g.listKey(), g.element(),
			g.maybe("RANK", g.pick([]string{"1", "-1", "2", "-3", "0", "x", "-9223372036854775808"})),
			g.maybe("COUNT", g.pick([]string{"0", "1", "2", "-1", "x"})),
			g.maybe("MAXLEN", g.pick([]string{"0", "1", "5", "1000", "-1", "x"})))
	}},
	{4, func(g *generator) []string { return cmd("rpoplpush", g.listKey(), g.listKey()) }},
	{8, func(g *generator) []string { return cmd("lmove", g.listKey(), g.listKey(), g.end(), g.end()) }},
	{6, func(g *generator) []string { return cmd("lmpop", g.mpop()) }},
	{3, func(g *generator) []string { return cmd("blmpop", g.timeout(), g.mpop()) }},
	{4, func(g *generator) []string {
		return cmd(g.pick([]string{"blpop", "brpop"}), g.listKeys(), g.timeout())
	}},
	{2, func(g *generator) []string { return cmd("brpoplpush", g.listKey(), g.listKey(), g.timeout()) }},
	{3, func(g *generator) []string {
		return cmd("blmove", g.listKey(), g.listKey(), g.end(), g.end(), g.timeout())
	}},
	{4, func(g *generator) []string {
		return cmd(g.pick([]string{"type", "del", "unlink", "exists", "persist", "ttl"}), g.listKey())
	}},
	{2, func(g *generator) []string { return cmd("object", "encoding", g.listKey()) }},
	{3, func(g *generator) []string {
		return cmd("copy", g.listKey(), g.listKey(), g.maybe("DB", g.db()), g.maybe("REPLACE"))
	}},
	{2, func(g *generator) []string {
		return cmd(g.pick([]string{"rename", "renamenx"}), g.listKey(), g.listKey())
	}},
	{2, func(g *generator) []string { return cmd("expire", g.listKey(), g.seconds()) }},
	{1, func(g *generator) []string {
		g.brief = true
		return cmd("pexpire", g.listKey(), "3")
	}},
}

func (g *generator) listKey() string {
	switch g.IntN(12) {
	case 0:
		return g.anyKey()
	case 1:
		return "long0"
	}
	return fmt.Sprintf("list%d", g.IntN(4))
}

func (g *generator) listKeys() []string {
	list := make([]string, 1+g.IntN(3))
	for i := range list {
		list[i] = g.listKey()
	}
	return list
}

// element is one of few short values, so that they are met again, or any.
func (g *generator) element() string {
	switch g.IntN(8) {
	case 0:
		return g.value()
	case 1:
		return g.integer()
	}
	return g.pick([]string{"a", "b", "c", "1", "-7", "4096", "", "a longer element"})
}

func (g *generator) elements() []string {
	list := make([]string, 1+g.IntN(4))
	for i := range list {
		list[i] = g.element()
	}
	return list
}

// manyElements fill a listpack, some of them by themselves.
func (g *generator) manyElements() []string {
	list := make([]string, 1+g.IntN(200))
	for i := range list {
		list[i] = g.element()
		if g.IntN(100) == 0 {
			list[i] = strings.Repeat("z", g.IntN(10000))
		}
	}
	return list
}

func (g *generator) place() string {
	if g.IntN(8) == 0 {
		return g.pick(edges)
	}
	return fmt.Sprint(g.IntN(21) - 10)
}

func (g *generator) end() string {
	return g.pick([]string{"LEFT", "RIGHT", "left", "right", "LEFT", "RIGHT", "RIGHT", "x"})
}

// mpop is what LMPOP and BLMPOP have in common.
func (g *generator) mpop() []string {
	keys := g.listKeys()
	n := fmt.Sprint(len(keys))
	if g.IntN(8) == 0 {
		n = g.pick([]string{"0", "-1", "x", "9", "9223372036854775807"})
	}
	return cmd(n, keys, g.end(), g.maybe("COUNT", g.pick([]string{"1", "2", "3", "100", "0", "-1", "x"})))
}

// timeout ends at once, where it is one.
func (g *generator) timeout() string {
	return g.pick([]string{"0.001", "1e-3", "0.001", "0.001", "-1", "x", "", "-0.5", "inf", "1e16", "nan"})
}
