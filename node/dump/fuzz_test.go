package dump

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

// FuzzRestore: a value that comes from anywhere is refused, or makes a store that is in order.
func FuzzRestore(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	payloads := rdb.NewPayloadWriter()
	s := newStore(1)
	for i, maker := range makers {
		for _, n := range []int{1, 5, 200} {
			key := []byte{'k', byte(i), byte(n)}
			maker(rng, s.DB(0), key, n)
			it, _ := s.DB(0).Get(key)
			p, err := payloads.Append(nil, Entry(it), false)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(p[:len(p)-10])
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		s := newStore(2)
		s.DB(0).SetString([]byte("k"), []byte("old"), store.EncEmbstr, store.NoExpiry)
		before := s.Digest()
		p = append(p[:len(p):len(p)], rdb.Version, 0)
		p = binary.LittleEndian.AppendUint64(p, rdb.CRC64(0, p))
		err := rdb.ReadPayload(p, func(e rdb.Entry) error {
			e.Key = []byte("k")
			return Load(s, s.DB(0), e)
		})
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		var damage *rdb.DamageError
		var unknown *rdb.UnknownTypeError
		if err != nil && (!errors.As(err, &damage) && !errors.As(err, &unknown) || s.Digest() != before) {
			t.Fatalf("%v, or the store has changed", err)
		}
	})
}
