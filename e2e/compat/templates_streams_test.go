package compat

import (
	"fmt"
	"strings"
)

// streamTemplates work on the keys stream0 to stream3. No id is made of the time, which the two servers don't share,
// and nothing is idle for a time that would have to be waited for.
var streamTemplates = []template{
	{16, func(g *generator) []string {
		return cmd("xadd", g.streamKey(), g.maybe("NOMKSTREAM"), g.maybe(g.trimming()...), g.newStreamID(),
			g.streamPairs())
	}},
	{16, func(g *generator) []string {
		return cmd("xadd", g.streamKey(), g.newStreamID(), "name", "x", "n", g.IntN(9))
	}},
	{4, func(g *generator) []string { return cmd("xtrim", g.streamKey(), g.trimming()) }},
	{2, func(g *generator) []string { return cmd("xlen", g.streamKey()) }},
	{4, func(g *generator) []string { return cmd("xdel", g.streamKey(), g.streamIDs()) }},
	{6, func(g *generator) []string { return cmd("xrange", g.streamKey(), g.rangeIDs(), g.streamCount()) }},
	{6, func(g *generator) []string { return cmd("xrevrange", g.streamKey(), g.rangeIDs(), g.streamCount()) }},
	{6, func(g *generator) []string {
		args := cmd("xread", g.streamCount(), g.maybe("BLOCK", g.pick([]string{"1", "1", "1", "-1", "x"})),
			g.pick([]string{"STREAMS", "streams"}))
		return g.streamsToRead(args, []string{"$", "0", "5", ">"})
	}},
	{20, func(g *generator) []string {
		args := cmd("xreadgroup", g.pick([]string{"GROUP", "group"}), g.group(), g.consumer(), g.streamCount(),
			g.maybe("BLOCK", "1"), g.pick([]string{"", "", "", "NOACK"}), "STREAMS")
		args = deleteEmpty(args)
		return g.streamsToRead(args, []string{">", ">", ">", ">", ">", "0", "$"})
	}},
	{10, func(g *generator) []string {
		return cmd("xgroup", g.pick([]string{"create", "CREATE"}), g.streamKey(), g.group(),
			g.pick([]string{"$", "0", "0", g.streamID()}), g.maybe("MKSTREAM"),
			g.maybe("ENTRIESREAD", g.pick([]string{"0", "3", "-1", "-2", "x"})))
	}},
	{3, func(g *generator) []string {
		return cmd("xgroup", "setid", g.streamKey(), g.group(), g.pick([]string{"$", "0", "-", "+", g.streamID()}),
			g.maybe("ENTRIESREAD", g.pick([]string{"0", "3", "-1", "-2", "x"})))
	}},
	{1, func(g *generator) []string { return cmd("xgroup", "destroy", g.streamKey(), g.group()) }},
	{3, func(g *generator) []string {
		return cmd("xgroup", g.pick([]string{"createconsumer", "delconsumer"}), g.streamKey(), g.group(), g.consumer())
	}},
	{1, func(g *generator) []string {
		return cmd(g.pick([]string{"xgroup", "xinfo"}), g.pick([]string{"help", "x"}))
	}},
	{6, func(g *generator) []string { return cmd("xack", g.streamKey(), g.group(), g.streamIDs()) }},
	{4, func(g *generator) []string {
		if g.IntN(2) == 0 {
			return cmd("xpending", g.streamKey(), g.group())
		}
		return cmd("xpending", g.streamKey(), g.group(), g.maybe("IDLE", g.idle()), g.rangeIDs(),
			g.pick([]string{"10", "1", "0", "-1", "x"}), g.maybe(g.consumer()))
	}},
	{6, func(g *generator) []string {
		return cmd("xclaim", g.streamKey(), g.group(), g.consumer(), g.idle(), g.streamIDs(),
			g.maybe(g.pick([]string{"IDLE", "TIME", "RETRYCOUNT", "retrycount"}),
				g.pick([]string{"0", "5", "-1", "x"})),
			g.maybe("FORCE"), g.maybe("JUSTID"), g.maybe("LASTID", g.streamID()))
	}},
	{4, func(g *generator) []string {
		return cmd("xautoclaim", g.streamKey(), g.group(), g.consumer(), g.idle(),
			g.pick([]string{"0", "-", "(5", "x"}),
			g.maybe("COUNT", g.pick([]string{"1", "2", "3", "0", "x"})), g.maybe("JUSTID"))
	}},
	{3, func(g *generator) []string {
		return cmd("xsetid", g.streamKey(), g.newStreamID(),
			g.maybe("ENTRIESADDED", g.pick([]string{"0", "50", "-1", "x"})),
			g.maybe("MAXDELETEDID", g.streamID()))
	}},
	{6, func(g *generator) []string {
		switch g.IntN(3) {
		case 0:
			return cmd("xinfo", "groups", g.streamKey())
		case 1:
			return cmd("xinfo", "consumers", g.streamKey(), g.group())
		}
		return cmd("xinfo", "stream", g.streamKey(), g.maybe("FULL", g.pick([]string{"COUNT", "COUNT", "x"}),
			g.pick([]string{"0", "1", "-1", "x"})))
	}},
	{3, func(g *generator) []string { return cmd("xinfo", "stream", g.streamKey()) }},
	{3, func(g *generator) []string {
		return cmd(g.pick([]string{"type", "del", "unlink", "exists", "persist", "ttl"}), g.streamKey())
	}},
	{1, func(g *generator) []string { return cmd("object", "encoding", g.streamKey()) }},
	{1, func(g *generator) []string { return cmd("sort", g.streamKey()) }},
	{2, func(g *generator) []string { return cmd("copy", g.streamKey(), g.streamKey(), "REPLACE") }},
	{1, func(g *generator) []string { return cmd("rename", g.streamKey(), g.streamKey()) }},
	{1, func(g *generator) []string {
		return cmd("config", "set", "stream-node-max-entries", g.pick([]string{"0", "1", "2", "3", "7", "100"}))
	}},
	{1, func(g *generator) []string {
		return cmd("config", "set", "stream-node-max-bytes", g.pick([]string{"0", "1500", "4096"}))
	}},
}

