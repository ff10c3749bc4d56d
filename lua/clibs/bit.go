package clibs

import (
	"math"
	"math/bits"

	"holdfast/lua"
)

// OpenBit makes the library as the global variable bit.
func OpenBit(l *lua.State) {
	l.Register("bit", map[string]lua.Function{
		"tobit":   bitsOfOne(func(b uint32) uint32 { return b }),
		"bnot":    bitsOfOne(func(b uint32) uint32 { return ^b }),
		"bswap":   bitsOfOne(bits.ReverseBytes32),
		"band":    bitsOfMany(func(a, b uint32) uint32 { return a & b }),
		"bor":     bitsOfMany(func(a, b uint32) uint32 { return a | b }),
		"bxor":    bitsOfMany(func(a, b uint32) uint32 { return a ^ b }),
		"lshift":  bitShift(func(b uint32, n int) uint32 { return b << n }),
		"rshift":  bitShift(func(b uint32, n int) uint32 { return b >> n }),
		"arshift": bitShift(func(b uint32, n int) uint32 { return uint32(int32(b) >> n) }),
		"rol":     bitShift(bits.RotateLeft32),
		"ror":     bitShift(func(b uint32, n int) uint32 { return bits.RotateLeft32(b, -n) }),
		"tohex":   toHex,
	})
}

// bits32 is a number's low 32 bits, rounded to the nearest whole number.
func bits32(l *lua.State, i int) uint32 {
	return uint32(math.Float64bits(l.CheckNumber(i) + 6755399441055744)) // 2^52 + 2^51 moves them to the low end
}

func pushBits(l *lua.State, b uint32) int {
	l.PushNumber(float64(int32(b)))
	return 1
}

func bitsOfOne(f func(uint32) uint32) lua.Function {
	return func(l *lua.State) int { return pushBits(l, f(bits32(l, 1))) }
}

func bitsOfMany(f func(a, b uint32) uint32) lua.Function {
	return func(l *lua.State) int {
		b := bits32(l, 1)
		for i := l.NArgs(); i > 1; i-- {
			b = f(b, bits32(l, i))
		}
		return pushBits(l, b)
	}
}

func bitShift(f func(b uint32, n int) uint32) lua.Function {
	return func(l *lua.State) int {
		b := bits32(l, 1)
		return pushBits(l, f(b, int(bits32(l, 2)&31)))
	}
}

func toHex(l *lua.State) int {
	b := bits32(l, 1)
	n := int32(8)
	if l.NArgs() > 1 {
		n = int32(bits32(l, 2))
	}
	digits := "0123456789abcdef"
	if n < 0 {
		n = -n
		digits = "0123456789ABCDEF"
	}
	if n > 8 || n < 0 {
		n = 8
	}
	text := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		text[i] = digits[b&15]
		b >>= 4
	}
	l.PushBytes(text)
	return 1
}
