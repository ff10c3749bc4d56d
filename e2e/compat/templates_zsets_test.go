package compat

import (
	"fmt"
	"strings"
)

// zsetTemplates work on sorted sets of three kinds: z0 to z3 are anything; zs0 and zs1 are few and short members, so
// that they stay packed, where even a range of names among different scores is well defined; lex0 and lex1 have equal
// scores.
var zsetTemplates = []template{
	{14, func(g *generator) []string { return cmd("zadd", g.zsetKey(), g.zaddOptions(), g.scored(1+g.IntN(6))) }},
	{2, func(g *generator) []string { return cmd("zadd", g.zsetKey(), g.manyScored()) }},
	{5, func(g *generator) []string { return cmd("zadd", g.smallZSetKey(), g.scoredShort(1+g.IntN(4))) }},
	{5, func(g *generator) []string { return cmd("zadd", g.lexKey(), g.equallyScored(1+g.IntN(8))) }},
	{1, func(g *generator) []string { return cmd("zadd", g.lexKey(), g.equallyScored(100)) }},
	{6, func(g *generator) []string { return cmd("zincrby", g.zsetKey(), g.score(), g.zmember()) }},
	{3, func(g *generator) []string {
		return cmd("zadd", g.zsetKey(), g.zaddOptions(), "INCR", g.score(), g.zmember())
	}},
	{6, func(g *generator) []string { return cmd("zrem", g.anyZSetKey(), g.zmembers()) }},
	{3, func(g *generator) []string { return cmd("zremrangebyrank", g.anyZSetKey(), g.rank(), g.rank()) }},
	{3, func(g *generator) []string {
		return cmd("zremrangebyscore", g.anyZSetKey(), g.scoreBound(), g.scoreBound())
	}},
	{2, func(g *generator) []string {
		return cmd("zremrangebylex", g.lexOrSmallKey(), g.lexBound(), g.lexBound())
	}},
	{3, func(g *generator) []string { return cmd("zcard", g.anyZSetKey()) }},
	{5, func(g *generator) []string { return cmd("zcount", g.anyZSetKey(), g.scoreBound(), g.scoreBound()) }},
	{4, func(g *generator) []string { return cmd("zlexcount", g.lexOrSmallKey(), g.lexBound(), g.lexBound()) }},
	{5, func(g *generator) []string { return cmd("zscore", g.anyZSetKey(), g.zmember()) }},
	{3, func(g *generator) []string { return cmd("zmscore", g.anyZSetKey(), g.zmembers()) }},
	{5, func(g *generator) []string {
		return cmd(g.pick([]string{"zrank", "zrevrank"}), g.anyZSetKey(), g.zmember())
	}},
	{8, func(g *generator) []string {
		return cmd("zrange", g.anyZSetKey(), g.rank(), g.rank(), g.maybe("REV"), g.maybe("WITHSCORES"))
	}},
	{8, func(g *generator) []string {
		return cmd("zrange", g.anyZSetKey(), g.scoreBound(), g.scoreBound(), "BYSCORE", g.maybe("REV"),
			g.maybe("WITHSCORES"), g.zlimit())
	}},
	{6, func(g *generator) []string {
		key, limit := g.lexKeyAndLimit()
		return cmd("zrange", key, g.lexBound(), g.lexBound(), "BYLEX", g.maybe("REV"), limit)
	}},
	{3, func(g *generator) []string {
		return cmd("zrange", g.lexOrSmallKey(), g.rank(), g.rank(), g.zlimit(),
			g.maybe(g.pick([]string{"BYLEX", "BYSCORE", "WITHSCORES", "x"})),
			g.maybe(g.pick([]string{"BYLEX", "BYSCORE", "WITHSCORES", "rev"})))
	}},
	{4, func(g *generator) []string {
		return cmd("zrangestore", g.zsetKey(), g.anyZSetKey(), g.rank(), g.rank(), g.maybe("REV"))
	}},
	{3, func(g *generator) []string {
		return cmd("zrangestore", g.zsetKey(), g.anyZSetKey(), g.scoreBound(), g.scoreBound(), "BYSCORE",
			g.maybe("REV"), g.zlimit())
	}},
	{2, func(g *generator) []string {
		key, limit := g.lexKeyAndLimit()
		return cmd("zrangestore", g.zsetKey(), key, g.lexBound(), g.lexBound(), "BYLEX", g.maybe("REV"), limit)
	}},
	{5, func(g *generator) []string {
		return cmd(g.pick([]string{"zrangebyscore", "zrevrangebyscore"}), g.anyZSetKey(), g.scoreBound(),
			g.scoreBound(), g.maybe("WITHSCORES"), g.zlimit())
	}},
	{4, func(g *generator) []string {
		key, limit := g.lexKeyAndLimit()
		return cmd(g.pick([]string{"zrangebylex", "zrevrangebylex"}), key, g.lexBound(), g.lexBound(), limit)
	}},
	{4, func(g *generator) []string {
		return cmd("zrevrange", g.anyZSetKey(), g.rank(), g.rank(), g.maybe("WITHSCORES"))
	}},
	{5, func(g *generator) []string {
		return cmd(g.pick([]string{"zpopmin", "zpopmax"}), g.anyZSetKey(),
			g.maybe(g.pick([]string{"0", "1", "2", "5", "-1", "x", "100000"})))
	}},
	{3, func(g *generator) []string {
		keys := g.zsourceKeys()
		return cmd("zmpop", g.keyCount(keys, "0", "-1", "x", "9", "100"), keys, g.pick([]string{"MIN", "max", "x"}),
			g.maybe("COUNT", g.pick([]string{"1", "3", "0", "-1", "x"})))
	}},
	{3, func(g *generator) []string {
		return cmd(g.pick([]string{"bzpopmin", "bzpopmax"}), g.zsourceKeys(), g.briefTimeout())
	}},
	{2, func(g *generator) []string {
		keys := g.zsourceKeys()
		return cmd("bzmpop", g.briefTimeout(), g.keyCount(keys, "0", "x"), keys, g.pick([]string{"MIN", "max", "x"}),
			g.maybe("COUNT", g.pick([]string{"1", "3", "0", "x"})))
	}},
	{8, func(g *generator) []string {
		keys := g.zsourceKeys()
		return cmd(g.pick([]string{"zunion", "zinter", "zdiff"}),
			g.keyCount(keys, "0", "-1", "x", "9", "9223372036854775807"), keys, g.zalgebra(len(keys)),
			g.maybe("WITHSCORES"))
	}},
	{8, func(g *generator) []string {
		keys := g.zsourceKeys()
		return cmd(g.pick([]string{"zunionstore", "zinterstore", "zdiffstore"}), g.zsetKey(),
			g.keyCount(keys, "0", "x", "9"), keys, g.zalgebra(len(keys)))
	}},
	{3, func(g *generator) []string {
		keys := g.zsourceKeys()
		return cmd("zintercard", g.keyCount(keys, "0", "x", "9"), keys,
			g.maybe("LIMIT", g.pick([]string{"0", "1", "2", "100", "-1", "x"})))
	}},
	{4, func(g *generator) []string {
		return cmd("zrandmember", g.anyZSetKey(),
			g.maybe(g.pick([]string{"0", "1", "5", "-5", "100000", "-1", "x", "-9223372036854775808",
				"9223372036854775807"})), g.maybe("WITHSCORES"))
	}},
	{4, func(g *generator) []string {
		return cmd("zscan", g.anyZSetKey(), g.pick([]string{"0", "0", "0", "x", "", "7"}),
			g.maybe("MATCH", g.pattern()),
			g.maybe("COUNT", g.pick([]string{"1", "3", "100", "0", "-1", "x"})),
			g.maybe(g.pick([]string{"TYPE", "x", "NOVALUES"})))
	}},
	{4, func(g *generator) []string { return cmd("object", "encoding", g.anyZSetKey()) }},
	{3, func(g *generator) []string { return cmd("del", g.anyZSetKey()) }},
	{1, func(g *generator) []string { return cmd("expire", g.zsetKey(), g.seconds()) }},
	{2, func(g *generator) []string {
		return cmd(g.pick([]string{"rename", "copy"}), g.zsetKey(), g.zsetKey(), g.maybe("REPLACE"))
	}},
	{2, func(g *generator) []string { return cmd("debug", "digest-value", g.anyZSetKey(), g.anyZSetKey()) }},
}

