package dump

import (
	"fmt"
	"testing"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// payloadOf is a key of many elements, and what DUMP makes of it.
func payloadOf(b *testing.B, fill func(db *store.DB, key, element []byte)) (*store.Store, []byte) {
	s := newStore(1)
	key := []byte("key")
	for i := range 300_000 {
		fill(s.DB(0), key, fmt.Append(nil, "member:", i))
	}
	it, _ := s.DB(0).Get(key)
	p, err := rdb.NewPayloadWriter().Append(nil, Entry(it), true)
	if err != nil {
		b.Fatal(err)
	}
	return s, p
}

var benchmarked = []struct {
	name string
	fill func(db *store.DB, key, element []byte)
}{
	{"list", func(db *store.DB, key, element []byte) { db.ListPush(key, [][]byte{element}, false) }},
	{"set", func(db *store.DB, key, element []byte) { db.SetAdd(key, element) }},
}

func BenchmarkDump(b *testing.B) {
	for _, c := range benchmarked {
		b.Run(c.name, func(b *testing.B) {
			s, p := payloadOf(b, c.fill)
			b.SetBytes(int64(len(p)))
			it, _ := s.DB(0).Get([]byte("key"))
			w := rdb.NewPayloadWriter()
			for b.Loop() {
				if _, err := w.Append(nil, Entry(it), true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRestore(b *testing.B) {
	for _, c := range benchmarked {
		b.Run(c.name, func(b *testing.B) {
			s, p := payloadOf(b, c.fill)
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				err := rdb.ReadPayload(p, func(e rdb.Entry) error {
					e.Key = []byte("to")
					return Load(s, s.DB(0), e)
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
