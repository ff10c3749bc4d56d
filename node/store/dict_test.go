package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
)

type modelCell struct {
	value string
	word  uint64
	has   bool
}

// dictWorld is a dict beside its model.
type dictWorld struct {
	t     *testing.T
	rng   *rand.Rand
	d     *dict
	model map[string]modelCell
	refs  map[string]uint64 // as an owner of references to cells with words keeps them
	names int
}

func newDictWorld(t *testing.T, seed uint64, names int) *dictWorld {
	rng := rand.New(rand.NewPCG(seed, 7))
	h := newHasher(rng)
	w := &dictWorld{t: t, rng: rng, d: newDict(&h), model: map[string]modelCell{}, refs: map[string]uint64{},
		names: names}
	w.watch()
	return w
}

func (w *dictWorld) watch() {
	w.d.moved = func(name []byte, word, from, to uint64) {
		if c := w.model[string(name)]; w.refs[string(name)] != from || c.word != word {
			w.t.Fatalf("moved %q from %#x: it is at %#x with %d", name, from, w.refs[string(name)], c.word)
		}
		w.refs[string(name)] = to
	}
}

func (w *dictWorld) bytes(n int, typical int) []byte {
	size := typical + w.rng.IntN(typical)
	switch w.rng.IntN(400) {
	case 0:
		size = w.rng.IntN(3 * arenaMaxCell)
	case 1, 2, 3:
		size = 100 + w.rng.IntN(100)
	}
	return append(strconv.AppendInt(nil, int64(n), 10), bytes.Repeat([]byte("x"), size)...)
}

func (w *dictWorld) name() []byte {
	n := w.rng.IntN(w.names)
	name := strconv.AppendInt([]byte("n"), int64(n), 10)
	if n%300 == 7 {
		name = append(name, bytes.Repeat([]byte("L"), arenaMaxCell)...)
	}
	return name
}

// op does one random operation to both sides; kinds below 50 add.
func (w *dictWorld) op(kind int) {
	name := w.name()
	old, had := w.model[string(name)]
	switch {
	case kind < 50:
		w.put(name, had)
	case kind < 80:
		if w.d.remove(name) != had {
			w.t.Fatalf("remove %q", name)
		}
		delete(w.model, string(name))
		delete(w.refs, string(name))
	case kind < 88:
		ref, ok := w.d.find(name)
		if ok != had {
			w.t.Fatalf("find %q", name)
		}
		if had {
			old.word, old.has = w.rng.Uint64(), true
			w.refs[string(name)] = w.d.setWord(ref, old.word)
			w.model[string(name)] = old
		}
	case kind < 94:
		if ref, ok := w.d.find(name); ok {
			w.d.dropWord(ref)
			old.word, old.has = 0, false
			w.model[string(name)] = old
			delete(w.refs, string(name))
		}
	case kind < 97:
		w.d = w.d.clone()
		w.watch()
	default:
		if len(w.model) > 0 {
			name := w.d.name(w.d.random(w.rng))
			if _, ok := w.model[string(name)]; !ok {
				w.t.Fatalf("random: %q", name)
			}
		}
	}
}

func (w *dictWorld) put(name []byte, had bool) {
	c := modelCell{word: w.rng.Uint64(), has: w.rng.IntN(2) == 0}
	var value []byte
	if w.rng.IntN(3) > 0 {
		value = w.bytes(w.rng.IntN(100), 8)
		c.value = string(value)
	}
	if !c.has {
		c.word = 0
	}
	ref, created := w.d.put(name, value, c.word, c.has)
	if created == had || string(w.d.name(ref)) != string(name) {
		w.t.Fatalf("put %q", name)
	}
	w.model[string(name)] = c
	delete(w.refs, string(name))
	if c.has {
		w.refs[string(name)] = ref
	}
}

func (w *dictWorld) compare() {
	w.t.Helper()
	if err := w.d.check(); err != nil {
		w.t.Fatal(err)
	}
	seen := 0
	w.d.each(func(ref uint64) bool {
		seen++
		name := string(w.d.name(ref))
		word, has := w.d.word(ref)
		if got := (modelCell{string(w.d.value(ref)), word, has}); got != w.model[name] {
			w.t.Fatalf("%q is %v, should be %v", name, got, w.model[name])
		}
		if has && w.refs[name] != ref {
			w.t.Fatalf("%q is at %#x, its owner was told %#x", name, ref, w.refs[name])
		}
		return true
	})
	if seen != len(w.model) || w.d.len() != seen {
		w.t.Fatalf("%d cells seen, %d counted, should be %d", seen, w.d.len(), len(w.model))
	}
}

