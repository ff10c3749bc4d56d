package compat

import (
	"fmt"
	"strings"
)

// hashTemplates work on the keys hash0 to hash3.
var hashTemplates = []template{
	{14, func(g *generator) []string {
		return cmd(g.pick([]string{"hset", "hset", "hmset"}), g.hashKey(), g.fieldPairs(1+g.IntN(5)))
	}},
	{1, func(g *generator) []string { return cmd("hset", g.hashKey(), g.manyFieldPairs()) }},
	{2, func(g *generator) []string { return cmd("hset", g.hashKey(), g.fieldPairs(1+g.IntN(3)), g.field()) }},
	{3, func(g *generator) []string { return cmd("hsetnx", g.hashKey(), g.field(), g.value()) }},
	{6, func(g *generator) []string { return cmd("hget", g.hashKey(), g.field()) }},
	{4, func(g *generator) []string { return cmd("hmget", g.hashKey(), g.fields(1+g.IntN(5))) }},
	{6, func(g *generator) []string { return cmd("hdel", g.hashKey(), g.fields(1+g.IntN(6))) }},
	{8, func(g *generator) []string { return cmd(g.pick([]string{"hgetall", "hkeys", "hvals"}), g.hashKey()) }},
	{3, func(g *generator) []string { return cmd("hlen", g.hashKey()) }},
	{4, func(g *generator) []string {
		return cmd(g.pick([]string{"hstrlen", "hexists"}), g.hashKey(), g.field())
	}},
	{6, func(g *generator) []string {
		return cmd("hincrby", g.hashKey(), g.pick([]string{"n0", "n1", g.field()}), g.integer())
	}},
	{6, func(g *generator) []string {
		return cmd("hincrbyfloat", g.hashKey(), g.pick([]string{"x0", "x1", g.field()}), g.fraction())
	}},
	{4, func(g *generator) []string {
		return cmd("hrandfield", g.hashKey(),
			g.maybe(g.pick([]string{"0", "1", "5", "-5", "100000", "-1", "x", "-9223372036854775808",
				"9223372036854775807"})),
			g.maybe(g.pick([]string{"WITHVALUES", "withvalues", "x"})), g.maybe("x"))
	}},
	{4, func(g *generator) []string {
		return cmd("hscan", g.hashKey(), g.pick([]string{"0", "0", "0", "x", "", "7"}), g.maybe("MATCH", g.pattern()),
			g.maybe("COUNT", g.pick([]string{"1", "3", "100", "0", "-1", "x"})), g.maybe(g.pick([]string{"TYPE", "x"})))
	}},
	{4, func(g *generator) []string { return cmd("object", "encoding", g.hashKey()) }},
	{2, func(g *generator) []string { return cmd("del", g.hashKey()) }},
	{1, func(g *generator) []string { return cmd("type", g.hashKey()) }},
	{1, func(g *generator) []string { return cmd("expire", g.hashKey(), g.seconds()) }},
	{1, func(g *generator) []string {
		return cmd(g.pick([]string{"rename", "renamenx", "copy"}), g.hashKey(), g.hashKey())
	}},
	{1, func(g *generator) []string { return cmd("copy", g.hashKey(), g.hashKey(), "REPLACE") }},
	{1, func(g *generator) []string { return cmd("debug", "digest-value", g.hashKey(), g.hashKey()) }},
}

func (g *generator) hashKey() string {
	if g.IntN(12) == 0 {
		return g.anyKey()
	}
	return fmt.Sprintf("hash%d", g.IntN(4))
}

func (g *generator) field() string {
	switch g.IntN(12) {
	case 0:
		return g.value()
	case 1:
		return g.integer()
	case 2, 3, 4:
		return fmt.Sprint(g.IntN(20))
	}
	return fmt.Sprintf("field%d", g.IntN(20))
}

func (g *generator) fields(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = g.field()
	}
	return list
}

func (g *generator) fieldPairs(n int) []string {
	var list []string
	for range n {
		list = append(list, g.field(), g.fieldValue())
	}
	return list
}

// fieldValue is at times about as long as a compact hash may have it.
func (g *generator) fieldValue() string {
	switch g.IntN(8) {
	case 0:
		return g.value()
	case 1:
		return strings.Repeat("v", g.IntN(70))
	}
	return g.integer()
}

// manyFieldPairs are about as many as a compact hash may have.
func (g *generator) manyFieldPairs() []string {
	n, first := 100+g.IntN(500), g.IntN(100)
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("m%d", first+i), fmt.Sprint(i*i))
	}
	return list
}
