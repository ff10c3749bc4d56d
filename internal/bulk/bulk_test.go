package bulk_test

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"holdfast/internal/bulk"
)

// lengths are around where a stretch becomes a long one.
var lengths = []int{0, 1, 100, 64 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 512 << 10, 1<<20 + 7}

func random(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestSame compares everything with what Go has for it.
func TestSame(t *testing.T) {
	for _, n := range lengths {
		b := random(n)
		if got := bulk.Clone(b); !bytes.Equal(got, b) {
			t.Errorf("a clone of %d bytes differs", n)
		}
		if got := bulk.Make(n); len(got) != n || slices.ContainsFunc(got, func(b byte) bool { return b != 0 }) {
			t.Errorf("Make(%d) has %d bytes, or not all are zero", n, len(got))
		}
		for _, m := range lengths {
			more := random(m + 1)
			if got, want := bulk.Append(slices.Clip(slices.Clone(b)), more),
				slices.Concat(b, more); !bytes.Equal(got, want) {
				t.Errorf("%d bytes appended to %d make %d that differ", m+1, n, len(got))
			}
			roomy := append(make([]byte, 0, n+m+1), b...)
			if got, want := bulk.Append(roomy, more), slices.Concat(b, more); !bytes.Equal(got, want) ||
				cap(got) != n+m+1 {
				t.Errorf("%d bytes appended to %d in their own block make %d that differ", m+1, n, len(got))
			}
			got, want := slices.Clone(b), slices.Clone(b)
			if a, b := bulk.Copy(got, more), copy(want, more); a != b || !bytes.Equal(got, want) {
				t.Errorf("%d bytes copied over %d: %d, not %d, or they differ", m+1, n, a, b)
			}
		}
		shifted, want := slices.Clone(b), slices.Clone(b)
		bulk.Copy(shifted, shifted[n/3:])
		if copy(want, want[n/3:]); !bytes.Equal(shifted, want) {
			t.Errorf("%d bytes moved to the front differ", n)
		}
		if bulk.Clear(b); slices.ContainsFunc(b, func(b byte) bool { return b != 0 }) {
			t.Errorf("not all of %d bytes are cleared", n)
		}
	}
}

// TestOthersRun: on one processor, others run while a long stretch is worked at: the kernel's view of time has
// nothing to do with it.
func TestOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	long := make([]byte, 8<<20)
	for name, work := range map[string]func(){
		"Copy":   func() { bulk.Copy(long, long[1:]) },
		"Clear":  func() { bulk.Clear(long) },
		"Clone":  func() { bulk.Clone(long) },
		"Append": func() { bulk.Append(long[:1], long) },
	} {
		var turns atomic.Int64
		var stop atomic.Bool
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for !stop.Load() {
				turns.Add(1)
				runtime.Gosched()
			}
		}()
		runtime.Gosched()
		before := turns.Load()
		work()
		if got := turns.Load() - before; got < 8 {
			t.Errorf("during %s another goroutine had %d turns", name, got)
		}
		stop.Store(true)
		<-ended
	}
}
