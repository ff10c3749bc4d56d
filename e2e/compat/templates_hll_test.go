package compat

import (
	"fmt"
	"strings"
)

// hllTemplates work on HyperLogLogs, hll0 to hll3, whose bytes GET compares.
var hllTemplates = []template{
	{14, func(g *generator) []string { return cmd("pfadd", g.hllKey(), g.elementsUpTo(6)) }},
	{3, func(g *generator) []string { return cmd("pfadd", g.hllKey(), g.elementsUpTo(400)) }},
	{8, func(g *generator) []string { return cmd("pfcount", g.hllKey()) }},
	{4, func(g *generator) []string { return cmd("pfcount", g.hllKey(), g.hllKey(), g.maybe(g.hllKey())) }},
	{6, func(g *generator) []string {
		return cmd("pfmerge", g.hllKey(), g.maybe(g.hllKey()), g.maybe(g.hllKey(), g.hllKey()))
	}},
	{6, func(g *generator) []string { return cmd("get", g.hllKey()) }},
	{4, func(g *generator) []string {
		return cmd("pfdebug", g.pick([]string{"decode", "ENCODING", "encoding", "DECODE", "nonsense"}), g.hllKey())
	}},
	{1, func(g *generator) []string { return cmd("pfdebug", g.pick([]string{"getreg", "TODENSE"}), g.hllKey()) }},
	{2, func(g *generator) []string { return cmd("object", "encoding", g.hllKey()) }},
	{3, func(g *generator) []string { return cmd("restore", g.hllKey(), "0", payloadOf+g.hllKey(), "REPLACE") }},
	{3, func(g *generator) []string { return cmd("del", g.hllKey()) }},
	{2, func(g *generator) []string { return cmd("expire", g.hllKey(), g.seconds()) }},
	{2, func(g *generator) []string { return cmd("set", g.hllKey(), g.hllBytes()) }},
	// the header: its form, what is not used, and the count
	{2, func(g *generator) []string { return cmd("setrange", g.hllKey(), g.pick([]string{"0", "1", "3"}), "x") }},
	{2, func(g *generator) []string {
		return cmd("setrange", g.hllKey(), g.pick([]string{"5", "7", "8", "9"}),
			g.pick([]string{"\x00", "\x07", "\xff"}))
	}},
	{1, func(g *generator) []string { return cmd("setrange", g.hllKey(), "4", g.pick([]string{"\x02", "\x7f"})) }},
}

func (g *generator) hllKey() string {
	if g.IntN(15) == 0 {
		return g.valueKey()
	}
	return fmt.Sprintf("hll%d", g.IntN(4))
}

// elementsUpTo is so many elements at most, of which some were added before.
func (g *generator) elementsUpTo(most int) []string {
	list := make([]string, g.IntN(most+1))
	for i := range list {
		if list[i] = fmt.Sprint(g.IntN(20_000)); g.IntN(30) == 0 {
			list[i] = g.value()
		}
	}
	return list
}

// hllBytes is a value that is wrong: too short, too long, or with too few or too many registers; and some that are
// right, but that Redis itself would not have made.
func (g *generator) hllBytes() string {
	const sparse, dense = "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80", "HYLL\x00\x00\x00\x00" +
		"\x00\x00\x00\x00\x00\x00\x00\x80"
	return g.pick([]string{
		"", "HYLL", sparse, sparse[:15], dense, sparse + "\x00", sparse + "\x80", sparse + "\x7f\xff\x7f\xff",
		sparse + "\x7f\xfe", sparse + "\x7f\xff", sparse + "\x3f\x7f\xbe\x3f", sparse + "\x41\x00\x7e\xfe",
		sparse + strings.Repeat("\xff", 4096), sparse + strings.Repeat("\xff", 4095),
		sparse + strings.Repeat("\x3f", 256),
		dense + strings.Repeat("\x00", 12288), dense + strings.Repeat("\xff", 12288),
		dense + strings.Repeat("\x21", 12287),
		dense + strings.Repeat("\x21\x43\x65\x87", 3072), "HYLL\x02" + sparse[5:] + "\x7f\xff",
		"hyll" + sparse[4:] + "\x7f\xff",
	})
}
