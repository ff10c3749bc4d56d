package command

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchNumbers is how many different fields a command has.
const benchNumbers = 100_000

// BenchmarkExecute is a command of a client without what reads and writes it, and without warming its keys.
func BenchmarkExecute(b *testing.B) {
	for _, words := range [][]string{
		{"PING"},
		{"GET", "key"},
		{"SET", "key", "012345678901234567890123"},
		{"HSET", "hash", "field:%012d", "012345678901234567890123"},
		{"LPUSH", "list", "012345678901234567890123"},
		{"LPOP", "list"},
		{"XADD", "stream", "*", "user", "000000012345", "action", "view", "item", "item:000000054321"},
		{"XRANGE", "stream", "-", "+", "COUNT", "100"},
	} {
		b.Run(words[0], func(b *testing.B) {
			e := newTestEnv(b)
			e.Effects.Off = true
			rng := rand.New(rand.NewPCG(1, 2))
			requests := make([][][]byte, 2*benchNumbers)
			for i := range requests {
				requests[i] = byteArgs(words)
				if words[0] == "HSET" {
					requests[i][2] = fmt.Appendf(nil, words[2], rng.IntN(benchNumbers))
				}
			}
			for i := range max(len(requests), b.N) {
				switch words[0] {
				case "LPOP":
					e.Store.DB(0).ListPush([]byte("list"), [][]byte{[]byte("012345678901234567890123")}, true)
				case "XRANGE":
					if i < 1000 {
						e.do("XADD", "stream", "*", "user", "000000012345", "item", "item:000000054321")
					}
				case "HSET":
					e.Execute(e.c, requests[i%len(requests)])
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			e.Admit(e.c)
			for i := range b.N {
				e.Execute(e.c, requests[i%len(requests)])
				e.c.S.W.Buf = e.c.S.W.Buf[:0]
			}
		})
	}
}
