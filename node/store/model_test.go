package store

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var (
	seedFlag   = flag.Uint64("store.seed", 0, "seed of the first round of the property test; 0 takes the round numbers")
	roundsFlag = flag.Int("store.rounds", 12, "rounds of the property test")
)

// modelValue and modelDB say what a database is, in the plainest way.
type modelValue struct {
	val    string
	enc    Encoding
	at     int64
	access uint32
}

type modelDB map[string]modelValue

func (m modelDB) clone() modelDB {
	c := make(modelDB, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// world is a store beside its model.
type world struct {
	t     testing.TB
	rng   *rand.Rand
	s     *Store
	dbs   []modelDB
	keys  int // size of the key space
	sn    *Snapshot
	image []modelDB // the model when the snapshot began
	saved []modelDB // what it has emitted
	fail  int       // emits until it fails, -1 for never
	calls int       // of Changed
}

func newWorld(t testing.TB, seed uint64, databases, keys int) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := &world{t: t, rng: rng, s: New(databases, rng), keys: keys}
	w.s.Changed = func(*DB, []byte, bool) { w.calls++ }
	for range databases {
		w.dbs = append(w.dbs, modelDB{})
	}
	return w
}

func (w *world) key() []byte {
	n := w.rng.IntN(w.keys)
	k := fmt.Appendf(nil, "k%d", n)
	if n%17 == 0 {
		k = append(k, bytes.Repeat([]byte("x"), n%300)...)
	}
	if n%101 == 0 {
		k = append(k, bytes.Repeat([]byte("L"), 5000)...)
	}
	return k
}

func (w *world) val() []byte {
	size := w.rng.IntN(40)
	switch w.rng.IntN(20) {
	case 0:
		size = w.rng.IntN(400)
	case 1:
		size = w.rng.IntN(9000)
	case 2:
		size = 120 + w.rng.IntN(16)
	}
	b := make([]byte, size)
	for i := range b {
		b[i] = byte('a' + w.rng.IntN(26))
	}
	return b
}

func (w *world) expiry() int64 {
	if w.rng.IntN(2) == 0 {
		return NoExpiry
	}
	return int64(w.rng.IntN(1000))
}

func model(it Item) modelValue {
	return modelValue{string(it.Bytes()), it.Encoding(), it.ExpireAt(), it.Access()}
}

// op does one random operation to both sides.
func (w *world) op(kind int) {
	i := w.rng.IntN(len(w.dbs))
	d, m := w.s.DB(i), w.dbs[i]
	k := w.key()
	old, had := m[string(k)]
	w.s.NewAccess = uint32(w.rng.IntN(1 << 24))
	calls := w.calls
	switch {
	case kind < 40:
		v, at := w.val(), w.expiry()
		if w.rng.IntN(4) == 0 {
			at = KeepTTL
		}
		if len(v) > maxSmallSize && w.rng.IntN(2) == 0 {
			d.TakeString(k, bytes.Clone(v), TryEncode(v), at)
		} else {
			d.SetString(k, v, TryEncode(v), at)
		}
		if at == KeepTTL {
			at = NoExpiry
			if had {
				at = old.at
			}
		}
		m[string(k)] = modelValue{string(v), TryEncode(v), at, w.s.NewAccess}
	case kind < 60:
		w.want(d.Delete(k) == had, "Delete %q", k)
		delete(m, string(k))
	case kind < 68:
		w.grow(d, m, k)
	case kind < 76:
		at := w.expiry()
		w.want(d.SetExpire(k, at) == had, "SetExpire %q", k)
		if had {
			old.at = at
			m[string(k)] = old
		}
	case kind < 84:
		w.moveAround(i, k)
	case kind < 88:
		if w.rng.IntN(4) == 0 {
			if it, ok := d.Get(k); ok {
				d.SetAccess(&it, 77)
			}
			if had {
				old.access = 77
				m[string(k)] = old
				w.forgetAccess(k)
			}
			break
		}
		it, ok := d.Get(k)
		w.want(ok == had && (!ok || model(it) == old && bytes.Equal(it.Key(), k)), "Get %q", k)
	case kind < 92:
		w.expireScan(d, m)
	case kind < 93:
		j := w.rng.IntN(len(w.dbs))
		w.s.SwapDB(i, j)
		w.dbs[i], w.dbs[j] = w.dbs[j], w.dbs[i]
	case kind == 93 && w.rng.IntN(20) == 0:
		d.Flush()
		w.dbs[i] = modelDB{}
	case kind == 94 && w.rng.IntN(60) == 0:
		w.s.FlushAll()
		for i := range w.dbs {
			w.dbs[i] = modelDB{}
		}
	case kind == 95:
		w.s.Step(w.rng.IntN(50))
	default:
		w.snapshot()
	}
	if kind < 40 && w.calls == calls {
		w.t.Fatal("Changed was not called")
	}
}

func (w *world) want(ok bool, format string, args ...any) {
	if !ok {
		w.t.Helper()
		w.t.Fatalf(format+" disagrees with the model", args...)
	}
}

func (w *world) grow(d *DB, m modelDB, k []byte) {
	old, had := m[string(k)]
	size := len(old.val) + w.rng.IntN(30)
	if w.rng.IntN(10) == 0 {
		size = w.rng.IntN(6000)
	}
	b := d.Grow(k, size)
	want := make([]byte, size)
	copy(want, old.val)
	w.want(bytes.Equal(b, want), "Grow %q", k)
	if size > 0 {
		b[size-1], want[size-1] = 'G', 'G'
	}
	d.Touched(k)
	if !had {
		old = modelValue{at: NoExpiry, access: w.s.NewAccess}
	}
	old.val, old.enc = string(want), EncRaw
	m[string(k)] = old
}

func (w *world) moveAround(i int, k []byte) {
	d, m := w.s.DB(i), w.dbs[i]
	old, had := m[string(k)]
	j := w.rng.IntN(len(w.dbs))
	to := w.key()
	switch w.rng.IntN(3) {
	case 0:
		from := k
		if it, ok := d.Get(k); ok {
			from = it.Key() // aliases the store's memory
		}
		w.want(d.Rename(from, to) == had, "Rename %q %q", k, to)
		if had {
			delete(m, string(k))
			m[string(to)] = old
		}
	case 1:
		w.want(d.CopyTo(w.s.DB(j), k, to) == had, "CopyTo %q %q", k, to)
		if had {
			w.dbs[j][string(to)] = old
		}
	case 2:
		_, there := w.dbs[j][string(k)]
		can := had && !there && i != j
		w.want(d.MoveTo(w.s.DB(j), k) == can, "MoveTo %q", k)
		if can {
			delete(m, string(k))
			w.dbs[j][string(k)] = old
		}
	}
}

func (w *world) expireScan(d *DB, m modelDB) {
	now := int64(w.rng.IntN(300))
	visited, expired := d.ExpireScan(now, 1+w.rng.IntN(50), func(k []byte) {
		v, ok := m[string(k)]
		w.want(ok && v.at >= 0 && v.at <= now, "ExpireScan %q", k)
		w.want(d.Delete(k), "Delete %q", k)
		delete(m, string(k))
	})
	w.want(expired <= visited, "ExpireScan's counts")
}

// forgetAccess: access statistics are not part of the point in time.
func (w *world) forgetAccess(k []byte) {
	for _, image := range w.image {
		if v, ok := image[string(k)]; ok {
			v.access = 0
			image[string(k)] = v
		}
	}
}

// snapshot begins, steps, finishes, or gives up a snapshot.
func (w *world) snapshot() {
	if w.sn == nil {
		if w.rng.IntN(4) != 0 {
			return
		}
		w.image, w.saved, w.fail = nil, nil, -1
		if w.rng.IntN(5) == 0 {
			w.fail = w.rng.IntN(100)
		}
		for _, m := range w.dbs {
			w.image = append(w.image, m.clone())
			w.saved = append(w.saved, modelDB{})
		}
		w.sn = w.s.BeginSnapshot(func(db int, it Item) error {
			if w.fail == 0 {
				return fmt.Errorf("disk full")
			}
			w.fail--
			if _, twice := w.saved[db][string(it.Key())]; twice {
				w.t.Fatalf("the snapshot saved %q twice", it.Key())
			}
			w.saved[db][string(it.Key())] = model(it)
			return nil
		})
		return
	}
	done, err := w.sn.Step(w.rng.IntN(60))
	switch {
	case err != nil:
		w.want(w.fail == 0, "the snapshot's failure")
	case done:
		w.compareSnapshot()
	case w.rng.IntN(60) != 0:
		return
	}
	w.sn.Close()
	w.sn.Close()
	w.sn = nil
}

func (w *world) compareSnapshot() {
	for i, image := range w.image {
		keys, _ := w.sn.Size(i)
		w.want(len(image) == len(w.saved[i]) && len(image) == keys, "snapshot of database %d: its size", i)
		for k, v := range image {
			got := w.saved[i][k]
			if v.access == 0 {
				got.access = 0
			}
			w.want(got == v, "snapshot of database %d: %q", i, k)
		}
	}
}

// compare checks the whole contents and the store's own invariants.
func (w *world) compare() {
	w.t.Helper()
	if err := w.s.Check(); err != nil {
		w.t.Fatal(err)
	}
	for i, m := range w.dbs {
		d := w.s.DB(i)
		seen, expires := 0, 0
		d.Each(func(it Item) bool {
			seen++
			if it.ExpireAt() >= 0 {
				expires++
			}
			w.want(m[string(it.Key())] == model(it), "item %q", it.Key())
			return true
		})
		w.want(seen == len(m) && d.Len() == seen && d.Expires() == expires, "database %d's size", i)
	}
}

func TestAgainstModel(t *testing.T) {
	for round := range *roundsFlag {
		seed := *seedFlag + uint64(round)
		small := round%3 != 0
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			w, steps, every := newWorld(t, seed, 3, 30), 1500, 1
			if !small {
				w, steps, every = newWorld(t, seed, 4, 4000), 40000, 1000
			}
			for i := range steps {
				// Phases of growing and shrinking: few deletions, then many.
				kind := w.rng.IntN(100)
				if phase := i * 6 / steps; phase%2 == 1 && kind < 30 {
					kind = 45
				} else if phase%2 == 0 && kind >= 45 && kind < 60 {
					kind = 5
				}
				w.op(kind)
				if i%every == 0 {
					w.compare()
				}
			}
			w.compare()
		})
	}
}

func FuzzOperations(f *testing.F) {
	f.Add([]byte{1, 2, 3, 50, 62, 70, 80, 85, 90, 92, 93, 94, 95, 96, 97, 98, 99, 99, 99, 99}, uint64(1))
	f.Add([]byte{0, 0, 0, 0, 0, 99, 45, 45, 99, 60, 60}, uint64(2))
	f.Fuzz(func(t *testing.T, ops []byte, seed uint64) {
		if len(ops) > 4000 {
			return
		}
		w := newWorld(t, seed, 2, 12)
		for i, op := range ops {
			w.op(int(op) % 100)
			if i%16 == 0 {
				w.compare()
			}
		}
		w.compare()
	})
}
