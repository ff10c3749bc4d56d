package hyperloglog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// model is the registers alone.
type model [registers]uint8

func (m *model) add(e Element) { m[e.register] = max(m[e.register], e.count) }

// sameAs compares with a value, which is made dense for that.
func (m *model) sameAs(v []byte) error {
	d, err := Dense(bytes.Clone(v))
	if err != nil {
		return err
	}
	i := 0
	Register(d, func(value uint8) {
		if value != m[i] && err == nil {
			err = fmt.Errorf("register %d is %d, not %d", i, value, m[i])
		}
		i++
	})
	return err
}

// TestAgainstModel adds, merges and counts, with elements as they come and with registers as they never do.
func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		limit := []int{0, 40, 300, 3000, 20000}[round%5]
		v, m := New(nil), model{}
		other, otherModel := New(nil), model{}
		for step := range 400 {
			e := ElementOf(fmt.Append(nil, rng.IntN(5000)))
			if round%2 == 0 { // close to one another
				e = Element{uint16(rng.IntN(300)), uint8(1 + rng.IntN(4))}
			}
			if round%7 == 0 && step == 300 {
				e.count = maxCount
			}
			was := m[e.register]
			m.add(e)
			var changed bool
			var err error
			if v, changed, err = Add(v, []Element{e}, limit); err != nil || changed != (m[e.register] > was) {
				t.Fatalf("%+v: %v, changed: %v", e, err, changed)
			}
			if other, _, err = Add(other, []Element{{e.register ^ 3, e.count}}, limit); err != nil {
				t.Fatal(err)
			}
			otherModel.add(Element{e.register ^ 3, e.count})
			if step%50 > 0 {
				continue
			}
			if err := m.sameAs(v); err != nil {
				t.Fatal(err)
			}
			if !IsDense(v) && len(v) > max(limit, len(New(nil))) {
				t.Fatalf("%d bytes, limit %d", len(v), limit)
			}
			var u Union
			if err := u.Add(v); err != nil {
				t.Fatal(err)
			}
			a, _ := Count(v)
			d, _ := Dense(bytes.Clone(v))
			if b, _ := Count(d); a != b || u.Count() != a {
				t.Fatalf("%d sparse, %d dense, %d in all", a, b, u.Count())
			}
			if err := u.Add(other); err != nil {
				t.Fatal(err)
			}
			merged, slowly := bytes.Clone(v), bytes.Clone(v)
			if merged, err = u.Into(merged, limit); err != nil {
				t.Fatal(err)
			}
			for i, n := range u {
				if n > 0 {
					if slowly, _, err = Add(slowly, []Element{{uint16(i), n}}, limit); err != nil {
						t.Fatal(err)
					}
				}
			}
			Forget(slowly)
			if !bytes.Equal(merged, slowly) {
				t.Fatal("merging in one go makes other bytes than adding one after the other")
			}
			both := m
			for i, n := range otherModel {
				both[i] = max(both[i], n)
			}
			if err := both.sameAs(merged); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestEstimates: the counts of redis-server 7.0.15 after as many elements 0, 1, 2, …
func TestEstimates(t *testing.T) {
	v := New(nil)
	want := map[int]uint64{1: 1, 10: 10, 100: 100, 1000: 1001, 10000: 9987, 100000: 99565}
	for n := 1; n <= 100000; n++ {
		v, _, _ = Add(v, []Element{ElementOf(fmt.Append(nil, n-1))}, 3000)
		if want, ok := want[n]; ok {
			if got, err := Count(v); err != nil || got != want {
				t.Errorf("%d elements: %d, %v, want %d", n, got, err, want)
			}
		}
	}
}

// TestStrangeRegisters: registers that no element sets have a count as well, the one that Redis has.
func TestStrangeRegisters(t *testing.T) {
	d, _ := Dense(New(nil))
	for i := range registers {
		Raise(d, Element{uint16(i), registerMax})
	}
	if n, err := Count(d); n != 1<<63 || err != nil {
		t.Error(n, err)
	}
}

func TestSelf(t *testing.T) {
	for _, limit := range []int{0, 3000, 20000} {
		if err := SelfTest(rand.New(rand.NewPCG(1, 2)), limit); err != nil {
			t.Error(err)
		}
	}
}

// FuzzBytes: whatever the bytes are, nothing panics; what counts can be added to, merged and made dense, and is the
// same as before but for what was added.
func FuzzBytes(f *testing.F) {
	f.Add(New(nil), []byte("a"))
	v := New(nil)
	for i := range 300 {
		v, _, _ = Add(v, []Element{ElementOf(fmt.Append(nil, i))}, 3000)
	}
	f.Add(v, []byte("b"))
	f.Add(append(New(nil)[:headerSize], 0x40), []byte("c"))
	f.Fuzz(func(t *testing.T, v, element []byte) {
		if Check(v) != nil {
			return
		}
		Cached(v)
		if !IsDense(v) {
			AppendRuns(nil, v)
		}
		var u Union
		merges := u.Add(v)
		_, counts := Count(v)
		d, denses := Dense(bytes.Clone(v))
		if (merges == nil) != (denses == nil) || merges == nil && counts != nil {
			t.Fatalf("merge: %v, dense: %v, count: %v", merges, denses, counts)
		}
		e := ElementOf(element)
		added, _, err := Add(bytes.Clone(v), []Element{e}, 3000)
		if merges != nil {
			return
		}
		if into, err := u.Into(bytes.Clone(v), 3000); err == nil {
			if again, err := Count(into); err != nil || again != u.Count() {
				t.Fatalf("%d after a merge, %d before: %v", again, u.Count(), err)
			}
		}
		if err != nil {
			return // the last run lacks a byte
		}
		setDense(d, e)
		a, err := Count(added)
		if b, _ := Count(d); err != nil || a != b {
			t.Fatalf("%d sparse, %d dense: %v", a, b, err)
		}
	})
}
