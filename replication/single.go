package replication

import "sync/atomic"

// single has something done by one goroutine at a time. Who comes meanwhile doesn't wait, but has it done once more.
type single struct{ asked atomic.Int32 }

func (s *single) do(f func()) {
	if s.asked.Add(1) > 1 {
		return
	}
	for again := true; again; {
		s.asked.Store(1) // whoever asked before is served now
		f()
		again = !s.asked.CompareAndSwap(1, 0)
	}
}
