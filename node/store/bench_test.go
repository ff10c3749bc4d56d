package store

import (
	"testing"
)

const benchKeys = 1_000_000

// benchKey makes the i-th of a million keys in a scattered order, without touching memory but buf.
func benchKey(buf []byte, i int) []byte {
	n := uint64(i) * 7_368_787 % benchKeys
	copy(buf, "key:00000000")
	for at := 15; at >= 4; at-- {
		buf[at] = byte('0' + n%10)
		n /= 10
	}
	return buf
}

func benchStore(b *testing.B) (*DB, []byte) {
	s := newTestStore(1)
	d := s.DB(0)
	buf := make([]byte, 16)
	for i := range benchKeys {
		key := benchKey(buf, i*3)
		d.SetString(key, key, EncEmbstr, NoExpiry)
	}
	if d.Len() != benchKeys {
		b.Fatal(d.Len())
	}
	b.ReportAllocs()
	b.ResetTimer()
	return d, buf
}

func BenchmarkKey(b *testing.B) {
	buf := make([]byte, 16)
	for i := range b.N {
		benchKey(buf, i)
	}
}

func BenchmarkGet(b *testing.B) {
	d, buf := benchStore(b)
	for i := range b.N {
		if _, ok := d.Get(benchKey(buf, i)); !ok {
			b.Fatal("a key is missing")
		}
	}
}

func BenchmarkGetMissing(b *testing.B) {
	d, buf := benchStore(b)
	for i := range b.N {
		key := benchKey(buf, i)
		key[0] = 'x'
		d.Get(key)
	}
}

func BenchmarkSetOverwrite(b *testing.B) {
	d, buf := benchStore(b)
	val := []byte("0123456789abcdef")
	for i := range b.N {
		d.SetString(benchKey(buf, i), val, EncEmbstr, NoExpiry)
	}
}

func BenchmarkSetNew(b *testing.B) {
	buf := make([]byte, 16)
	var d *DB
	b.ReportAllocs()
	for i := range b.N {
		if i%benchKeys == 0 {
			d = newTestStore(1).DB(0)
		}
		key := benchKey(buf, i)
		d.SetString(key, key, EncEmbstr, NoExpiry)
	}
}

func BenchmarkDelete(b *testing.B) {
	d, buf := benchStore(b)
	for i := range b.N {
		if i%benchKeys == 0 && i > 0 {
			b.StopTimer()
			for j := range benchKeys {
				key := benchKey(buf, j)
				d.SetString(key, key, EncEmbstr, NoExpiry)
			}
			b.StartTimer()
		}
		d.Delete(benchKey(buf, i))
	}
}

// BenchmarkSnapshot is the cost of an entry.
func BenchmarkSnapshot(b *testing.B) {
	d, _ := benchStore(b)
	for n := 0; n < b.N; {
		sn := d.store.BeginSnapshot(func(int, Item) error { n++; return nil })
		for done := false; !done; {
			done, _ = sn.Step(1000)
		}
		sn.Close()
	}
}

// BenchmarkExpireScanFewTTLs is the cost of a whole round over a million keys of which ten expire, never yet.
func BenchmarkExpireScanFewTTLs(b *testing.B) {
	d, buf := benchStore(b)
	for i := range 10 {
		d.SetExpire(benchKey(buf, i), 1<<40)
	}
	for range b.N {
		for range 20 {
			d.ExpireScan(0, 20, func([]byte) {})
		}
	}
}

// BenchmarkGetWarm is BenchmarkGet in batches that are warmed first.
func BenchmarkGetWarm(b *testing.B) {
	d, _ := benchStore(b)
	keys := make([][]byte, WarmKeys)
	for i := range keys {
		keys[i] = make([]byte, 16)
	}
	for i := 0; i < b.N; i += len(keys) {
		for j := range keys {
			benchKey(keys[j], i+j)
		}
		d.Warm(keys)
		for _, key := range keys {
			if _, ok := d.Get(key); !ok {
				b.Fatal("a key is missing")
			}
		}
	}
}