func TestDictAgainstModel(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			steps, every, names := 3000, 1, 60
			if seed%4 == 0 {
				steps, every, names = 60000, 3000, 5000
			}
			w := newDictWorld(t, seed, names)
			for i := range steps {
				kind := w.rng.IntN(100)
				if phase := i * 6 / steps; phase%2 == 1 && kind < 40 {
					kind = 60
				} else if phase%2 == 0 && kind >= 50 && kind < 70 {
					kind = 5
				}
				if kind >= 94 && kind < 97 && i%20 != 0 {
					continue // a clone costs as much as a comparison
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

// An element present all the time is returned by a scan whatever the dict does meanwhile.
func TestDictScanGuarantee(t *testing.T) {
	for seed := range uint64(40) {
		w := newDictWorld(t, seed, 1)
		rng := w.rng
		stay, others := 50+rng.IntN(300), rng.IntN(6000)
		name := func(prefix string, i int) []byte { return fmt.Appendf(nil, "%s%d", prefix, i) }
		for i := range stay {
			w.d.put(name("stay", i), nil, 0, false)
		}
		for i := range others {
			w.d.put(name("x", i), nil, 0, false)
		}
		seen := map[string]bool{}
		grow := rng.IntN(2) == 0
		for cursor, calls := uint64(0), 0; ; calls++ {
			cursor = w.d.scan(cursor, 1+rng.IntN(20), func(ref uint64) { seen[string(w.d.name(ref))] = true })
			if cursor == 0 {
				break
			}
			if rng.IntN(15) == 0 {
				grow = !grow
			}
			for range rng.IntN(300) {
				if grow && calls < 400 {
					w.d.put(name("x", others), nil, 0, false)
					others++
				} else if others > 0 {
					others--
					w.d.remove(name("x", others))
				}
			}
		}
		for i := range stay {
			if !seen[string(name("stay", i))] {
				t.Fatalf("seed %d: the scan missed stay%d", seed, i)
			}
		}
	}
}

func TestDictRandomIsUniform(t *testing.T) {
	const names, draws = 1000, 200_000
	w := newDictWorld(t, 1, 1)
	for i := range names {
		w.d.put(strconv.AppendInt(nil, int64(i), 10), nil, 0, false)
	}
	drawn := map[string]int{}
	for range draws {
		drawn[string(w.d.name(w.d.random(w.rng)))]++
	}
	chi := 0.0
	for i := range names {
		diff := float64(drawn[strconv.Itoa(i)]) - draws/names
		chi += diff * diff / (draws / names)
	}
	if chi > names+5*45 { // five standard deviations of chi squared
		t.Fatalf("chi squared is %.0f for %d names", chi, names)
	}
}

// TestDictMemory holds what an element costs, all in, to its mark.
func TestDictMemory(t *testing.T) {
	for _, c := range []struct {
		kind    string
		n, most int
		value   []byte
		word    bool
	}{
		{"set member of 16 bytes, of 200", 200, 48, nil, false},
		{"set member of 16 bytes, of 1,000,000", 1_000_000, 34, nil, false},
		{"hash field 16+16 bytes, of 1,000,000", 1_000_000, 51, make([]byte, 16), false},
		{"member with score, of 1,000,000", 1_000_000, 42, nil, true},
	} {
		w := newDictWorld(t, 1, 1)
		for i := range c.n {
			w.d.put(fmt.Appendf(nil, "member:%09d", i), c.value, 1, c.word)
		}
		each := float64(w.d.memory()) / float64(c.n)
		t.Logf("%s: %.1f bytes", c.kind, each)
		if each > float64(c.most) {
			t.Errorf("%s: %.1f bytes, at most %d wanted", c.kind, each, c.most)
		}
	}
}

// A dict that shrinks, or whose values change for ever, keeps little more memory than its cells need, though
// each change does little work.
func TestDictGivesMemoryBack(t *testing.T) {
	w := newDictWorld(t, 1, 1)
	const n = 200_000
	name := func(i int) []byte { return fmt.Appendf(nil, "member:%09d", i) }
	for i := range n {
		w.d.put(name(i), nil, 0, false)
	}
	full := w.d.memory()
	for _, i := range w.rng.Perm(n)[:n*9/10] {
		w.d.remove(name(i))
	}
	if got := w.d.memory(); got > full/7 {
		t.Errorf("a tenth of the members hold %d of %d bytes", got, full)
	}
	w = newDictWorld(t, 2, 1)
	for i := range 400_000 {
		w.d.put(name(w.rng.IntN(1000)), make([]byte, w.rng.IntN(200)), 0, false)
		if i%50_000 == 49_999 {
			if a := &w.d.arena; a.held > 1000*120*3/2 {
				t.Errorf("after %d changes the arena holds %d bytes, %d of them dead", i, a.held, a.dead)
			}
		}
	}
	if err := w.d.check(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkDictPut(b *testing.B) {
	h := newHasher(rand.New(rand.NewPCG(1, 1)))
	d := newDict(&h)
	buf := make([]byte, 16)
	for i := range b.N {
		if i%benchKeys == 0 {
			d = newDict(&h)
		}
		d.put(benchKey(buf, i), buf, 0, false)
	}
}

func BenchmarkDictFind(b *testing.B) {
	h := newHasher(rand.New(rand.NewPCG(1, 1)))
	d := newDict(&h)
	buf := make([]byte, 16)
	for i := range benchKeys {
		d.put(benchKey(buf, i), buf, 0, false)
	}
	b.ResetTimer()
	for i := range b.N {
		if _, ok := d.find(benchKey(buf, i*7)); !ok {
			b.Fatal("missing")
		}
	}
}
