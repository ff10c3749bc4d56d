package compat

import "fmt"

// sortTemplates sort lists, sets and sorted sets of few elements, whose weights are in strings and hashes. Elements of
// like weight may come in any order from Redis: only lists, and whole, are sorted by texts.
var sortTemplates = []template{
	{3, func(g *generator) []string { return cmd("rpush", g.sorted("list"), g.sortElements()) }},
	{3, func(g *generator) []string { return cmd("sadd", g.sorted("set"), g.sortElements()) }},
	{2, func(g *generator) []string {
		return cmd("zadd", g.sorted("zset"), g.IntN(10), g.sortElement(), g.IntN(10), g.sortElement())
	}},
	{4, func(g *generator) []string { return cmd("set", "weight:"+g.sortElement(), g.weightText()) }},
	{1, func(g *generator) []string { return cmd("del", "weight:"+g.sortElement(), "hash:"+g.sortElement()) }},
	{1, func(g *generator) []string { return cmd("del", g.sorted(g.sortKind())) }},
	{1, func(g *generator) []string { return cmd("lpop", g.sorted("list"), "5") }},
	{16, func(g *generator) []string {
		return cmd(g.sortName(), g.sorted(g.sortKind()),
			g.maybe("BY", g.pick([]string{"weight:*", "hash:*->f", "weight:*->", "x*"})), g.sortOptions())
	}},
	{6, func(g *generator) []string {
		return cmd(g.sortName(), g.sorted(g.sortKind()), "ALPHA", g.sortOptions())
	}},
	{6, func(g *generator) []string {
		return cmd(g.sortName(), g.sorted("list"), "by", g.pick([]string{"weight:*", "hash:*->f", "hash:*->"}), "alpha",
			g.maybe(g.pick([]string{"ASC", "desc"})), g.gets(), g.stores())
	}},
	{6, func(g *generator) []string {
		return cmd("sort", g.sorted(g.pick([]string{"list", "zset"})), "BY", g.pick([]string{"nosort", "", "#"}),
			g.sortOptions())
	}},
	{2, func(g *generator) []string {
		return cmd("sort", g.sorted("set"), "BY", "nosort", g.maybe("desc"), "STORE", g.sorted("list"), g.gets())
	}},
	{2, func(g *generator) []string { return cmd("sort", g.anyKey(), g.sortOptions()) }},
}

func (g *generator) sortName() string { return g.pick([]string{"sort", "sort", "SORT_RO"}) }

func (g *generator) sortKind() string { return g.pick([]string{"list", "set", "zset"}) }

func (g *generator) sorted(kind string) string { return fmt.Sprintf("sorted:%s%d", kind, g.IntN(2)) }

// sortElement is mostly a number: one that isn't has most sorts fail.
func (g *generator) sortElement() string {
	if g.IntN(30) == 0 {
		return g.pick(edges)
	}
	return g.pick([]string{"1", "2", "3", "-5", "10", "0.5", "1e2", "0x10"})
}

func (g *generator) sortElements() []string {
	list := make([]string, 1+g.IntN(3))
	for i := range list {
		list[i] = g.sortElement()
	}
	return list
}

func (g *generator) weightText() string {
	switch g.IntN(40) {
	case 0:
		return g.value()
	case 1:
		return g.pick([]string{" 7", "7 ", "\t1", "", " ", "1e400", "1e-320", "nan", "inf", "-inf", "7\x00x",
			"0x1p-1030"})
	}
	return fmt.Sprint(g.IntN(20) - 10)
}

func (g *generator) gets() []string {
	var args []string
	for g.IntN(2) == 0 {
		args = append(args, g.pick([]string{"GET", "get"}),
			g.pick([]string{"#", "weight:*", "hash:*->f", "hash:*->", "hash:*->nope", "nope*", "fixed", "i*"}))
	}
	return args
}

func (g *generator) stores() []string {
	if g.IntN(4) == 0 {
		return []string{"STORE", g.pick([]string{"sorted:list0", "sorted:set1", "stored"})}
	}
	return nil
}

func (g *generator) sortOptions() []string {
	return cmd(g.maybe("LIMIT", g.sortLimit(), g.sortLimit()), g.maybe(g.pick([]string{"ASC", "desc", "DESC"})),
		g.gets(), g.stores())
}

func (g *generator) sortLimit() string {
	return g.pick([]string{"0", "1", "2", "3", "-1", "100", "9223372036854775807", "-9223372036854775808", "x"})
}
