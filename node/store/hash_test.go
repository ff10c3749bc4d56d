package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

type modelField struct {
	value string
	at    int64
}

// hashModel is a hash as plain as can be.
type hashModel map[string]modelField

func (m hashModel) next() int64 {
	next := NoExpiry
	for _, f := range m {
		if f.at >= 0 && (next < 0 || f.at < next) {
			next = f.at
		}
	}
	return next
}

func fieldsOf(h Hash) hashModel {
	m := hashModel{}
	h.Each(func(field, value []byte, at int64) bool {
		m[string(field)] = modelField{string(value), at}
		return true
	})
	return m
}

// hashWorld is a database of hashes beside its model.
type hashWorld struct {
	t      *testing.T
	rng    *rand.Rand
	s      *Store
	d      *DB
	models map[string]hashModel
	fields int

	sn    *Snapshot
	image map[string]hashModel // the models when the snapshot began, without those that it has emitted
}

func (w *hashWorld) field() string {
	n := w.rng.IntN(w.fields)
	if n%50 == 49 {
		return strings.Repeat("f", n)
	}
	if n%3 == 0 {
		return strconv.Itoa(n)
	}
	return "field" + strconv.Itoa(n)
}

func (w *hashWorld) value() string {
	switch w.rng.IntN(60) {
	case 0:
		return strings.Repeat("v", w.rng.IntN(300))
	case 1:
		return ""
	}
	return strconv.Itoa(w.rng.IntN(1 << w.rng.IntN(40)))
}

func (w *hashWorld) time() int64 {
	if w.rng.IntN(2) == 0 {
		return NoExpiry
	}
	return 1 + int64(w.rng.IntN(1000))
}

// op does one random operation to both sides.
func (w *hashWorld) op(kind int) {
	key := fmt.Sprintf("key%d", w.rng.IntN(6))
	m := w.models[key]
	if m == nil {
		m = hashModel{}
		w.models[key] = m
	}
	switch {
	case kind < 45:
		w.set(key, m)
	case kind < 65:
		list := []string{w.field(), w.field()}
		want := len(m)
		for _, f := range list {
			delete(m, f)
		}
		w.want(w.d.HashRemove([]byte(key), byteSlices(list)...) == want-len(m), "HashRemove")
	case kind < 80:
		f, at := w.field(), w.time()
		old, had := m[f]
		w.want(w.d.HashExpire([]byte(key), at, []byte(f)) == 1 == had, "HashExpire")
		if had {
			m[f] = modelField{old.value, at}
		}
	case kind < 85:
		w.purge(key, m)
	case kind < 92:
		to := fmt.Sprintf("key%d", w.rng.IntN(6))
		if kind < 88 {
			w.d.CopyTo(w.d, []byte(key), []byte(to))
		} else if to != key && len(m) > 0 {
			w.d.Rename([]byte(key), []byte(to))
			delete(w.models, key)
		}
		if len(m) > 0 {
			w.models[to] = maps.Clone(m)
		}
	case kind < 93:
		w.d.SetString([]byte(key), []byte(strings.Repeat("s", w.rng.IntN(60))), EncRaw, KeepTTL)
		w.want(w.d.Delete([]byte(key)), "Delete")
		delete(w.models, key)
	case kind < 96:
		if len(m) > 0 {
			w.d.SetExpire([]byte(key), w.time())
		}
	case kind < 98:
		w.look(key, m)
	default:
		w.snapshot()
	}
}

// snapshot begins a snapshot or does a step of it: it must have every hash as it was at the begin.
func (w *hashWorld) snapshot() {
	if w.sn == nil {
		w.image = map[string]hashModel{}
		for key, m := range w.models {
			if len(m) > 0 {
				w.image[key] = maps.Clone(m)
			}
		}
		w.sn = w.s.BeginSnapshot(func(_ int, it Item) error {
			key := string(it.Key())
			w.want(maps.Equal(fieldsOf(it.Hash()), w.image[key]), "the snapshot of "+key)
			delete(w.image, key)
			return nil
		})
		return
	}
	if done, err := w.sn.Step(1); done || err != nil {
		w.want(err == nil && len(w.image) == 0, "the snapshot")
		w.sn.Close()
		w.sn = nil
	}
}

func (w *hashWorld) set(key string, m hashModel) {
	at := w.time()
	if w.rng.IntN(4) > 0 {
		at = NoExpiry
	}
	if w.rng.IntN(4) == 0 {
		at = KeepTTL
	}
	before := len(m)
	var pairs []string
	for range 1 + w.rng.IntN(4) {
		f, v, when := w.field(), w.value(), at
		if at == KeepTTL {
			when = NoExpiry
			if old, ok := m[f]; ok {
				when = old.at
			}
		}
		pairs = append(pairs, f, v)
		m[f] = modelField{v, when}
	}
	if it, _ := w.d.Get([]byte(key)); w.rng.IntN(2) == 0 {
		w.want(w.d.HashSetTo(&it, []byte(key), at, byteSlices(pairs)...) == len(m)-before, "HashSetTo")
		return
	}
	w.want(w.d.HashSet([]byte(key), at, byteSlices(pairs)...) == len(m)-before, "HashSet")
}

func (w *hashWorld) purge(key string, m hashModel) {
	now, limit := 1+int64(w.rng.IntN(500)), 1+w.rng.IntN(5)
	last := int64(0)
	n := w.d.HashPurge([]byte(key), now, limit, func(field []byte, _ int64) {
		f, ok := m[string(field)]
		w.want(ok && f.at >= last && f.at < now, "HashPurge")
		last = f.at
		delete(m, string(field))
	})
	next := m.next()
	w.want(n == limit || next < 0 || next >= now, "what HashPurge leaves")
}