// zsetKey may be one of another kind, but none that SORT gets: in Redis that changes the encoding of what it sorts.
func (g *generator) zsetKey() string {
	switch g.IntN(30) {
	case 0:
		return g.lcsKey()
	case 1:
		return fmt.Sprintf("set%d", g.IntN(4))
	}
	return fmt.Sprintf("z%d", g.IntN(4))
}

func (g *generator) smallZSetKey() string { return fmt.Sprintf("zs%d", g.IntN(2)) }

func (g *generator) lexKey() string { return fmt.Sprintf("lex%d", g.IntN(2)) }

// lexKeyAndLimit has no limit where scores may differ: Redis skips members there that are not in the range.
func (g *generator) lexKeyAndLimit() (key string, limit []string) {
	if limit = g.zlimit(); len(limit) > 0 {
		return g.lexKey(), limit
	}
	return g.lexOrSmallKey(), nil
}

func (g *generator) lexOrSmallKey() string {
	if g.IntN(2) == 0 {
		return g.smallZSetKey()
	}
	return g.lexKey()
}

func (g *generator) anyZSetKey() string {
	switch g.IntN(4) {
	case 0:
		return g.smallZSetKey()
	case 1:
		return g.lexKey()
	}
	return g.zsetKey()
}

// keepsKind reports whether a command may not be spoiled, as its key must keep its kind.
func keepsKind(args []string) bool {
	return len(args) > 1 && (strings.HasPrefix(args[1], "zs") || strings.HasPrefix(args[1], "lex")) &&
		strings.HasPrefix(strings.ToLower(args[0]), "zadd")
}

