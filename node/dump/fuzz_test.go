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
		if it, _ := s.DB(0).Get([]byte("k")); it.Type() == store.TypeStream {
			goOn(t, s, it)
		}
	})
}

// goOn changes a stream that was restored as clients might: whatever it was, it stays in order.
func goOn(t *testing.T, s *store.Store, it store.Item) {
	s.Limits.StreamEntries = 2
	stream := s.DB(0).EditStream(&it)
	length := stream.Len()
	var first store.StreamID
	if r := stream.Range(store.StreamID{}, store.MaxStreamID, false); r.Next() {
		first = r.ID
	}
	added := 0
	for range 3 {
		if id, ok := stream.LastID().Next(); ok {
			stream.Append(id, [][]byte{[]byte("field"), []byte("value")})
			added++
		}
	}
	for range 2 {
		if stream.Len() > 0 && !first.IsZero() && stream.Delete(first) {
			stream.Deleted(first)
			added--
		}
	}
	if got, want := stream.Len(), length+added; got != want {
		t.Fatalf("%d entries instead of %d", got, want)
	}
	for _, g := range stream.Groups() {
		g.Advance(first)
		for p, some := g.PendingFrom(store.StreamID{}); some; p, some = g.PendingFrom(p.ID) {
			if g.Take(p.ID); p.Count%2 == 0 {
				break
			}
		}
		g.Lag()
		if consumers := g.Consumers(); len(consumers) > 0 {
			g.Give(consumers[0], store.StreamPending{ID: first})
			g.DeleteConsumer(consumers[0])
		}
	}
	stream.Trim(store.Trimming{Length: 1})
	s.DB(0).StreamChanged(&it, []byte("k"), true)
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	last := stream.LastID()
	if n := 0; stream.Len() > 0 {
		for r := stream.Range(store.StreamID{}, last, true); r.Next(); n++ {
		}
		if n != stream.Len() {
			t.Fatalf("%d of %d entries are found backwards", n, stream.Len())
		}
	}
}