func deleteEmpty(args []string) (kept []string) {
	for _, a := range args {
		if a != "" {
			kept = append(kept, a)
		}
	}
	return kept
}

func (g *generator) streamKey() string {
	if g.IntN(20) == 0 {
		return g.anyKey()
	}
	return fmt.Sprintf("stream%d", g.IntN(4))
}

// newStreamID is mostly greater than all before.
func (g *generator) newStreamID() string {
	g.ids++
	switch g.IntN(16) {
	case 0:
		return g.streamID()
	case 1:
		return fmt.Sprint(g.ids, "-*")
	case 2:
		return fmt.Sprint(g.ids)
	case 3:
		return g.pick([]string{"0-0", "0", "-", "+", "x", "1-", "-1", "1-x", "01-02", "+5-+5", " 7", "5--05", "0-*",
			"*-1"})
	case 4:
		g.ids += g.IntN(1 << 12)
	}
	return fmt.Sprint(g.ids, "-", g.IntN(300))
}

// streamID is one of those that there may be.
func (g *generator) streamID() string {
	if g.IntN(20) == 0 {
		return g.pick([]string{"0", "0-0", "-", "+", "(5", "x", "", "18446744073709551615", "18446744073709551616",
			"5-0-1", "9223372036854775808-9223372036854775808"})
	}
	id := fmt.Sprint(max(g.ids-g.IntN(60), 0))
	if g.IntN(3) == 0 {
		return id + "-" + fmt.Sprint(g.IntN(300))
	}
	return id
}

func (g *generator) streamIDs() []string {
	list := make([]string, 1+g.IntN(4))
	for i := range list {
		list[i] = g.streamID()
	}
	return list
}

// rangeIDs are two ends of a range.
func (g *generator) rangeIDs() []string {
	draw := func() string {
		switch g.IntN(6) {
		case 0, 1:
			return g.pick([]string{"-", "+"})
		case 2:
			return "(" + g.streamID()
		}
		return g.streamID()
	}
	return []string{draw(), draw()}
}

func (g *generator) streamCount() []string {
	return g.maybe(g.pick([]string{"COUNT", "count"}), g.pick([]string{"1", "2", "3", "100", "0", "-1", "x"}))
}

func (g *generator) trimming() []string {
	args := cmd(g.pick([]string{"MAXLEN", "maxlen", "MAXLEN"}), g.pick([]string{"", "=", "~", "~"}),
		g.pick([]string{"0", "3", "10", "20", "-1", "x"}))
	if g.IntN(3) == 0 {
		args = cmd(g.pick([]string{"MINID", "minid"}), g.pick([]string{"", "=", "~", "~"}), g.streamID())
	}
	args = append(args, g.maybe("LIMIT", g.pick([]string{"0", "1", "5", "100", "-1", "x"}))...)
	return deleteEmpty(args)
}

func (g *generator) streamPairs() (pairs []string) {
	for range 1 + g.IntN(4) {
		value := g.pick([]string{"1", "-1", "70000", "a", "b", "", "a longer value",
			strings.Repeat("long", g.IntN(300))})
		if g.IntN(2) == 0 {
			value = fmt.Sprint(g.Int64() >> g.IntN(64))
		}
		pairs = append(pairs, g.pick([]string{"name", "n", "field", "7", ""}), value)
	}
	return pairs
}

func (g *generator) group() string    { return g.pick([]string{"g0", "g0", "g1", "g\x002"}) }
func (g *generator) consumer() string { return g.pick([]string{"c0", "c1", "c2", ""}) }

// idle is a time that all or none have been idle for.
func (g *generator) idle() string { return g.pick([]string{"0", "0", "0", "-5", "1000000000", "x"}) }

// streamsToRead appends keys, and what is wanted of each.
func (g *generator) streamsToRead(args, ids []string) []string {
	n := 1 + g.IntN(2)
	for range n {
		args = append(args, g.streamKey())
	}
	for range n {
		if id := g.pick(ids); g.IntN(6) > 0 {
			args = append(args, id)
		} else {
			args = append(args, g.streamID())
		}
	}
	if g.IntN(40) == 0 {
		args = args[:len(args)-1]
	}
	return args
}
