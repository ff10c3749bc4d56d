package persist_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"holdfast/node/persist"
	"holdfast/node/store"
)

// meddler changes large values whenever something is written.
type meddler struct {
	bytes.Buffer
	k     *keeper
	times int
}

func (m *meddler) Write(p []byte) (int, error) {
	m.k.engine.Lock()
	defer m.k.engine.Unlock()
	db := m.k.env.Store.DB(0)
	for i := range 200 {
		name := fmt.Appendf(nil, "member %d", (m.times*200+i*7)%6000)
		db.SetAdd([]byte("set"), name, append(name, '!'))
		db.SetRemove([]byte("set"), fmt.Appendf(nil, "member %d", (m.times*100+i)%6000))
		db.HashSet([]byte("hash"), store.NoExpiry, name, []byte("changed"))
		db.ZSetAdd([]byte("zset"), store.ZAddMode{}, []store.ZMember{{Member: name, Score: float64(i)}})
		db.ListSet([]byte("list"), i*11, name)
		db.ListDrop([]byte("list"), 1, 1)
	}
	db.SetString([]byte("text"), []byte("changed"), store.EncEmbstr, store.NoExpiry)
	m.times++
	return m.Buffer.Write(p)
}

// TestImageOfLargeValues: an image is of one moment, also where large values are written while they change.
func TestImageOfLargeValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := startKeeper(t, kept{})
		db := k.env.Store.DB(0)
		for i := range 6000 {
			name := fmt.Appendf(nil, "member %d", i)
			db.SetAdd([]byte("set"), name)
			db.HashSet([]byte("hash"), store.NoExpiry, name, name)
			db.ZSetAdd([]byte("zset"), store.ZAddMode{}, []store.ZMember{{Member: name, Score: float64(i)}})
			db.ListPush([]byte("list"), [][]byte{name, name, name, name, name}, false)
		}
		db.SetString([]byte("text"), bytes.Repeat([]byte("text "), 50000), store.EncRaw, store.NoExpiry)
		for range 2 { // the second image finds nothing frozen by the first
			want := k.env.Store.Digest()
			im := k.snapshot()
			out := &meddler{k: k}
			size, err := im.WriteTo(out)
			if err != nil || size != int64(out.Len()) || out.times < 3 {
				t.Fatalf("%d bytes of %d in %d writes, %v", out.Len(), size, out.times, err)
			}
			if err := im.Close(); err != nil {
				t.Fatal(err)
			}
			fresh := k.Disk.Loader.NewStore()
			if _, err := k.Disk.Loader.Load(&out.Buffer, fresh); err != nil {
				t.Fatal(err)
			}
			if fresh.Digest() != want || k.env.Store.Digest() == want {
				t.Error("the image is not of the moment at which it was fixed")
			}
			if err := k.env.Store.Check(); err != nil {
				t.Fatal(err)
			}
		}
		k.end()
	})
}

// closer gives an image up while it is written.
type closer struct {
	t  *testing.T
	im interface{ Close() error }
	k  *keeper
}

func (c *closer) Write(p []byte) (int, error) {
	if err := c.im.Close(); err != nil {
		c.t.Error(err)
	}
	return len(p), nil
}

func TestImageClosedWhileItIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := startKeeper(t, kept{})
		db := k.env.Store.DB(0)
		for i := range 6000 {
			db.SetAdd([]byte("set"), fmt.Appendf(nil, "member %d", i))
			db.SetAdd([]byte("other"), fmt.Appendf(nil, "member %d", i))
		}
		for range 3 {
			im := k.snapshot()
			if _, err := im.WriteTo(&closer{t, im, k}); err == nil {
				t.Error("an image that was closed is complete")
			}
			if err := im.Close(); err != nil {
				t.Error(err)
			}
		}
		k.end()
	})
}

// TestImageInSlices: what one slice saves under the lock is bounded in bytes, whatever the sizes of the entries; large
// values are only frozen there.
func TestImageInSlices(t *testing.T) {
	// The slice, and the bucket of the index in which it becomes full: for more, 14 of the largest entries would have
	// to be in one bucket.
	const most = 64<<10 + 6*64<<10
	synctest.Test(t, func(t *testing.T) {
		k := startKeeper(t, kept{lines: []string{"rdbcompression no"}})
		db, rng := k.env.Store.DB(0), rand.New(rand.NewPCG(1, 1))
		large := 0
		for i := range 500 {
			size := 1 << rng.IntN(18)
			key := fmt.Appendf(nil, "key %d", i)
			db.SetString(key, bytes.Repeat([]byte("x"), size), store.EncRaw, store.NoExpiry)
			if f, frozen := k.env.Store.Freeze(mustGet(t, db, key)); frozen {
				large++
				f.Release()
			}
		}
		im := k.snapshot()
		slices := 0
		for done := false; !done; slices++ {
			var err error
			if done, err = im.Step(); err != nil {
				t.Fatal(err)
			}
			if im.Ready().Len() > most {
				t.Fatalf("slice %d has %d bytes, want at most %d", slices, im.Ready().Len(), most)
			}
			im.Ready().Reset()
		}
		if large == 0 || im.Frozen() != large || slices < 500/persist.SliceEntries {
			t.Errorf("%d slices, %d values frozen of %d large ones", slices, im.Frozen(), large)
		}
		if err := im.Close(); err != nil {
			t.Error(err)
		}
		k.end()
	})
}

func mustGet(t *testing.T, db *store.DB, key []byte) store.Item {
	t.Helper()
	it, ok := db.Get(key)
	if !ok {
		t.Fatalf("there is no %q", key)
	}
	return it
}
