package netloop

import "time"

// busyPoll is how a loop comes to know whether the other servers are near: whether what it waits for comes within
// spinFor, so that it pays to look again for so long before it sleeps.
type busyPoll struct {
	linked  bool // the last turn served a connection that is not batched
	score   int  // how often something came, less how often nothing did, when it last looked again
	skipped int  // turns since, in which it did not
	awake   int  // turns since it last let the scheduler look at other sockets
}

const (
	// spinFor is some times what it takes to fall asleep and be woken: a write's way to near members and back takes as
	// long when nobody on it sleeps, and twice that when all do.
	spinFor  = 100 * time.Microsecond
	maxScore = 8
	tryAgain = 64
	maxAwake = 16
)

// await waits for connections that have something to read. While something is expected it does not fall asleep at once,
// if that has been of use lately.
func (g *group) await(ready []event, block bool, b *busyPoll) ([]event, error) {
	if !block || !b.linked && !g.cfg.Expecting() {
		return g.poller.wait(ready, block)
	}
	if b.score <= 0 && b.skipped < tryAgain {
		b.skipped++
		return g.poller.wait(ready, block)
	}
	ready, err := g.poller.spin(ready, spinFor)
	if err != nil {
		return ready, err
	}
	b.skipped = 0
	if len(ready) == 0 {
		b.score, b.awake = max(b.score-1, 0), 0
		return g.poller.wait(ready, block)
	}
	b.score = min(b.score+1, maxScore)
	if b.awake++; b.awake >= maxAwake && g.cfg.Yield != nil {
		b.awake = 0
		g.cfg.Yield()
	}
	return ready, nil
}
