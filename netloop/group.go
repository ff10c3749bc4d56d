package netloop

import (
	"errors"
	"runtime"
	"sync"
)

// group is the loops over one poller. A loop waits until some connections have something to read, has what they sent
// executed, and lets them answer. While one loop writes, the next one reads; what they execute keeps the order, because
// a loop takes its place in the queue for execution before it lets the next one read.
//
// Whatever can't be done at once is not a loop's work: it gives the connection back to its own goroutine.
type group struct {
	cfg       *Config
	hand      *hand
	newPoller func() (poller, error)
	once      sync.Once
	poller    poller        // nil: there is none here
	reader    chan struct{} // a token: who has it waits for connections, and reads them
	count     int
	done      sync.WaitGroup
	watchdog  watchdog
}

const (
	// MaxBatch is how many connections one turn of a loop serves at most.
	MaxBatch = 64
	// fewReady is how many connections a loop serves without having another take over the reading: to wake that one
	// takes longer.
	fewReady = 2
	// maxLoops bounds the loops: of what they do only the writing takes place side by side.
	maxLoops = 4
)

func (g *group) init(cfg *Config, h *hand, newPoller func() (poller, error)) {
	g.cfg, g.hand, g.newPoller = cfg, h, newPoller
}

// start starts the loops, once. It reports whether there are some.
func (g *group) start() bool {
	g.once.Do(func() {
		p, err := g.newPoller()
		if err != nil {
			if !errors.Is(err, errors.ErrUnsupported) {
				g.cfg.Logger.Warn("connections are read by a goroutine each", "err", err)
			}
			return
		}
		g.poller = p
		g.reader = make(chan struct{}, 1)
		g.reader <- struct{}{}
		g.watchdog.init(&g.done, g.reader)
		g.count = min(runtime.GOMAXPROCS(0), maxLoops)
		g.watchdog.start()
		for i := range max(g.count, 2) { // the watchdog needs one more to have go on than may be held up
			g.done.Go(func() { g.run(i) })
		}
	})
	return g.poller != nil
}

// close ends the loops, once they have no connections any more.
func (g *group) close() error {
	if g.poller == nil {
		return nil
	}
	err := g.poller.close()
	close(g.watchdog.ended)
	g.done.Wait()
	return err
}

// run is one loop.
func (g *group) run(number int) {
	var ready []event
	var all []*Conn      // batched, of which there is more to do
	var direct []*Conn   // the others, likewise
	var active []Batched // of all, which have something to execute
	var near busyPoll
	reads := false // it has the token
	for {
		if !reads {
			reads = g.takeOver(len(all)+len(direct) == 0)
		}
		if reads {
			var err error
			if ready, err = g.await(ready[:0], len(all)+len(direct) == 0, &near); err != nil {
				g.reader <- struct{}{} // the others find out too
				return
			}
			for _, r := range ready {
				c := r.Of
				if r.Ended {
					c.ended.Store(true)
				}
				if c.direct != nil {
					direct = append(direct, c)
				} else if c.claim() == idle {
					c.readable = true
					all = append(all, c)
				}
			}
		}
		active = active[:0]
		for _, c := range all {
			if c.fetch() {
				active = append(active, c.batched)
			}
		}
		yield := false
		g.watchdog.begins(number, reads)
		g.cfg.Lock.Lock()
		if reads = g.watchdog.keeps(number, reads); reads && len(active)+len(direct) > fewReady && g.count > 1 {
			g.reader <- struct{}{}
			reads = false
		}
		if len(active) > 0 {
			g.watchdog.lends(number, reads)
			g.hand.conns = &all
			yield = g.cfg.execute(active)
			reads = g.watchdog.keeps(number, reads)
		}
		g.cfg.Lock.Unlock()
		g.watchdog.done(number)
		near.linked = len(direct) > 0
		direct = serveDirect(direct)
		left := all[:0]
		for _, c := range all {
			if c.settle() {
				left = append(left, c)
			}
		}
		clear(all[len(left):])
		clear(ready) // who has gone is not to be kept
		clear(active)
		all = left
		if yield && g.cfg.Yield != nil {
			g.cfg.Yield()
		}
	}
}

// takeOver takes the token, and waits for it if it is told to.
func (g *group) takeOver(wait bool) bool {
	if wait {
		<-g.reader
		return true
	}
	select {
	case <-g.reader:
		return true
	default:
		return false
	}
}

// serveDirect serves connections that are not batched, and returns those of which there is more to do.
func serveDirect(all []*Conn) (left []*Conn) {
	left = all[:0]
	for _, c := range all {
		if c.serve() {
			left = append(left, c)
		}
	}
	clear(all[len(left):])
	return left
}
