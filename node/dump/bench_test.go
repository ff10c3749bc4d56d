package dump

import (
	"bytes"
	"fmt"
	"testing"

	"holdfast/node/store"
)

// BenchmarkSnapshot saves and loads a thousand keys of each type: strings, small collections, and large ones.
func BenchmarkSnapshot(b *testing.B) {
	name := func(i int) []byte { return fmt.Appendf(nil, "member:%06d", i) }
	for what, fill := range map[string]func(db *store.DB, key []byte, n int){
		"string": func(db *store.DB, key []byte, _ int) { db.SetString(key, name(1), store.EncEmbstr, store.NoExpiry) },
		"set": func(db *store.DB, key []byte, n int) {
			for i := range n {
				db.SetAdd(key, name(i))
			}
		},
		"hash": func(db *store.DB, key []byte, n int) {
			for i := range n {
				db.HashSet(key, store.NoExpiry, name(i), name(i))
			}
		},
		"zset": func(db *store.DB, key []byte, n int) {
			for i := range n {
				db.ZSetAdd(key, store.ZAddMode{}, []store.ZMember{{Member: name(i), Score: float64(i)}})
			}
		},
		"list": func(db *store.DB, key []byte, n int) {
			for i := range n {
				db.ListPush(key, [][]byte{name(i)}, false)
			}
		},
	} {
		for _, size := range []int{5, 1000} {
			s := newStore(1)
			for k := range 1000 / size * 5 {
				fill(s.DB(0), fmt.Appendf(nil, "key:%06d", k), size)
			}
			var text []byte
			b.Run(fmt.Sprint("save/", what, size), func(b *testing.B) {
				for b.Loop() {
					text = save(b, s, false)
				}
			})
			b.Run(fmt.Sprint("load/", what, size), func(b *testing.B) {
				for b.Loop() {
					if err := load(bytes.Clone(text), newStore(1)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