func (w *hashWorld) look(key string, m hashModel) {
	it, ok := w.d.Get([]byte(key))
	h := it.Hash()
	w.want(ok == (len(m) > 0) && h.Len() == len(m) && it.Len() == len(m) && h.NextExpiry() == m.next(), "the hash")
	f := w.field()
	value, at, ok := h.Get([]byte(f), nil)
	want, had := m[f]
	w.want(ok == had && (!ok || want == modelField{string(value), at}), "Get")
	if len(m) == 0 {
		return
	}
	field, value, at := h.Random(w.rng, nil)
	w.want(m[string(field)] == modelField{string(value), at}, "Random")
	n, sample := w.rng.IntN(2*len(m)), hashModel{}
	h.Sample(w.rng, n, func(field, value []byte, at int64) { sample[string(field)] = modelField{string(value), at} })
	w.want(len(sample) == min(n, len(m)), "the size of the sample")
	for f, v := range sample {
		w.want(m[f] == v, "a sample")
	}
	scanned := hashModel{}
	for cursor := uint64(0); ; {
		cursor = h.Scan(cursor, 5,
			func(field, value []byte, at int64) { scanned[string(field)] = modelField{string(value), at} })
		if cursor == 0 {
			break
		}
	}
	w.want(maps.Equal(scanned, m), "Scan")
}

func (w *hashWorld) want(ok bool, what string) {
	if !ok {
		w.t.Helper()
		w.t.Fatalf("%s disagrees with the model", what)
	}
}

func (w *hashWorld) compare() {
	w.t.Helper()
	if err := w.s.Check(); err != nil {
		w.t.Fatal(err)
	}
	earliest, expiring := NoExpiry, 0
	for key, m := range w.models {
		it, _ := w.d.Get([]byte(key))
		w.want(maps.Equal(fieldsOf(it.Hash()), m), "the hash at "+key)
		if next := m.next(); next >= 0 {
			expiring++
			if earliest < 0 || next < earliest {
				earliest = next
			}
		}
	}
	_, at := w.d.NextFieldExpiry(nil)
	w.want(at == earliest && w.d.FieldExpires() == expiring, "the hashes with fields that expire")
}

func TestHashModel(t *testing.T) {
	for round := range *roundsFlag {
		seed := *seedFlag + uint64(round)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 11))
			s := New(1, rng)
			s.Limits.HashEntries, s.Limits.HashValue = 1<<rng.IntN(9), 8<<rng.IntN(5)
			w := &hashWorld{t: t, rng: rng, s: s, d: s.DB(0), models: map[string]hashModel{}, fields: 4 << rng.IntN(9)}
			for range 2500 {
				w.op(rng.IntN(100))
				w.compare()
			}
		})
	}
}

// The encodings that OBJECT ENCODING names are Redis's.
func TestHashEncoding(t *testing.T) {
	s := newTestStore(1)
	s.Limits.HashEntries, s.Limits.HashValue = 4, 10
	d := s.DB(0)
	set := func(key string, at int64, fields int, size int) {
		for i := range fields {
			d.HashSet([]byte(key), at, []byte("f"+strconv.Itoa(i)), []byte(strings.Repeat("v", size)))
		}
	}
	set("small", NoExpiry, 4, 10)
	set("many", NoExpiry, 5, 1)
	set("long", NoExpiry, 1, 11)
	set("large", NoExpiry, 1, 1000)
	set("timed", 5, 4, 10)
	set("timed many", 5, 5, 10)
	set("timed long", 5, 1, 11)
	set("then timed", NoExpiry, 2, 10)
	d.HashExpire([]byte("then timed"), 7, []byte("f1"))
	set("timed before", 5, 2, 10)
	d.HashExpire([]byte("timed before"), NoExpiry, []byte("f0"), []byte("f1"))
	for key, want := range map[string]struct {
		enc    Encoding
		packed bool
	}{
		"small": {EncListpack, true}, "many": {EncHashtable, true}, "long": {EncHashtable, true},
		"large": {EncHashtable, false},
		"timed": {EncListpackEx, true}, "timed many": {EncHashtable, false}, "timed long": {EncHashtable, false},
		"then timed": {EncListpackEx, true}, "timed before": {EncListpackEx, true},
	} {
		it, _ := d.Get([]byte(key))
		if it.Encoding() != want.enc || (it.Bytes() != nil) != want.packed {
			t.Errorf("%s: %v, packed %v", key, it.Encoding(), it.Bytes() != nil)
		}
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	it, _ := d.Get([]byte("then timed"))
	var order []string
	it.Hash().Each(func(field, _ []byte, _ int64) bool { order = append(order, string(field)); return true })
	if !slices.Equal(order, []string{"f1", "f0"}) {
		t.Errorf("fields come as %v, the first to expire should be first", order)
	}
}

// TestHashMemory prints what a field costs.
func TestHashMemory(t *testing.T) {
	s := newTestStore(1)
	d := s.DB(0)
	value := make([]byte, 16)
	const n = 300_000
	for i := range n {
		d.HashSet([]byte("big"), NoExpiry, fmt.Appendf(nil, "field:%010d", i), value)
	}
	before := s.Memory()
	t.Logf("a field of 16+16 bytes: %.1f bytes", float64(before)/n)
	for i := range n {
		d.HashExpire([]byte("big"), 1_700_000_000_000+int64(i*7919%n), fmt.Appendf(nil, "field:%010d", i))
	}
	t.Logf("its time of expiry: %.1f bytes", float64(s.Memory()-before)/n)
	if each := float64(s.Memory()) / n; before > n*62 || each > 90 {
		t.Errorf("%.1f bytes a field", each)
	}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
}
