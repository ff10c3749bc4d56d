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

// startWatchers has every sentinel asked until the clients stop: one epoch is one chain, and nobody goes back. The
// members' logs are watched as well.
func (g *group) startWatchers() {
	g.startPrefixes()
	a := &agreements{chains: map[uint64][]string{}}
	for _, w := range g.sentinels {
		g.work.Go(func() { g.watch(g.running, w, a) })
	}
}

func (g *group) watch(ctx context.Context, w *watcher, a *agreements) {
	var newest uint64
	i := &inquiry{w: w, g: g}
	defer i.close()
	for ctx.Err() == nil {
		if s, err := i.status(); err == nil && s.InTouch && len(s.Groups) == 1 {
			epoch := s.Groups[0].Epoch
			if epoch < newest {
				g.story.violated("agreement", "%s is in touch and says epoch %d after it had said %d", w.name, epoch,
					newest)
			}
			newest = max(newest, epoch)
			g.compare(w, s.Groups[0], a)
			g.compareGuests(w, s.Groups[0])
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
		g.story.violated("agreement", "%s has the chain %v for epoch %d, another had %v", w.name, chain, s.Epoch, was)
	}
}
