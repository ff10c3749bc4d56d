package netloop

import (
	"sync"
	"sync/atomic"
	"time"
)

// watchdog sees to what a loop can't while it executes something that takes long, or waits to: it serves the
// connections that are not batched, and has another loop read. It sleeps while the loops do, and costs them nothing but
// to say when they begin and have done executing.
type watchdog struct {
	turns  [maxLoops]atomic.Uint64 // of each loop; odd: it executes
	lent   [maxLoops]atomic.Bool   // it has the token, which may be taken from it
	reader chan struct{}           // where the token goes then
	asleep atomic.Bool
	awake  chan struct{} // a token: a loop begins
	ended  chan struct{}
	group  *sync.WaitGroup

	mu    sync.Mutex // guards the rest
	conns map[*Conn]struct{}
}

const (
	// patience is how often the watchdog looks whether a loop executes for long, and so for how long connections may go
	// unserved.
	patience = 16 * time.Millisecond
	// serveEvery is how often it serves them while one does.
	serveEvery = time.Millisecond
	// restAfter is after how many looks, in which no loop has executed anything, it goes to sleep.
	restAfter = 8
)

func (w *watchdog) init(group *sync.WaitGroup, reader chan struct{}) {
	w.reader = reader
	w.awake, w.ended = make(chan struct{}, 1), make(chan struct{})
	w.group, w.conns = group, map[*Conn]struct{}{}
}

// start has it look after the loops until they end.
func (w *watchdog) start() { w.group.Go(w.run) }

// begins is said by a loop that is about to execute, and may have the token.
func (w *watchdog) begins(loop int, token bool) {
	w.lends(loop, token)
	w.turns[loop].Add(1)
	if w.asleep.Load() {
		select {
		case w.awake <- struct{}{}:
		default:
		}
	}
}

// lends lets the token, if the loop has it, be taken away until the loop asks whether it keeps it.
func (w *watchdog) lends(loop int, token bool) {
	if token {
		w.lent[loop].Store(true)
	}
}

// keeps reports whether a loop still has the token that it has lent.
func (w *watchdog) keeps(loop int, token bool) bool { return token && w.lent[loop].Swap(false) }

// takeAway gives the token of a loop that executes for long to another one.
func (w *watchdog) takeAway(loop int) {
	if w.lent[loop].Swap(false) {
		w.reader <- struct{}{}
	}
}

// done is said by a loop that has executed.
func (w *watchdog) done(loop int) { w.turns[loop].Add(1) }

// add has a connection looked after.
func (w *watchdog) add(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = struct{}{}
}

func (w *watchdog) remove(c *Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c)
}

// run looks after the loops until they end.
func (w *watchdog) run() {
	var seen [maxLoops]uint64
	quiet := 0
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-w.ended:
			return
		}
		held, moved := w.look(&seen)
		pause := patience
		switch {
		case held:
			w.serve()
			quiet, pause = 0, serveEvery
		case moved:
			quiet = 0
		default:
			quiet++
		}
		if quiet > restAfter && !w.sleep(&seen) {
			return
		}
		timer.Reset(pause)
	}
}

// look compares with what it saw last: whether a loop still executes what it executed then, and whether any has done
// anything.
func (w *watchdog) look(seen *[maxLoops]uint64) (held, moved bool) {
	for i := range w.turns {
		now := w.turns[i].Load()
		if now == seen[i] && now%2 == 1 {
			w.takeAway(i)
			held = true
		}
		moved = moved || now != seen[i]
		seen[i] = now
	}
	return held, moved
}

// sleep waits until a loop begins. It reports false when the loops end.
func (w *watchdog) sleep(seen *[maxLoops]uint64) bool {
	w.asleep.Store(true)
	defer w.asleep.Store(false)
	if _, moved := w.look(seen); moved { // before it was seen to be asleep
		return true
	}
	select {
	case <-w.awake:
		return true
	case <-w.ended:
		return false
	}
}

// serve has each connection served that nobody is about.
func (w *watchdog) serve() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if c.owner.Load() == idle {
			w.group.Go(func() {
				for c.serve() {
				}
			})
		}
	}
}
