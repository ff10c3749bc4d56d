package dump

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"holdfast/node/rdb"
	"holdfast/node/store"
)

func newStore(seed uint64) *store.Store { return store.New(4, rand.New(rand.NewPCG(seed, 9))) }

func word(rng *rand.Rand, i int) []byte {
	switch rng.IntN(4) {
	case 0:
		return fmt.Append(nil, i-5)
	case 1:
		return fmt.Append(nil, strings.Repeat("w", rng.IntN(100)), i)
	case 2:
		return fmt.Append(nil, rng.Int64()>>rng.IntN(64), ":", i)
	}
	return fmt.Append(nil, "m", i)
}

var scores = []float64{0, 1, -1, 1.5, 1e300, math.Inf(1), math.Inf(-1), 1e15, 0.1, 1 << 60}

// fill makes keys of all types, small and large.
func fill(rng *rand.Rand, s *store.Store, makers []maker) {
	for i := range 120 {
		key := fmt.Append(nil, "key:", i)
		db := s.DB(rng.IntN(3))
		n := 1 + rng.IntN(1<<rng.IntN(11))
		makers[rng.IntN(len(makers))](rng, db, key, n)
		if rng.IntN(3) == 0 {
			db.SetExpire(key, 1+rng.Int64N(1<<45))
		}
	}
}

type maker = func(rng *rand.Rand, db *store.DB, key []byte, n int)

// plainMakers make what Redis 7.0 has too.
var plainMakers = []maker{
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		val := bytes.Repeat(word(rng, n), n)
		db.SetString(key, val, store.TryEncode(val), store.NoExpiry)
	},
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		for i := range n {
			db.ListPush(key, [][]byte{word(rng, i)}, rng.IntN(2) == 0)
		}
	},
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		for i := range n {
			db.SetAdd(key, word(rng, i))
		}
	},
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		for i := range n {
			db.SetAdd(key, fmt.Append(nil, i<<rng.IntN(40)))
		}
	},
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		for i := range n {
			db.HashSet(key, store.NoExpiry, word(rng, i), word(rng, 1))
		}
	},
	func(rng *rand.Rand, db *store.DB, key []byte, n int) {
		for i := range n {
			db.ZSetAdd(key, store.ZAddMode{},
				[]store.ZMember{{Member: word(rng, i), Score: scores[rng.IntN(len(scores))]}})
		}
	},
	makeStream,
}

// makeStream makes a stream with groups.
func makeStream(rng *rand.Rand, db *store.DB, key []byte, n int) {
	s, it := db.NewStream(key)
	id := store.StreamID{Ms: rng.Uint64() >> rng.IntN(40), Seq: 1}
	for i := range n {
		id = store.StreamID{Ms: id.Ms + rng.Uint64N(1<<rng.IntN(20)), Seq: id.Seq + 1}
		pairs := [][]byte{[]byte("field"), word(rng, i)}
		if rng.IntN(4) == 0 {
			pairs = append(pairs, word(rng, 1), word(rng, i))
		}
		s.Append(id, pairs)
		if rng.IntN(5) == 0 {
			s.Delete(id)
			s.Deleted(id)
		}
	}
	for g := range rng.IntN(3) {
		s.CreateGroup(word(rng, g), store.StreamID{Ms: rng.Uint64() >> rng.IntN(64)}, rng.Int64N(9)-1)
	}
	for _, g := range s.Groups() {
		for i := range 1 + rng.IntN(4) {
			c := g.CreateConsumer(fmt.Append(nil, "consumer", i), rng.Int64N(1<<45))
			for range rng.IntN(n + 1) {
				g.Give(c, store.StreamPending{ID: store.StreamID{Ms: id.Ms - rng.Uint64N(500)},
					Delivered: rng.Int64N(1 << 45), Count: rng.Int64N(9)})
			}
		}
	}
	db.StreamChanged(&it, key, true)
}

