package compat

import "fmt"

// setTemplates work on the keys set0 to set3, and on pop0 and pop1, whose only member makes SPOP the same everywhere.
var setTemplates = []template{
	{14, func(g *generator) []string { return cmd("sadd", g.setKey(), g.members(1+g.IntN(6))) }},
	{1, func(g *generator) []string { return cmd("sadd", g.setKey(), g.manyMembers()) }},
	{6, func(g *generator) []string { return cmd("srem", g.setKey(), g.members(1+g.IntN(6))) }},
	{1, func(g *generator) []string { return cmd("srem", g.setKey(), g.manyMembers()) }},
	{4, func(g *generator) []string { return cmd("sismember", g.setKey(), g.member()) }},
	{3, func(g *generator) []string { return cmd("smismember", g.setKey(), g.members(1+g.IntN(4))) }},
	{4, func(g *generator) []string { return cmd("scard", g.setKey()) }},
	{6, func(g *generator) []string { return cmd("smembers", g.setKey()) }},
	{4, func(g *generator) []string { return cmd("smove", g.setKey(), g.setKey(), g.member()) }},
	{8, func(g *generator) []string {
		return cmd(g.pick([]string{"sinter", "sunion", "sdiff"}), g.setKeys())
	}},
	{8, func(g *generator) []string {
		return cmd(g.pick([]string{"sinterstore", "sunionstore", "sdiffstore"}), g.setKey(), g.setKeys())
	}},
	{4, func(g *generator) []string {
		keys := g.setKeys()
		n := fmt.Sprint(len(keys))
		if g.IntN(6) == 0 {
			n = g.pick([]string{"0", "-1", "x", "9", "9223372036854775807"})
		}
		return cmd("sintercard", n, keys, g.maybe("LIMIT", g.pick([]string{"0", "1", "2", "100", "-1", "x"})))
	}},
	{2, func(g *generator) []string {
		return cmd("spop", g.setKey(), g.pick([]string{"0", "-1", "x", "1000000"}))
	}},
	{3, func(g *generator) []string { return cmd("sadd", g.popKey(), "only") }},
	{4, func(g *generator) []string { return cmd("spop", g.popKey(), g.maybe(g.pick([]string{"1", "2", "0"}))) }},
	{4, func(g *generator) []string {
		return cmd("srandmember", g.setKey(),
			g.maybe(g.pick([]string{"0", "1", "5", "-5", "100000", "-1", "x", "-9223372036854775808"})))
	}},
	{4, func(g *generator) []string {
		return cmd("sscan", g.setKey(), g.pick([]string{"0", "0", "0", "x", "", "7"}), g.maybe("MATCH", g.pattern()),
			g.maybe("COUNT", g.pick([]string{"1", "3", "100", "0", "-1", "x"})),
			g.maybe(g.pick([]string{"TYPE", "x", "NOVALUES"})))
	}},
	{4, func(g *generator) []string { return cmd("object", "encoding", g.setKey()) }},
	{2, func(g *generator) []string { return cmd("del", g.setKey()) }},
	{1, func(g *generator) []string { return cmd("type", g.setKey()) }},
	{1, func(g *generator) []string { return cmd("expire", g.setKey(), g.seconds()) }},
	{1, func(g *generator) []string {
		return cmd(g.pick([]string{"rename", "renamenx", "copy"}), g.setKey(), g.setKey())
	}},
	{1, func(g *generator) []string { return cmd("copy", g.setKey(), g.setKey(), "REPLACE") }},
	{1, func(g *generator) []string { return cmd("debug", "digest-value", g.setKey(), g.setKey()) }},
}

func (g *generator) setKey() string {
	if g.IntN(12) == 0 {
		return g.anyKey()
	}
	return fmt.Sprintf("set%d", g.IntN(4))
}

func (g *generator) setKeys() []string {
	list := make([]string, 1+g.IntN(4))
	if g.IntN(10) == 0 {
		list = make([]string, 5+g.IntN(4))
	}
	for i := range list {
		list[i] = g.setKey()
	}
	return list
}

func (g *generator) popKey() string { return fmt.Sprintf("pop%d", g.IntN(2)) }

// member is mostly a small integer, so that many sets are intsets.
func (g *generator) member() string {
	switch g.IntN(10) {
	case 0:
		return g.value()
	case 1:
		return g.integer()
	}
	return fmt.Sprint(g.IntN(30))
}

// members are of one kind more often than not.
func (g *generator) members(n int) []string {
	list := make([]string, n)
	ints := g.IntN(3) > 0
	for i := range list {
		if list[i] = g.member(); ints {
			list[i] = fmt.Sprint(g.IntN(30))
		}
	}
	return list
}

// manyMembers are about as many as an intset may have, or as a small table.
func (g *generator) manyMembers() []string {
	n, first := 100+g.IntN(500), g.IntN(100)
	format := g.pick([]string{"%d", "%d", "m%d", "-%d000", "a member with a longer name %d"})
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, first+i)
	}
	return list
}
