package compat

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator draws operations. Keys have a kind that their first letter tells, so that most commands meet a value that
// they can work with, and some don't.
type generator struct {
	*rand.Rand
	ids    int  // counts the ids of streams' entries
	unique int  // counts times to live, so that no two are alike
	brief  bool // the operation in hand sets something that is over after some milliseconds
	weight int
}

// generate is n operations from a seed.
func generate(seed uint64, n int) []op {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x486f6c6466617374))}
	for _, t := range templates {
		g.weight += t.weight
	}
	ops := make([]op, n)
	var later [clients]bool // something brief is queued, perhaps
	for i := range ops {
		g.brief = false
		client := g.client()
		args := g.spoil(g.command())
		later[client] = later[client] || g.brief
		ops[i] = op{client, args, g.brief}
		if strings.EqualFold(args[0], "exec") {
			ops[i].settle, later[client] = later[client], false
		}
	}
	return ops
}

// client is mostly the first one, so that transactions get somewhere.
func (g *generator) client() int { return max(0, g.IntN(clients+3)-3) }

func (g *generator) command() []string {
	n := g.IntN(g.weight)
	for _, t := range templates {
		if n -= t.weight; n < 0 {
			return t.draw(g)
		}
	}
	panic("unreachable")
}

// spoil makes one command in twenty wrong: an argument too many, too few, or a strange one.
func (g *generator) spoil(args []string) []string {
	if g.IntN(4) == 0 {
		args[0] = strings.ToUpper(args[0])
	}
	at := g.IntN(len(args))
	switch name := strings.ToLower(args[0]); {
	case keepsKind(args), name == "zrank", name == "zrevrank": // the last two have one argument more since 7.2
		return args
	case name == "srandmember" || name == "zrandmember" || name == "hrandfield":
		return args // Redis would answer any number of members
	case name == "setrange" || name == "setbit" || name == "bitfield":
		return args // a strange offset makes half a gigabyte
	case strings.HasPrefix(name, "bl"), strings.HasPrefix(name, "br"), strings.HasPrefix(name, "bz"):
		return args // a strange timeout is for ever
	case strings.HasPrefix(name, "xread"), name == "xadd", name == "xclaim", name == "xautoclaim", name == "xpending",
		name == "config":
		return args // a strange id is made of the time, a strange time is for ever, or one to be waited for
	case name == "spop" || name == "sadd" && strings.HasPrefix(args[1], "pop"):
		return args // what SPOP takes must not be chance
	case strings.Contains(name, "ex") || name == "set" && len(args) > 3:
		at = min(at, 1) // a strange time is one that ends while the test runs
	case strings.HasPrefix(name, "geo"):
		at = min(at, 1) // what a strange radius finds may be more than Redis can store
	case isSort(name):
		at = min(at, 1) // a strange BY makes the order of a set's elements chance
	}
	switch g.IntN(60) {
	case 0:
		if at > 0 {
			args = append(args[:at], args[at+1:]...)
		}
	case 1:
		args = append(args, g.value())
	case 2:
		if at > 0 {
			args[at] = g.pick(edges)
		}
	}
	return args
}

func (g *generator) pick(list []string) string { return list[g.IntN(len(list))] }

// maybe is its arguments, or nothing.
func (g *generator) maybe(args ...string) []string {
	if g.IntN(2) == 0 {
		return nil
	}
	return args
}

// key is one of few keys, mostly of the kind asked for: i integers, f fractions, s strings.
func (g *generator) key(kind byte) string {
	if g.IntN(8) == 0 {
		return g.pick(oddKeys)
	}
	if g.IntN(8) == 0 {
		kind = "ifs"[g.IntN(3)]
	}
	return string(kind) + strconv.Itoa(g.IntN(4))
}

func (g *generator) anyKey() string { return g.key("ifs"[g.IntN(3)]) }

func (g *generator) keys() []string {
	list := make([]string, 1+g.IntN(4))
	for i := range list {
		list[i] = g.anyKey()
	}
	return list
}

// lcsKey is a key that nothing but SET writes, so that it stays short.
func (g *generator) lcsKey() string { return "l" + strconv.Itoa(g.IntN(3)) }