func (g *generator) zsourceKeys() []string {
	list := make([]string, 1+g.IntN(4))
	for i := range list {
		if list[i] = g.anyZSetKey(); g.IntN(4) == 0 {
			list[i] = g.setKey()
		}
	}
	return list
}

// keyCount is the number of keys, or one of the wrong ones.
func (g *generator) keyCount(keys []string, wrong ...string) string {
	if g.IntN(8) == 0 {
		return g.pick(wrong)
	}
	return fmt.Sprint(len(keys))
}

func (g *generator) briefTimeout() string {
	return g.pick([]string{"0.001", "0.01", "1e-3", "-1", "x", "0x.01p1", "1e400"})
}

func (g *generator) score() string {
	switch g.IntN(12) {
	case 0:
		return g.pick(edges)
	case 1, 2:
		return g.fraction()
	case 3:
		return g.integer()
	case 4:
		return g.pick([]string{"inf", "-inf", "+inf", "-0", "1e18", "4611686018427387904", "-4611686018427387905",
			"1e17", "5e-324", "1.7976931348623157e308"})
	}
	return fmt.Sprint(g.IntN(20) - 5)
}

// zmember is one that other commands are likely to name, too.
func (g *generator) zmember() string {
	switch g.IntN(10) {
	case 0:
		return g.value()
	case 1:
		return fmt.Sprint(g.IntN(1000) - 100)
	case 2:
		return strings.Repeat("m", 60+g.IntN(10))
	case 3, 4, 5:
		return fmt.Sprintf("m%d", g.IntN(300))
	}
	return g.shortMember()
}

func (g *generator) shortMember() string {
	if g.IntN(3) == 0 {
		return fmt.Sprint(g.IntN(20))
	}
	return g.letters(g.IntN(4))
}

func (g *generator) zmembers() []string {
	list := make([]string, 1+g.IntN(5))
	for i := range list {
		list[i] = g.zmember()
	}
	return list
}

func (g *generator) scored(n int) (list []string) {
	for range n {
		list = append(list, g.score(), g.zmember())
	}
	return list
}

func (g *generator) scoredShort(n int) (list []string) {
	for range n {
		list = append(list, fmt.Sprint(g.IntN(4)), g.shortMember())
	}
	return list
}

func (g *generator) manyScored() (list []string) {
	first := g.IntN(200)
	for i := range 50 + g.IntN(150) {
		list = append(list, fmt.Sprint(g.IntN(30)), fmt.Sprintf("m%d", first+i))
	}
	return list
}

func (g *generator) equallyScored(n int) (list []string) {
	for range n {
		list = append(list, "0", g.letters(g.IntN(6)))
	}
	return list
}

func (g *generator) zaddOptions() (list []string) {
	for g.IntN(2) == 0 {
		list = append(list, g.pick([]string{"NX", "XX", "GT", "LT", "CH", "xx", "gt", "ch", "INCR"}))
	}
	return list
}

func (g *generator) rank() string {
	switch g.IntN(8) {
	case 0:
		return g.pick(edges)
	case 1:
		return g.integer()
	}
	return fmt.Sprint(g.IntN(30) - 15)
}

func (g *generator) scoreBound() string {
	if g.IntN(5) == 0 {
		return g.pick([]string{"-inf", "+inf", "(inf", "(-inf", "(", "", "( 1", "(1x", "nan", "(1e400"})
	}
	return g.pick([]string{"", "("}) + g.score()
}

func (g *generator) lexBound() string {
	if g.IntN(4) == 0 {
		return g.pick([]string{"-", "+", "-x", "+x", "", "x", "-\x00", "+\x00x", "[", "("})
	}
	return g.pick([]string{"[", "("}) + g.shortMember()
}

func (g *generator) zlimit() []string {
	if g.IntN(3) > 0 {
		return nil
	}
	return []string{"LIMIT", g.rank(), g.rank()}
}

func (g *generator) zalgebra(keys int) (list []string) {
	if g.IntN(2) == 0 {
		list = append(list, "WEIGHTS")
		for range keys {
			list = append(list, g.score())
		}
	}
	return append(list, g.maybe("AGGREGATE", g.pick([]string{"SUM", "min", "MAX", "x"}))...)
}