var makers = append(slices.Clone(plainMakers), func(rng *rand.Rand, db *store.DB, key []byte, n int) {
	for i := range n {
		db.HashSet(key, []int64{store.NoExpiry, 1 + rng.Int64N(1<<45)}[rng.IntN(2)], word(rng, i), word(rng, 1))
	}
})

// save writes a whole store as a snapshot.
func save(t testing.TB, s *store.Store, fieldTimes bool) []byte {
	t.Helper()
	var b bytes.Buffer
	w := rdb.NewWriter(&b)
	w.FieldTimes = fieldTimes
	w.Header(nil)
	for i := range s.Databases() {
		db := s.DB(i)
		w.SelectDB(i, db.Len(), db.Expires())
		db.Each(func(it store.Item) bool { return w.Entry(Entry(it)) == nil })
	}
	if err := w.EOF(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// payload is what DUMP answers without compression.
func payload(t testing.TB, it store.Item) []byte {
	t.Helper()
	p, err := rdb.NewPayloadWriter().Append(nil, Entry(it), false)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(p []byte, s *store.Store) error {
	return rdb.NewReader(bytes.NewReader(p)).Read(
		rdb.Callbacks{Entry: func(e rdb.Entry) error { return Load(s, s.DB(e.DB), e) }})
}

// equal fails the test unless both stores hold the same, down to the times of expiry.
func equal(t *testing.T, got, want *store.Store) {
	t.Helper()
	if err := got.Check(); err != nil {
		t.Fatal(err)
	}
	if got.Digest() != want.Digest() {
		t.Fatal("the digests differ")
	}
	for i := range want.Databases() {
		want.DB(i).Each(func(it store.Item) bool {
			other, ok := got.DB(i).Get(it.Key())
			if !ok || other.ExpireAt() != it.ExpireAt() || other.Encoding() != it.Encoding() ||
				other.Len() != it.Len() {
				t.Errorf("%s: %v %v %d %d, want %v %d %d", it.Key(), ok, other.Encoding(), other.Len(),
					other.ExpireAt(), it.Encoding(), it.Len(), it.ExpireAt())
			}
			// Groups are in no digest.
			if it.Type() == store.TypeStream && !bytes.Equal(payload(t, other), payload(t, it)) {
				t.Errorf("the stream %s is another one", it.Key())
			}
			return true
		})
	}
}

func TestRoundTrip(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 1))
		s := newStore(seed)
		fill(rng, s, makers)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		fresh := newStore(seed + 100)
		if err := load(save(t, s, true), fresh); err != nil {
			t.Fatal(err)
		}
		equal(t, fresh, s)
		// Into a store that holds the same keys with other values.
		if err := load(save(t, s, true), fresh); err != nil {
			t.Fatal(err)
		}
		equal(t, fresh, s)
	}
}

// TestOtherLimits: packed values that the limits of the reader don't allow are built anew.
func TestOtherLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	s := newStore(1)
	fill(rng, s, makers)
	for _, limits := range []*store.Limits{
		{},
		{HashEntries: 1, HashValue: 1, ListSize: 3, ListPlain: 5, SetIntset: 1, ZSetEntries: 1, ZSetValue: 1},
		{HashEntries: 1 << 30, HashValue: 1 << 30, ListSize: -5, SetIntset: 1 << 30, ZSetEntries: 1 << 30,
			ZSetValue: 1 << 30},
	} {
		other := newStore(2)
		other.Limits = limits
		if err := load(save(t, s, true), other); err != nil {
			t.Fatal(err)
		}
		if err := other.Check(); err != nil {
			t.Fatal(err)
		}
		back := newStore(3)
		if err := load(save(t, other, true), back); err != nil {
			t.Fatal(err)
		}
		if other.Digest() != s.Digest() || back.Digest() != s.Digest() {
			t.Errorf("%+v: the digests differ", limits)
		}
	}
}