func (g *generator) integer() string {
	switch g.IntN(4) {
	case 0:
		return g.pick(edges)
	case 1:
		return strconv.FormatInt(int64(g.Uint64()), 10)
	}
	return strconv.Itoa(g.IntN(2001) - 1000)
}

// fraction is mostly a number with many digits.
func (g *generator) fraction() string {
	switch g.IntN(6) {
	case 0:
		return g.pick(edges)
	case 1:
		return strconv.FormatFloat(g.NormFloat64(), 'g', -1, 64)
	case 2:
		return strconv.FormatFloat(g.NormFloat64()*1000, 'f', g.IntN(20), 64)
	case 3:
		return strconv.FormatFloat(g.NormFloat64(), 'x', g.IntN(16), 64)
	}
	digits := make([]byte, 1+g.IntN(25))
	for i := range digits {
		digits[i] = byte('0' + g.IntN(10))
	}
	if at := g.IntN(len(digits) + 1); at < len(digits) {
		digits[at] = '.'
	}
	return g.pick([]string{"", "", "-", "+"}) + "1" + string(digits) +
		g.pick([]string{"", "", fmt.Sprintf("e%d", g.IntN(60)-30), fmt.Sprintf("e%d", g.IntN(10200)-5100)})
}

func (g *generator) value() string {
	switch g.IntN(6) {
	case 0:
		return g.pick(edges)
	case 1:
		return g.integer()
	case 2:
		return g.fraction()
	case 3:
		b := make([]byte, g.IntN(60))
		for i := range b {
			b[i] = byte(g.Uint32())
		}
		return string(b)
	}
	return g.letters(g.IntN(50))
}

func (g *generator) letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "abc"[g.IntN(3)]
	}
	return string(b)
}

// seconds is a long time to live, unlike any other: conditions such as GT must not depend on milliseconds gone by.
func (g *generator) seconds() int {
	g.unique++
	return 1_000_000 + (1-2*g.IntN(2))*20*g.unique
}

// moment is an absolute time of that kind, in the year 2100 or in the past.
func (g *generator) moment() int {
	if g.IntN(4) == 0 {
		return g.IntN(1_000_000_000) + 1
	}
	return 4_102_444_800 + g.seconds()
}

// expiry is an option of SET and GETEX with its time.
func (g *generator) expiry() []string {
	switch g.IntN(8) {
	case 0:
		g.brief = true
		return []string{"PX", "1"}
	case 1:
		return []string{"PX", fmt.Sprint(g.seconds() * 1000)}
	case 2:
		return []string{"EXAT", fmt.Sprint(g.moment())}
	case 3:
		return []string{"PXAT", fmt.Sprint(g.moment() * 1000)}
	case 4:
		return []string{g.pick([]string{"ex", "px", "exat", "pxat"}),
			g.pick([]string{"0", "-1", "x", "9223372036854775807", "9223372036854776", "-9223372036854775808", ""})}
	}
	return []string{"EX", fmt.Sprint(g.seconds())}
}

var oddKeys = []string{"", "\x00", "a\r\nb", "s0\x00", "\xff\xfe", "{s}1", "*", "[a]", strings.Repeat("k", 100)}

// edges are values on which parsers differ.
var edges = []string{
	"", "0", "-0", "1", "-1", "+1", "01", "00", " 1", "1 ", "1\x00", "x", "-", "+", ".", "1.", ".5", "-.5e1", "1e3",
	"1E+3", "1e", "1e+", "1e400",
	"1e5000", "1e4932", "-1.18e4932", "1e-4950", "1e-4951", "1e-5000", "0x", "0x1f", "0X.8p1", "0x1p", "0x1p16384",
	"inf", "-inf", "Infinity", "nan", "nan(1)", "infx",
	"9", "10", "9999", "10000", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967295", "4294967296",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
	"18446744073709551615", "18446744073709551616",
	"99999999999999999999", "123456789012345678901", "0.1", "0.30000000000000004", "3.0", "1_0", "\xff", "\r\n", "nx",
	"get", "*", "count",
	strings.Repeat("a", 44), strings.Repeat("a", 45), strings.Repeat("9", 44), strings.Repeat("0", 30) + "1.5",
	strings.Repeat("1", 5119), strings.Repeat("1", 5120),
}
