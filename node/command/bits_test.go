package command

import (
	"math/rand/v2"
	"testing"
)

func TestBits(t *testing.T) {
	e := newTestEnv(t)
	e.run([]step{
		{"setbit b 7 1", ":0"},
		{"setbit b 7 1", ":1"},
		{"get b", `"\x01"`},
		{"setbit b 4294967296 1", "-ERR bit offset is not an integer or out of range"},
		{"setbit b -1 1", "-ERR bit offset is not an integer or out of range"},
		{"setbit b 1 2", "-ERR bit is not an integer or out of range"},
		{"getbit b 7", ":1"},
		{"getbit b 8", ":0"},
		{"getbit none 8", ":0"},
		{"bitpos b 1", ":7"},
		{"bitpos none 0 x", ":0"},
		{"bitpos none 1 x", ":-1"},
		{"set full \"\\xff\\xff\"", "+OK"},
		{"bitpos full 0", ":16"},
		{"bitpos full 0 0 -1", ":-1"},
		{"bitpos full 0 1 1 nibble", "-ERR syntax error"},
		{"bitcount full 3 11 bit", ":9"},
		{"bitcount none x y", ":0"},
		{"bitop not x full", ":2"},
		{"get x", `"\x00\x00"`},
		{"bitop xor x none none", ":0"},
		{"exists x", ":0"},
		{"bitfield f set u8 #1 255 get u8 #1 incrby i5 3 -3", "[:0 :255 :-3]"},
		{"bitfield f overflow fail incrby u8 #1 200 overflow sat incrby u8 #1 200", "[nil :255]"},
		{"bitfield f get u64 0",
			"-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."},
		{"bitfield_ro f set u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"},
		{"bitfield_ro f get i64 0 get u1 #300", "[:2161446346161127424 :0]"},
	})
}

func TestBitEffects(t *testing.T) {
	e := newTestEnv(t)
	for _, c := range []struct{ command, effects string }{
		{"setbit b 1 1", "SELECT 0\nsetbit b 1 1"},
		{"setbit b 1 1", ""},
		{"setbit b 9 0", "setbit b 9 0"}, // longer now
		{"bitfield b set u2 0 1", ""},
		{"bitfield b get u2 0", ""},
		{"bitfield b set u2 0 2", "bitfield b set u2 0 2"},
		{"bitfield n overflow fail set u2 0 9", "bitfield n overflow fail set u2 0 9"}, // a new key, of zeroes
		{"bitfield n overflow fail set u2 0 9", ""},
		{"bitop and x none", ""},
	} {
		e.do(words(t, c.command)...)
		if got := e.effects(); got != c.effects {
			t.Errorf("%s\n got %q\nwant %q", c.command, got, c.effects)
		}
	}
}

// TestBitRanges compares counting and finding with looking at every bit.
func TestBitRanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20000 {
		val := make([]byte, 1+rng.IntN(40))
		fill := byte(rng.IntN(2) * 0xff)
		for i := range val {
			if val[i] = fill; rng.IntN(12) == 0 {
				val[i] = byte(rng.Uint32())
			}
		}
		n := int64(len(val)) * 8
		r := bitRange{rng.Int64N(n), rng.Int64N(n)}
		set := rng.IntN(2) == 1
		count, pos := int64(0), int64(-1)
		for i := r.from; i <= r.to; i++ {
			one := val[i>>3]>>(7-i&7)&1 == 1
			if one {
				count++
			}
			if one == set && pos < 0 {
				pos = i
			}
		}
		if got := countBits(val, r); got != count {
			t.Fatalf("%x %v: %d bits, want %d", val, r, got, count)
		}
		if got := findBit(val, r, set); got != pos {
			t.Fatalf("%x %v: the first %v is at %d, want %d", val, r, set, got, pos)
		}
	}
}