// TestFrozen: a value that was frozen is described like one that was not.
func TestFrozen(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 1))
	s, fresh := newStore(1), newStore(2)
	for i, maker := range makers {
		maker(rng, s.DB(0), fmt.Append(nil, "large", i), 20000)
		s.DB(0).SetExpire(fmt.Append(nil, "large", i), int64(i))
	}
	frozen := 0
	var b bytes.Buffer
	w := rdb.NewWriter(&b)
	w.Header(nil)
	s.DB(0).Each(func(it store.Item) bool {
		f, ok := s.Freeze(it)
		if !ok {
			return w.Entry(Entry(it)) == nil
		}
		frozen++
		defer f.Release()
		return w.Entry(FrozenEntry(f)) == nil
	})
	if err := w.EOF(); err != nil || frozen < len(makers)-1 {
		t.Fatalf("%d values frozen, %v", frozen, err)
	}
	if err := load(b.Bytes(), fresh); err != nil {
		t.Fatal(err)
	}
	equal(t, fresh, s)
}

func TestPayloads(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	s, fresh := newStore(1), newStore(2)
	fill(rng, s, makers)
	payloads := rdb.NewPayloadWriter()
	for i := range s.Databases() {
		s.DB(i).Each(func(it store.Item) bool {
			p, err := payloads.Append(nil, Entry(it), true)
			if err != nil {
				t.Fatal(err)
			}
			if pieces, err := payloads.Pieces(Entry(it), true); err != nil || !bytes.Equal(bytes.Join(pieces, nil), p) {
				t.Fatalf("%q: the pieces are another payload, %v", it.Key(), err)
			}
			err = rdb.ReadPayload(p, func(e rdb.Entry) error {
				e.Key, e.ExpireAt = it.Key(), it.ExpireAt()
				return Load(fresh, fresh.DB(i), e)
			})
			if err != nil {
				t.Fatal(err)
			}
			return true
		})
	}
	equal(t, fresh, s)
}

// TestNothingChangesOnError: what is there stays when a value can't be loaded.
func TestNothingChangesOnError(t *testing.T) {
	s := newStore(1)
	db := s.DB(0)
	val := []byte("old")
	db.SetString([]byte("k"), val, store.TryEncode(val), store.NoExpiry)
	before := s.Digest()
	twice := slices.Values([]rdb.Element{{Name: []byte("a"), Value: []byte("1")}, {Name: []byte("b")},
		{Name: []byte("a"), Value: []byte("2")}})
	for _, typ := range []byte{rdb.TypeSet, rdb.TypeZSet, rdb.TypeHash, rdb.TypeHashFieldsTime} {
		e := rdb.Entry{Key: []byte("k"), Type: typ, Len: 3, Elements: twice, ExpireAt: 5}
		if err := Load(s, db, e); err != rdb.ErrTwice {
			t.Errorf("type %d: %v", typ, err)
		}
		e.Len, e.Elements = 2, slices.Values([]rdb.Element{{Name: []byte("a")}})
		if err := Load(s, db, e); err == nil {
			t.Errorf("type %d is loaded though an element is missing", typ)
		}
	}
	if err := Load(s, db, rdb.Entry{Key: []byte("k"), Type: rdb.TypeList, Len: 2,
		Elements: slices.Values([]rdb.Element{{Value: []byte("a")}})}); err == nil {
		t.Error("a list is loaded though a node is missing")
	}
	if s.Digest() != before {
		t.Error("a value that could not be loaded has changed the store")
	}
}

// TestStringTakesNoMemory: a snapshot describes millions of them while others wait.
func TestStringTakesNoMemory(t *testing.T) {
	db := newStore(1).DB(0)
	db.SetString([]byte("key"), bytes.Repeat([]byte("x"), 100), store.EncRaw, store.NoExpiry)
	it, ok := db.Get([]byte("key"))
	if !ok {
		t.Fatal("there is no key")
	}
	size := 0
	if n := testing.AllocsPerRun(100, func() { e := Entry(it); size += len(e.Value) }); n != 0 || size == 0 {
		t.Errorf("%v allocations for %d bytes", n, size)
	}
}
