package engine

import "sync"

// Gates know who waits for the commit point. It needs no other lock.
type Gates[T any] struct {
	mu      sync.Mutex
	waiting []waiting[T] // a binary heap, least gate first
}

type waiting[T any] struct {
	gate int64
	who  T
}

// Add has who handed out once gate is committed.
func (g *Gates[T]) Add(gate int64, who T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, waiting[T]{gate, who})
	for i := len(g.waiting) - 1; i > 0; {
		up := (i - 1) / 2
		if g.waiting[up].gate <= g.waiting[i].gate {
			break
		}
		g.waiting[up], g.waiting[i] = g.waiting[i], g.waiting[up]
		i = up
	}
}

// Open takes out everybody whose gate is at most commit.
func (g *Gates[T]) Open(commit int64) (free []T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) > 0 && g.waiting[0].gate <= commit {
		free = append(free, g.waiting[0].who)
		last := len(g.waiting) - 1
		g.waiting[0] = g.waiting[last]
		g.waiting[last] = waiting[T]{}
		g.waiting = g.waiting[:last]
		for i := 0; ; {
			least := 2*i + 1
			if least >= last {
				break
			}
			if r := least + 1; r < last && g.waiting[r].gate < g.waiting[least].gate {
				least = r
			}
			if g.waiting[i].gate <= g.waiting[least].gate {
				break
			}
			g.waiting[i], g.waiting[least] = g.waiting[least], g.waiting[i]
			i = least
		}
	}
	return free
}
