package sim

import (
	"context"
	"slices"
	"sync"
	"time"

	"holdfast/sentinel"
)

// agreements is what sentinels said was agreed.
type agreements struct {
	mu     sync.Mutex
	chains map[uint64][]string
}

const watchEvery = 150 * time.Millisecond

// startWatchers has every sentinel asked until the clients stop: one epoch is one chain, and nobody goes back.
func (g *group) startWatchers() {
	a := &agreements{chains: map[uint64][]string{}}
	for _, w := range g.sentinels {
		g.work.Go(func() { g.watch(g.running, w, a) })
	}
}

func (g *group) watch(ctx context.Context, w *watcher, a *agreements) {
	var newest uint64
	for ctx.Err() == nil {
		if s, err := g.statusOf(w); err == nil && s.InTouch && len(s.Groups) == 1 {
			epoch := s.Groups[0].Epoch
			if epoch < newest {
				g.story.violated("%s is in touch and says epoch %d after it had said %d", w.name, epoch, newest)
			}
			newest = max(newest, epoch)
			g.compare(w, s.Groups[0], a)
		}
		t := time.NewTimer(watchEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// compare says that all sentinels have the same chain for an epoch.
func (g *group) compare(w *watcher, s sentinel.GroupStatus, a *agreements) {
	var chain []string
	for _, m := range s.Chain {
		chain = append(chain, m.Name+" "+m.Incarnation)
	}
	a.mu.Lock()
	was, known := a.chains[s.Epoch]
	if !known {
		a.chains[s.Epoch] = chain
	}
	a.mu.Unlock()
	if known && !slices.Equal(was, chain) {
		g.story.violated("%s has the chain %v for epoch %d, another had %v", w.name, chain, s.Epoch, was)
	}
}
