package compat

import (
	"fmt"
	"slices"
	"strings"
)

// template draws one kind of command.
type template struct {
	weight int
	draw   func(g *generator) []string
}

// cmd joins words and lists of words.
func cmd(parts ...any) []string {
	var args []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			args = append(args, p)
		case int:
			args = append(args, fmt.Sprint(p))
		case []string:
			args = append(args, p...)
		}
	}
	return args
}

// templates are all commands that are compared.
var templates = slices.Concat(stringTemplates, bitTemplates, listTemplates, setTemplates, zsetTemplates, hashTemplates,
	streamTemplates, geoTemplates, hllTemplates, keyTemplates, sortTemplates, dumpTemplates, expireTemplates,
	transactionTemplates, otherTemplates)

var stringTemplates = []template{
	{10, func(g *generator) []string { return cmd("set", g.key('i'), g.integer()) }},
	{8, func(g *generator) []string { return cmd("set", g.key('f'), g.fraction()) }},
	{10, func(g *generator) []string { return cmd("set", g.key('s'), g.value()) }},
	{14, func(g *generator) []string {
		return cmd("set", g.anyKey(), g.value(), g.maybe(g.pick([]string{"NX", "XX", "nx", "xX"})), g.maybe("GET"),
			g.maybe(g.expiry()...), g.maybe("KEEPTTL"))
	}},
	{6, func(g *generator) []string { return cmd("set", g.lcsKey(), g.letters(g.IntN(40))) }},
	{3, func(g *generator) []string { return cmd("setnx", g.anyKey(), g.value()) }},
	{3, func(g *generator) []string {
		return cmd("setex", g.anyKey(),
			g.pick([]string{fmt.Sprint(g.seconds()), "0", "-1", "x", "9223372036854775807"}), g.value())
	}},
	{3, func(g *generator) []string {
		if g.IntN(2) == 0 {
			g.brief = true
			return cmd("psetex", g.anyKey(), "1", g.value())
		}
		return cmd("psetex", g.anyKey(), g.seconds()*1000, g.value())
	}},
	{12, func(g *generator) []string { return cmd("get", g.anyKey()) }},
	{3, func(g *generator) []string { return cmd("getdel", g.anyKey()) }},
	{5, func(g *generator) []string {
		return cmd("getex", g.anyKey(), g.maybe(g.expiry()...), g.maybe("PERSIST"))
	}},
	{3, func(g *generator) []string { return cmd("getset", g.anyKey(), g.value()) }},
	{4, func(g *generator) []string { return cmd("append", g.key('s'), g.value()) }},
	{3, func(g *generator) []string { return cmd("strlen", g.anyKey()) }},
	{4, func(g *generator) []string {
		return cmd(g.pick([]string{"getrange", "substr"}), g.key('s'), g.integer(), g.integer())
	}},
	{4, func(g *generator) []string { return cmd("getrange", g.key('s'), g.IntN(100)-50, g.IntN(100)-50) }},
	{4, func(g *generator) []string {
		offset := g.pick([]string{"-1", "x", "", "536870912", "536870911", "9223372036854775807",
			"9223372036854775808"})
		value := "tail"
		if g.IntN(4) > 0 {
			offset, value = fmt.Sprint(g.IntN(200)), g.value()
		}
		return cmd("setrange", g.key('s'), offset, value)
	}},
	{4, func(g *generator) []string { return cmd("incr", g.key('i')) }},
	{4, func(g *generator) []string { return cmd("decr", g.key('i')) }},
	{6, func(g *generator) []string { return cmd(g.pick([]string{"incrby", "decrby"}), g.key('i'), g.integer()) }},
	{14, func(g *generator) []string { return cmd("incrbyfloat", g.key('f'), g.fraction()) }},
	{4, func(g *generator) []string { return cmd("mget", g.keys()) }},
	{4, func(g *generator) []string {
		args := cmd(g.pick([]string{"mset", "mset", "msetnx"}))
		for _, k := range g.keys() {
			args = append(args, k, g.value())
		}
		return args
	}},
	{8, func(g *generator) []string {
		return cmd("lcs", g.lcsKey(), g.lcsKey(), g.maybe(g.pick([]string{"LEN", "IDX", "idx"})),
			g.maybe("MINMATCHLEN", g.integer()), g.maybe("WITHMATCHLEN"))
	}},
}

