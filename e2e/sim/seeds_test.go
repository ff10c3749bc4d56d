package sim

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// defaultSeeds is how many seeds run when SEEDS doesn't say.
const defaultSeeds = 1000

// maxFaults bounds the faults of a seed.
const maxFaults = 4

// number reads a knob from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is no number: %v", name, err)
	}
	return n
}

// TestSeeds runs the schedules of SEEDS seeds from SEED on, and prints what they came to. Of the first that fails the
// list of faults is shrunk, for at most SHRINK seconds.
func TestSeeds(t *testing.T) {
	first, seeds := number(t, "SEED", 1), number(t, "SEEDS", defaultSeeds)
	sum := newTally()
	t.Cleanup(func() { fmt.Printf("%d seeds from %d: %s\n", seeds, first, sum.summary()) })
	shrinks := &shrinker{lasts: time.Duration(number(t, "SHRINK", defaultShrink)) * time.Second}
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			s := setup{seed: seed, rerun: fmt.Sprintf("SEED=%d SEEDS=1 go test ./e2e/sim -count=1 -run TestSeeds",
				seed)}
			s.judged = sum.judged
			s.fsync = [...]string{"always", "", "everysec", "", "always", "everysec"}[seed%6]
			var done []fault
			defer func() { // a test that failed comes here only so
				sum.ended(t.Failed())
				if t.Failed() {
					shrinks.shrink(t, s, done)
				}
			}()
			inBubble(t, s, func(g *group) {
				defer sum.add(g)
				g.runSchedule(&done, nil)
			})
		})
	}
}

// grace is for how long the others of a chain wait for a member that does not come back, with some time to spare.
const grace = 7 * time.Second

// servedAgain says that writes go on soon after the last fault was undone. A node that has lost its disk is another
// one: who died with it waits for the one that it was.
func (g *group) servedAgain() {
	g.t.Helper()
	before, within := g.history.writes(), 5*time.Second
	if g.lostDisk {
		within += grace
	}
	g.until("a write after the faults", within, func() bool { return g.history.writes() > before })
}

// schedule draws the faults of a seed.
func (g *group) schedule() (list []fault) {
	for range 1 + g.rng.IntN(maxFaults) {
		longest := []time.Duration{50 * time.Millisecond, 2500 * time.Millisecond}[g.rng.IntN(2)]
		list = append(list, fault{seed: g.rng.Uint64(), pause: g.between(0, longest)})
	}
	return list
}

// runSchedule is one seed: clients at work, on nodes with disks or without, some faults in a row, healing, and the
// checks. The faults are the seed's or, if there is an instead, those; done gets what was done.
func (g *group) runSchedule(done *[]fault, instead []fault) {
	for _, m := range g.awaitWhole() {
		m.since = time.Time{} // of these none is about to be dropped
	}
	if g.rng.IntN(3) == 0 { // a slower network, that loses some of the gossip
		g.latency, g.jitter = g.between(500*time.Microsecond, 8*time.Millisecond), g.between(0, 10*time.Millisecond)
		g.net.SetDefaultLatency(g.latency, g.jitter)
		g.net.SetDefaultLoss(0.1 * g.rng.Float64())
		g.net.SetDefaultDuplication(0.2 * g.rng.Float64())
	}
	g.uniform = g.rng.IntN(4) == 0
	list := g.schedule()
	if instead != nil {
		list = instead
	}
	g.startClients(5, 4*time.Millisecond)
	g.startWatchers()
	g.sleep(300 * time.Millisecond)
	f := &faults{group: g, done: done}
	for _, x := range list {
		f.one(x)
		g.sleep(x.pause)
	}
	f.undo()
	g.servedAgain()
	g.settled()
}
