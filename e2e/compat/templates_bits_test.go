package compat

import "fmt"

// bitTemplates work on keys of their own, b0 to b2, that stay short, and on strings of other kinds.
var bitTemplates = []template{
	{6, func(g *generator) []string { return cmd("setbit", g.bitKey(), g.bitOffset(), g.bit()) }},
	{3, func(g *generator) []string { return cmd("getbit", g.bitKey(), g.bitOffset()) }},
	{5, func(g *generator) []string {
		return cmd("bitcount", g.bitKey(), g.bitRange(g.pick([]string{"", "both", "both", "start"})))
	}},
	{6, func(g *generator) []string {
		return cmd("bitpos", g.bitKey(), g.bit(), g.bitRange(g.pick([]string{"", "both", "both", "start"})))
	}},
	{5, func(g *generator) []string {
		args := cmd("bitop", g.pick([]string{"AND", "or", "xor", "NOT", "not", "nand"}), g.bitKey())
		for range 1 + g.IntN(3) {
			args = append(args, g.bitKey())
		}
		return args
	}},
	{12, func(g *generator) []string { return cmd("bitfield", g.bitKey(), g.fieldOps(true)) }},
	{3, func(g *generator) []string { return cmd("bitfield_ro", g.bitKey(), g.fieldOps(g.IntN(5) == 0)) }},
	{2, func(g *generator) []string { return cmd("set", g.bitKey(), g.value()) }},
	{2, func(g *generator) []string { return cmd("get", g.bitKey()) }},
	{2, func(g *generator) []string { return cmd("object", "encoding", g.bitKey()) }},
	{1, func(g *generator) []string { return cmd("del", g.bitKey()) }},
}

func (g *generator) bitKey() string {
	if g.IntN(6) == 0 {
		return g.anyKey()
	}
	return fmt.Sprintf("b%d", g.IntN(3))
}

func (g *generator) bit() string {
	return g.pick([]string{"0", "1", "0", "1", "0", "1", "2", "-1", "x"})
}

// bitOffset never makes a long string: those beyond 512 MB are refused.
func (g *generator) bitOffset() string {
	if g.IntN(8) == 0 {
		return g.pick([]string{"-1", "x", "", "4294967296", "9223372036854775807", "9223372036854775808", "01", "#1"})
	}
	return fmt.Sprint(g.IntN(400))
}

func (g *generator) bitRange(kind string) []string {
	switch kind {
	case "start":
		return cmd(g.index(70))
	case "both":
		return cmd(g.index(70), g.index(70), g.maybe(g.pick([]string{"BIT", "bit", "BYTE", "byte", "x"})))
	}
	return nil
}

// index is a place in something of about that size, counted from either end, or a strange one.
func (g *generator) index(size int) string {
	if g.IntN(10) == 0 {
		return g.pick([]string{"9223372036854775807", "-9223372036854775808", "x", "", "9223372036854775808", "1.5"})
	}
	return fmt.Sprint(g.IntN(2*size) - size)
}

func (g *generator) fieldOps(writes bool) []string {
	var args []string
	for range g.IntN(5) {
		offset := fmt.Sprint(g.IntN(300))
		if g.IntN(3) == 0 {
			offset = "#" + fmt.Sprint(g.IntN(9))
		}
		if g.IntN(15) == 0 {
			offset = g.pick([]string{"-1", "#-1", "#", "x", "4294967296", "9223372036854775807",
				"#9223372036854775807"})
		}
		width := fmt.Sprintf("%s%d", g.pick([]string{"i", "u"}), 1+g.IntN(64))
		if g.IntN(15) == 0 {
			width = g.pick([]string{"u64", "i65", "i0", "x8", "i", "", "I8", "u-1", "i8x"})
		}
		switch n := g.IntN(7); {
		case n < 2 || !writes:
			args = append(args, g.pick([]string{"GET", "get"}), width, offset)
		case n < 4:
			args = append(args, g.pick([]string{"SET", "set"}), width, offset, g.integer())
		case n < 6:
			args = append(args, g.pick([]string{"INCRBY", "incrby"}), width, offset, g.integer())
		default:
			args = append(args, "OVERFLOW", g.pick([]string{"WRAP", "sat", "SAT", "fail", "FAIL", "x"}))
		}
	}
	return args
}