var keyTemplates = []template{
	{3, func(g *generator) []string { return cmd("del", g.valueKeys()) }},
	{2, func(g *generator) []string { return cmd("unlink", g.valueKeys()) }},
	{3, func(g *generator) []string { return cmd("exists", g.valueKeys()) }},
	{1, func(g *generator) []string { return cmd("touch", g.valueKeys()) }},
	{2, func(g *generator) []string { return cmd("type", g.valueKey()) }},
	{3, func(g *generator) []string {
		return cmd(g.pick([]string{"rename", "renamenx"}), g.valueKey(), g.valueKey())
	}},
	{5, func(g *generator) []string {
		return cmd("copy", g.valueKey(), g.valueKey(), g.maybe("DB", g.db()), g.maybe("REPLACE"))
	}},
	{3, func(g *generator) []string { return cmd("move", g.valueKey(), g.db()) }},
	{3, func(g *generator) []string { return cmd("keys", g.pattern()) }},
	{4, func(g *generator) []string {
		return cmd("scan", g.pick([]string{"0", "0", "0", "x", "", "+0", " 0", "18446744073709551616"}),
			g.maybe("MATCH", g.pattern()),
			g.maybe("COUNT", g.pick([]string{"1", "3", "100", "0", "-1", "x", "1000000"})),
			g.maybe("TYPE", g.pick([]string{"string", "STRING", "list", "set", "zset", "hash", "stream", "x"})))
	}},
	{2, func(g *generator) []string { return cmd("randomkey") }},
	{3, func(g *generator) []string { return cmd("dbsize") }},
	{3, func(g *generator) []string { return cmd("select", g.db()) }},
	{1, func(g *generator) []string { return cmd("swapdb", g.db(), g.db()) }},
	{1, func(g *generator) []string {
		return cmd(g.pick([]string{"flushdb", "flushdb", "flushall"}), g.maybe(g.pick([]string{"SYNC", "async", "x"})))
	}},
	{5, func(g *generator) []string {
		return cmd("object", g.pick([]string{"ENCODING", "encoding", "refcount", "IDLETIME", "freq", "help", "x"}),
			g.maybe(g.valueKey()))
	}},
	{4, func(g *generator) []string {
		return cmd("object", g.pick([]string{"ENCODING", "refcount"}), g.valueKey())
	}},
}

func (g *generator) db() string {
	if g.IntN(8) == 0 {
		return g.pick(edges)
	}
	return g.pick([]string{"0", "1", "2", "0", "15", "16", "-1"})
}

func (g *generator) pattern() string {
	return g.pick([]string{"*", "s*", "?[0-2]", "[^is]*", "i\\0", "*\x00", "", "[", "f[3-1]", "**1*", "\\*", "*[a\\]]*",
		"s?", "[\xf0-\xff]*", "S*"})
}

var expireTemplates = []template{
	{8, func(g *generator) []string { return cmd("expire", g.valueKey(), g.seconds(), g.condition()) }},
	{4, func(g *generator) []string { return cmd("pexpire", g.valueKey(), g.seconds()*1000, g.condition()) }},
	{4, func(g *generator) []string { return cmd("expireat", g.valueKey(), g.moment(), g.condition()) }},
	{4, func(g *generator) []string { return cmd("pexpireat", g.valueKey(), g.moment()*1000, g.condition()) }},
	{4, func(g *generator) []string {
		g.brief = true
		// Redis looks at the clock twice, and deletes the key at once when the time has passed meanwhile: 1 may be too
		// brief.
		return cmd("pexpire", g.valueKey(), "3")
	}},
	{4, func(g *generator) []string {
		return cmd(g.pick([]string{"expire", "pexpire", "expireat", "pexpireat"}), g.valueKey(),
			g.pick([]string{"0", "-1", "x", "9223372036854775807", "-9223372036854775808", "9223372036854775",
				"-9223372036854775", "9223372036854776"}), g.condition())
	}},
	{10, func(g *generator) []string {
		return cmd(g.pick([]string{"ttl", "pttl", "expiretime", "pexpiretime"}), g.valueKey())
	}},
	{4, func(g *generator) []string { return cmd("persist", g.valueKey()) }},
}

func (g *generator) condition() []string {
	if g.IntN(2) == 0 {
		return nil
	}
	return strings.Fields(g.pick([]string{"NX", "XX", "GT", "LT", "xx gt", "XX LT", "NX XX", "NX GT", "GT LT",
		"nonsense", "nx nx"}))
}

var transactionTemplates = []template{
	{10, func(g *generator) []string { return cmd("multi") }},
	{8, func(g *generator) []string { return cmd("exec") }},
	{1, func(g *generator) []string { return cmd("discard") }},
	{4, func(g *generator) []string { return cmd("watch", g.keys()) }},
	{1, func(g *generator) []string { return cmd("unwatch") }},
}

var otherTemplates = []template{
	{1, func(g *generator) []string { return cmd("echo", g.value()) }},
	{1, func(g *generator) []string { return cmd("ping", g.maybe(g.value())) }},
	{1, func(g *generator) []string { return cmd("nonsense", g.value(), g.value()) }},
	{1, func(g *generator) []string { return cmd(g.pick(edges[1:]), g.anyKey()) }},
}
